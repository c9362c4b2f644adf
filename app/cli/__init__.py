"""The commands of ``gatehouse``, a module a noun. Each is a function with its options beside it."""
