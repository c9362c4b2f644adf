"""The views of the remote API: one blueprint for each resource."""
