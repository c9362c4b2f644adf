"""The contract of the remote API: requests and responses as pydantic models, one module for each resource.

The views of ``remote_api`` build them, the OpenAPI description is made from them, the client reads responses with them.
"""
