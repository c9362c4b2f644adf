"""The HTTP routes under ``/auth``: sign-in, callback, sign-out, session, back-channel logout."""
