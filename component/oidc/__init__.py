"""The OpenID provider as a client sees it: its endpoints, login transactions, and limits on what reaches it."""
