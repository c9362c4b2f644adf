"""API explorer: call the remote API with or without your token, and see what went and what came."""

import json
from http import HTTPStatus

import streamlit as st

from app import access, api_client, panels
from app.core.errors import GatehouseError
from app.core.permissions import Permission

access.require_page()

CALLS = {
    "Public ping": ("GET", "/api/ping", "Answers anybody."),
    "Protected ping": ("GET", "/api/pong", "Asks for a valid access token."),
    "Scoped ping": ("GET", "/api/pong-scoped", f"Asks for the permission {Permission.READ_MESSAGES.value}."),
    "Who am I": ("GET", "/api/v1/me", "What the API knows of you, and what you may do."),
    "My sessions": ("GET", "/api/v1/me/sessions", "Where you are signed in."),
    "Usage report": (
        "GET",
        "/api/v1/reports/usage?days=7",
        f"Asks for the permission {Permission.READ_REPORTS.value}.",
    ),
}


@access.requires(Permission.EXPLORE_API)
def make_call(name: str, *, with_token: bool) -> api_client.Exchange:
    """Make one of the listed calls; the token never leaves the server."""
    method, path, _ = CALLS[name]
    return api_client.explore(method, path, with_token=with_token)


st.title("API explorer")
st.caption("The calls go from this server to the remote API. Your access token is added there and never shown here.")

name = st.selectbox("Call", list(CALLS), key="call")
method, path, about = CALLS[name]
st.code(f"{method} {path}", language="http")
st.caption(about)
with_token = st.toggle("Send my access token", value=True, key="with-token")

if st.button("Send", key="send", type="primary", icon=":material/send:"):
    try:
        st.session_state["exchange"] = (name, with_token, make_call(name, with_token=with_token))
    except GatehouseError as error:
        st.session_state.pop("exchange", None)
        panels.problem(error)

asked, asked_with_token, exchange = st.session_state.get("exchange", (None, None, None))
if exchange is None or (asked, asked_with_token) != (name, with_token):
    st.info("Send the call. Its answer shows here.", icon=":material/info:")
    st.stop()

good = exchange.status < HTTPStatus.BAD_REQUEST
st.subheader("Answer")
with st.container(key="answer"):
    status, elapsed, kind = st.columns(3)
    status.metric("Status", exchange.status, border=True)
    elapsed.metric("Time", f"{exchange.elapsed_ms:.0f} ms", border=True)
    kind.metric("Token", "sent" if exchange.with_token else "not sent", border=True)
    if good:
        st.success("The API answered the call.", icon=":material/check_circle:")
    else:
        st.warning("The API refused the call. The answer says why.", icon=":material/block:")
    request_tab, body_tab, header_tab = st.tabs(["Request", "Body", "Headers"], default="Body")
    with request_tab:
        bearer = "\nAuthorization: Bearer (kept on the server)" if exchange.with_token else ""
        st.code(f"{exchange.method} {exchange.url}{bearer}", language="http")
    with body_tab:
        try:
            st.code(json.dumps(json.loads(exchange.body), indent=2, ensure_ascii=False), language="json")
        except ValueError:
            st.code(exchange.body or "(empty)", language=None)
    with header_tab:
        st.code("\n".join(f"{key}: {value}" for key, value in exchange.headers.items()), language="http")
