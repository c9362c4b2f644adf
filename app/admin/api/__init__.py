"""Typed calls of the remote API for administrators, one module for each resource."""
