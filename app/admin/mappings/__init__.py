"""The mappings page: token roles of the provider, and the roles here that they become."""
