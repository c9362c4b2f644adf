"""The mappings page: the provider's token roles, and the roles that they are mapped to."""
