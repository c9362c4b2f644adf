"""The audit page: filters, the list of events, the export, and the texts of events."""
