"""The socket guard and each socket's tab: identity on every request and message, recheck, expiry overlay, uploads."""
