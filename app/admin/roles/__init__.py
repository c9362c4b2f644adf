"""The roles page: list, card, editor with review, comparison and deletion of roles."""
