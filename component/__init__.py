"""What stands between the browser, the identity provider and the app: sign-in, sessions, the component."""
