"""Photographs the running product: ``python -m tests.screenshots``, or ``make screenshots``.

``table.py`` is the table of what is photographed, ``states.py`` brings the states about, ``pictures.py`` is the table
of the documentation's pictures.
"""
