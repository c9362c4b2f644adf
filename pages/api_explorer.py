"""API explorer: calls of the remote API from the page and from the component, beside a guarded function of the app."""

import json
from http import HTTPStatus

import streamlit as st

from app import access, api_client, event_console, formatting, panels
from app.core.errors import GatehouseError
from app.core.permissions import Permission

access.require_page()

CALLS = {
    "Public ping": ("GET", "/api/ping", "Requires no token."),
    "Protected ping": ("GET", "/api/pong", "Requires a valid access token."),
    "Scoped ping": ("GET", "/api/pong-scoped", f"Requires the permission {Permission.READ_MESSAGES.value}."),
    "Who am I": ("GET", "/api/v1/me", "Your identity and permissions, as the API sees them."),
    "My sessions": ("GET", "/api/v1/me/sessions", "Your sessions."),
    "Usage report": (
        "GET",
        "/api/v1/reports/usage?days=7",
        f"Requires the permission {Permission.READ_REPORTS.value}.",
    ),
}


@access.requires(Permission.EXPLORE_API)
def make_call(name: str, *, with_token: bool) -> api_client.ExploredCall:
    """Make one of the listed calls; the token never leaves the server."""
    method, path, _ = CALLS[name]
    return api_client.explore(method, path, with_token=with_token)


@access.requires(Permission.READ_MESSAGES)
def protected_function() -> str:
    """Return the message of GET /api/pong-scoped, as a function of this app with the same permission."""
    return "Ping. You may read messages."


def direct() -> None:
    """Call the remote API from this page."""
    st.header("Direct")
    st.caption("The Python code of this page calls the API with your access token.")
    name = st.selectbox("Call", list(CALLS), key="call")
    method, path, description = CALLS[name]
    st.code(f"{method} {path}", language="http", wrap_lines=True)
    st.caption(description)
    with_token = st.toggle("Send my access token", value=True, key="with-token")
    if st.button("Send", key="send", icon=":material/send:"):
        try:
            st.session_state["explored"] = (name, with_token, make_call(name, with_token=with_token))
        except GatehouseError as error:
            st.session_state.pop("explored", None)
            panels.problem(error)
    sent_name, sent_with_token, explored = st.session_state.get("explored", (None, None, None))
    if explored is None or (sent_name, sent_with_token) != (name, with_token):
        st.info("Send the call to see the response here.", icon=":material/info:")
    else:
        show_response(explored)


def show_response(explored: api_client.ExploredCall) -> None:
    """Show a request and its response."""
    with st.container(key="response", border=True):
        token = "token sent" if explored.with_token else "token not sent"
        status = f"**{explored.status}** after {explored.elapsed_ms:.0f} ms, {token}."
        if explored.status < HTTPStatus.BAD_REQUEST:
            st.success(f"{status} The API accepted the call.", icon=":material/check_circle:")
        else:
            st.warning(f"{status} The API refused the call. The body contains the reason.", icon=":material/block:")
        request_tab, body_tab, header_tab = st.tabs(["Request", "Body", "Headers"], default="Body")
        with request_tab:
            bearer = "\nAuthorization: Bearer (kept on the server)" if explored.with_token else ""
            st.code(f"{explored.method} {explored.url}{bearer}", language="http", wrap_lines=True)
        with body_tab:
            try:
                body = json.dumps(json.loads(explored.body), indent=2, ensure_ascii=False)
                st.code(body, language=None, wrap_lines=True)  # syntax colours have too little contrast
            except ValueError:
                st.code(explored.body or "(empty)", language=None, wrap_lines=True)
        with header_tab:
            headers = "\n".join(f"{key}: {value}" for key, value in explored.headers.items())
            st.code(headers, language="http", wrap_lines=True)


def function_beside_endpoint() -> None:
    """Call a function of this app and an endpoint of the API that require the same permission."""
    st.header("A function beside an endpoint")
    st.caption(f"Both require {Permission.READ_MESSAGES.value}. The same policy decides in this app and in the API.")
    pressed = st.button("Call both", key="ask-both", icon=":material/compare_arrows:")
    function_column, endpoint_column = st.columns(2)
    function_column.code(
        "@access.requires(READ_MESSAGES)\ndef protected_function()", language="python", wrap_lines=True
    )
    endpoint_column.code("GET /api/pong-scoped", language="http", wrap_lines=True)
    if not pressed:
        return
    with function_column.container(key="function-response"):
        try:
            st.success(protected_function(), icon=":material/check_circle:")
        except GatehouseError as error:
            st.warning(formatting.plain(error.detail or error.title), icon=":material/block:")
    with endpoint_column.container(key="endpoint-response"):
        try:
            explored = make_call("Scoped ping", with_token=True)
        except GatehouseError as error:
            panels.problem(error)
            return
        payload = json.loads(explored.body)
        message = formatting.plain(str(payload.get("message") or payload.get("detail") or ""))
        if explored.status < HTTPStatus.BAD_REQUEST:
            st.success(f"{explored.status}: {message}", icon=":material/check_circle:")
        else:
            st.warning(f"{explored.status}: {message}", icon=":material/block:")


st.title("API explorer")
st.caption("The calls go from this server to the remote API. Your access token is added there and never shown here.")
left, right = st.columns(2, gap="large")
with left:
    direct()
with right:
    st.header("Through the component")
    st.caption("The component's front end sends an event to its host. The host checks it, calls the API, and replies.")
    log = event_console.front_end()
st.divider()
st.header("Events")
event_console.event_log(log)
st.divider()
function_beside_endpoint()
