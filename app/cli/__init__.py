"""The command line about people, roles, grants and mappings: what must work without a browser."""
