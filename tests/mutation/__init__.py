"""Mutation testing: how many small faults of the code the tests notice. See docs/mutation-testing.md."""
