"""API explorer: the remote API called directly, by the component's host, and beside a protected function of the app."""

import json
from http import HTTPStatus

import streamlit as st

from app import access, api_client, event_console, formatting, panels
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


@access.requires(Permission.READ_MESSAGES)
def protected_function() -> str:
    """What GET /api/pong-scoped is over HTTP, as a function of this app."""
    return "Ping. You may read messages."


def direct() -> None:
    """Call the remote API from this page."""
    st.header("Direct")
    st.caption("This page's Python calls the API and puts your access token in.")
    name = st.selectbox("Call", list(CALLS), key="call")
    method, path, about = CALLS[name]
    st.code(f"{method} {path}", language="http", wrap_lines=True)
    st.caption(about)
    with_token = st.toggle("Send my access token", value=True, key="with-token")
    if st.button("Send", key="send", icon=":material/send:"):
        try:
            st.session_state["exchange"] = (name, with_token, make_call(name, with_token=with_token))
        except GatehouseError as error:
            st.session_state.pop("exchange", None)
            panels.problem(error)
    asked, asked_with_token, exchange = st.session_state.get("exchange", (None, None, None))
    if exchange is None or (asked, asked_with_token) != (name, with_token):
        st.info("Send the call. Its answer shows here.", icon=":material/info:")
    else:
        show_answer(exchange)


def show_answer(exchange: api_client.Exchange) -> None:
    """What went, and what came."""
    with st.container(key="answer", border=True):
        sent = "token sent" if exchange.with_token else "token not sent"
        status = f"**{exchange.status}** after {exchange.elapsed_ms:.0f} ms, {sent}."
        if exchange.status < HTTPStatus.BAD_REQUEST:
            st.success(f"{status} The API answered the call.", icon=":material/check_circle:")
        else:
            st.warning(f"{status} The API refused the call. The answer says why.", icon=":material/block:")
        request_tab, body_tab, header_tab = st.tabs(["Request", "Body", "Headers"], default="Body")
        with request_tab:
            bearer = "\nAuthorization: Bearer (kept on the server)" if exchange.with_token else ""
            st.code(f"{exchange.method} {exchange.url}{bearer}", language="http", wrap_lines=True)
        with body_tab:
            try:
                body = json.dumps(json.loads(exchange.body), indent=2, ensure_ascii=False)
                st.code(body, language=None, wrap_lines=True)  # in colours it is too pale to be read
            except ValueError:
                st.code(exchange.body or "(empty)", language=None, wrap_lines=True)
        with header_tab:
            headers = "\n".join(f"{key}: {value}" for key, value in exchange.headers.items())
            st.code(headers, language="http", wrap_lines=True)


def function_beside_endpoint() -> None:
    """The same permission, asked by a function here and by an endpoint there."""
    st.header("A function beside an endpoint")
    st.caption(f"Both ask for {Permission.READ_MESSAGES.value}: one rule decides, in this app and in the API.")
    pressed = st.button("Ask both", key="ask-both", icon=":material/compare_arrows:")
    here, there = st.columns(2)
    here.code("@access.requires(READ_MESSAGES)\ndef protected_function()", language="python", wrap_lines=True)
    there.code("GET /api/pong-scoped", language="http", wrap_lines=True)
    if not pressed:
        return
    with here.container(key="function-answer"):
        try:
            st.success(protected_function(), icon=":material/check_circle:")
        except GatehouseError as error:
            st.warning(formatting.plain(error.detail or error.title), icon=":material/block:")
    with there.container(key="endpoint-answer"):
        try:
            answer = make_call("Scoped ping", with_token=True)
        except GatehouseError as error:
            panels.problem(error)
            return
        payload = json.loads(answer.body)
        message = formatting.plain(str(payload.get("message") or payload.get("detail") or ""))
        if answer.status < HTTPStatus.BAD_REQUEST:
            st.success(f"{answer.status}: {message}", icon=":material/check_circle:")
        else:
            st.warning(f"{answer.status}: {message}", icon=":material/block:")


st.title("API explorer")
st.caption("The calls go from this server to the remote API. Your access token is added there and never shown here.")
left, right = st.columns(2, gap="large")
with left:
    direct()
with right:
    st.header("Through the component")
    st.caption("The component's front end asks its host by an event. The host decides, calls, and answers.")
    log = event_console.front_end()
st.divider()
st.header("Events")
event_console.event_log(log)
st.divider()
function_beside_endpoint()
