"""Verification of access, ID and logout tokens (JWT, JWS, JWKS), and discovery of the issuer."""
