"""The core: callers, permissions and the decision. Docstring only; imports nothing of ours."""
