"""The documented operations, rehearsed: real processes on this machine, traffic meanwhile, and a table at the end."""
