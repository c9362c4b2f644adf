"""Sessions: the service, their credentials and tokens, refresh, resumption, step-up, lifetimes and audit events."""
