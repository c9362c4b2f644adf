"""The roles page: the list, one role, its editor and review, comparison and deletion."""
