"""Adapters of Streamlit's runtime: session binding, deferred calls, disconnected sessions, media files."""
