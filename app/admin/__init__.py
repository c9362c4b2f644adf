"""Administration in the Streamlit process: typed calls of the remote API, and the views its pages share."""
