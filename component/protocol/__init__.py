"""Streamlit's protocol: messages read and made, and what reading one costs."""
