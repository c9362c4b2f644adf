"""The access matrix: which roles may open which page, and call which function and endpoint."""
