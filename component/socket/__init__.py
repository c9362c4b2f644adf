"""The identity middleware and each socket's tab: identity of each request and message, recheck, overlay, uploads."""
