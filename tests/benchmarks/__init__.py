"""Benchmarks: each budget of the product, as a ratio of candidate to baseline measured in one run.

Absolute times move by a third between runs; ratios inside one run do not. ``python -m tests.benchmarks`` runs them all.
"""
