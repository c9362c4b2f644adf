"""The command line about people, roles, grants, mappings and the audit: what must work without a browser."""
