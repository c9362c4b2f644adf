"""Typed calls of the remote API for administrators, one module for each resource.

Every function checks its permission before the call, and raises ``PermissionDenied`` without it. Every call can raise a
``GatehouseError`` of the API or of the connection; a function lists the errors that are specific to it.
"""
