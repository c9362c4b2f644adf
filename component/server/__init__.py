"""uvicorn's HTTP and WebSocket protocols with limits that come before the work."""
