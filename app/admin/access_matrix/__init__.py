"""The access matrix: which role reaches which page, function and endpoint."""
