"""The Streamlit process, and the core every process shares. Docstring only: import contracts do not see this file."""
