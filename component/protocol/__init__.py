"""Streamlit's protocol: messages between browser and server, and the cost of parsing them."""
