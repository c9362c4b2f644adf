"""Streamlit's component scanner finds the distribution by this module: it requires one of the same name."""
