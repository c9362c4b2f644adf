"""The audit page: filters, the list of events, the export, and how events read."""
