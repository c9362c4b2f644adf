"""Widgets of the administration pages: dialogs, notices, pickers, pagination, errors, labels."""
