"""What the administration pages share: dialogs, notices, pickers, pagination, failures, labels."""
