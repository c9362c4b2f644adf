"""The accepted hosts, and the security headers of every response."""

from __future__ import annotations

import base64
import hashlib
import re
import sys
from pathlib import Path
from typing import Any

import anyio
import pytest
import streamlit

from component.http.security_headers import content_security_policy
from component.http.static_pages import notice
from tests.clock import FakeClock
from tests.provider import FakeProvider
from tests.signin import HTTPS, SignInWorld, call, sign_in_world

HOSTS = [
    ("localhost:8501", True),
    ("LOCALHOST:8501", True),
    ("127.0.0.1:8501", True),
    ("[::1]:8501", True),
    ("localhost", True),
    ("evil.example", False),
    ("localhost.evil.example:8501", False),
    ("localhost:8501@evil.example", False),
    ("localhost:port", False),
    ("localhost.", False),
    ("", False),
    ("localhost:8501, evil.example", False),
    ("app.example.com", False),
]


@pytest.mark.parametrize(("host", "answered"), HOSTS)
def test_hosts_in_development(installation: SignInWorld, host: str, answered: bool) -> None:
    for path in ("/", "/auth/session", "/static/x.js"):
        answer = call(installation.app, "GET", path, {"host": host})
        assert (answer.status == 200) is answered
        assert answer.status in {200, 421}
        assert answer.header("x-content-type-options") == "nosniff"


def test_pages_are_isolated_from_foreign_openers_and_the_end_of_a_sign_in_can_close_itself(
    installation: SignInWorld,
) -> None:
    name = "cross-origin-opener-policy"
    for path in ("/", "/reports"):
        assert call(installation.app, "GET", path).header(name) == "same-origin-allow-popups"
    for path in ("/auth/login?mode=popup", "/static/x.js"):
        assert call(installation.app, "GET", path).header(name) == ""
    for path in ("/auth/callback?state=x", "/auth/ended", "/x/y"):
        assert call(installation.app, "GET", path).header(name) == "same-origin"


def test_in_production_only_the_configured_host() -> None:
    clock = FakeClock()
    settings: dict[str, Any] = {"app_base_url": HTTPS, "gatehouse_env": "production"}
    with FakeProvider(clock.timestamp) as fake, sign_in_world(fake, clock, **settings) as installation:
        hosts = {"app.example.com": 200, "app.example.com:443": 200, "localhost:8501": 421, "127.0.0.1": 421}
        assert {host: call(installation.app, "GET", "/", {"host": host}).status for host in hosts} == hosts
        answer = call(installation.app, "GET", "/", {"host": "app.example.com"})
        assert answer.header("strict-transport-security").startswith("max-age=31536000")


def test_two_hosts_or_none_are_refused(installation: SignInWorld) -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    good = (b"host", b"localhost:8501")
    for raw in ([], [good, good], [good, (b"host", b"evil.example")]):
        sent.clear()
        scope: dict[str, Any] = {
            "type": "http",
            "method": "GET",
            "path": "/",
            "query_string": b"",
            "headers": raw,
            "client": None,
        }
        anyio.run(installation.app, scope, receive, send)
        assert sent[0]["status"] == 421


def test_headers_on_every_answer(installation: SignInWorld) -> None:
    client = installation.sign_in()
    for path in ("/", "/nested/page", "/_stcore/metrics", "/auth/session", "/auth/callback", "/media/x", "/static/x"):
        answer = client.get(path)
        assert answer.header("x-content-type-options") == "nosniff"
        assert answer.header("referrer-policy") == "same-origin"
        assert answer.header("x-frame-options") == "DENY"
        assert "camera=()" in answer.header("permissions-policy")
        policy = answer.header("content-security-policy")
        assert "frame-ancestors 'none'" in policy
        assert "script-src 'self' 'unsafe-inline'" not in policy
        assert answer.header("strict-transport-security") == ""  # plain http in development
        if not path.startswith("/static/"):
            assert answer.header("cache-control") == "no-store"
            assert answer.header("vary") == "Cookie"
            assert re.fullmatch("[0-9a-f]{16}", answer.header("x-correlation-id"))


def test_a_client_cannot_choose_the_correlation_id(installation: SignInWorld) -> None:
    answer = installation.client().get("/", x_correlation_id="chosen-by-a-client")
    assert answer.header("x-correlation-id") != "chosen-by-a-client"


def test_closed_addresses_are_a_page_that_leads_home(installation: SignInWorld) -> None:
    answer = installation.client().get("/x/reports")
    assert answer.status == 404
    assert 'href="/"' in answer.text


def test_the_policy_follows_the_installed_page(tmp_path: Path) -> None:
    page = (Path(streamlit.__file__).parent / "static" / "index.html").read_text()
    script = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script[0].encode()).digest()).decode()
    assert f"script-src 'self' 'wasm-unsafe-eval' 'sha256-{digest}';" in content_security_policy()
    other = tmp_path / "index.html"
    other.write_text("<!-- <script>no</script> --><script>a < b && c</script><script src=x></script><script>2</script>")
    for text in ("a < b && c", "2"):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in content_security_policy(index=other)
    assert content_security_policy(index=other).count("sha256-") == 2


def test_there_is_no_policy_without_an_installed_streamlit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "streamlit", None)  # as Python itself marks a module that cannot be imported
    with pytest.raises(RuntimeError, match=r"^Streamlit is not installed$"):
        content_security_policy()


def test_pictures_only_from_configured_hosts() -> None:
    assert "img-src 'self' data: blob:;" in content_security_policy()
    policy = content_security_policy(picture_hosts=("pictures.example.com", "evil.example; script-src *"))
    assert "img-src 'self' data: blob: https://pictures.example.com;" in policy
    assert "evil" not in policy


def test_a_notice_allows_its_one_style_and_nothing_else() -> None:
    answer = notice("A & <b>", ("<script>alert(1)</script>",), status=400)
    page = bytes(answer.body).decode()
    (style,) = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}';" in answer.headers["content-security-policy"]
    assert "<script" not in page
    assert " style=" not in page
    assert "A &amp; &lt;b&gt;" in page
    assert "$" not in page
