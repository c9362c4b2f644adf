"""Sign-in in a real browser, from the click to the guarded page: the product against Streamlit's own ``st.login``.

Both sign in at the same local tenant, as the same person, to the same page with a name and a sign-out button beside
it; each time in a new browser context that has loaded only the page with the button. The first side changes each round.
"""

from __future__ import annotations

import json
import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from playwright.sync_api import Browser, expect, sync_playwright

from tests.benchmarks import budgets
from tests.benchmarks.benchmark_run import BenchmarkRun
from tests.benchmarks.measure import Samples
from tests.benchmarks.results import Row, Skipped, row
from tests.chromium import HINT, launched
from tests.ports import free_port
from tests.stack import Stack

_ROUNDS: Final = 11
_WARM_UP: Final = 2
_TIMEOUT_MS: Final = 30_000
_SETTLE_MS: Final = 500
_PERSON: Final = "bruno"
_PAGE: Final = """
st.title("The guarded page")
st.write("Something to read.")
"""
_PRODUCT: Final = f"import streamlit as st\n{_PAGE}"
_PEER: Final = f"""
import streamlit as st

if not st.user.is_logged_in:
    st.title("Sign in")
    st.write("Sign in to continue.")
    st.button("Sign in", key="sign-in", on_click=st.login)
    st.stop()
with st.sidebar:
    st.write(st.user.name)
    st.button("Sign out", on_click=st.logout)
{_PAGE}
"""


class SignInTimes(NamedTuple):
    """The times of one sign-in, in seconds."""

    to_provider: float
    """From the click to the provider's page with the people on it."""
    back: float
    """From the click on a person to the guarded page."""

    @property
    def whole(self) -> float:
        """The sum of both times."""
        return self.to_provider + self.back


class _Both(Stack):
    """The product with a hosted page, and the same page behind ``st.login``, with one tenant."""

    def __init__(self, folder: Path) -> None:
        script = folder / "ours" / "page.py"
        script.parent.mkdir(parents=True)
        script.write_text(_PRODUCT)
        super().__init__(folder, GATEHOUSE_APP=str(script))
        self._peer_port = free_port()
        self.peer_url = f"http://localhost:{self._peer_port}"

    def start_tenant(self) -> None:
        """Start a tenant with both apps as clients."""
        arguments = ["tests.benchmarks.sign_in_tenant", str(self.tenant_port), self.app_url, self.peer_url]
        self._start("tenant", arguments, f"{self.issuer}healthz")

    def start_app(self) -> None:
        """Start the product, and the peer as its documentation configures it."""
        super().start_app()
        client = json.loads((self.folder / "var" / "tenant" / "client.json").read_text())
        peer = self.folder / "peer"
        (peer / ".streamlit").mkdir(parents=True)
        (peer / "page.py").write_text(_PEER)
        options = {
            "redirect_uri": f"{self.peer_url}/oauth2callback",
            "cookie_secret": secrets.token_urlsafe(32),
            "client_id": client["client_id"],
            "client_secret": client["client_secret"],
            "server_metadata_url": f"{self.issuer}.well-known/openid-configuration",
        }
        lines = [f"{name} = {json.dumps(value)}" for name, value in options.items()]
        (peer / ".streamlit" / "secrets.toml").write_text("\n".join(["[auth]", *lines, ""]))
        options = {"server.port": str(self._peer_port), "server.address": "localhost", "server.headless": "true"}
        arguments = [f"--{name}={value}" for name, value in (options | {"browser.gatherUsageStats": "false"}).items()]
        command = ["streamlit", "run", str(peer / "page.py"), *arguments]
        self._start("peer", command, f"{self.peer_url}/_stcore/health")


def in_a_browser(run: BenchmarkRun) -> list[Row]:
    """The product's sign-in against the peer's."""
    rounds = 2 if run.quick else _ROUNDS
    took: dict[str, list[SignInTimes]] = {"peer": [], "ours": []}
    with _browser() as browser, _Both(run.folder / "sign-in") as both:
        addresses = {"peer": both.peer_url, "ours": both.app_url}
        order = list(addresses)
        for number in range(_WARM_UP + rounds):
            for side in order:
                times = _sign_in(browser, addresses[side])
                if number >= _WARM_UP:
                    took[side].append(times)
            order.append(order.pop(0))
    samples = Samples({side: [times.whole for times in rounds_of_side] for side, rounds_of_side in took.items()})
    halves = "; ".join(
        f"{name} {_middle(took['ours'], name) * 1000:.0f} ms against {_middle(took['peer'], name) * 1000:.0f} ms"
        for name in SignInTimes._fields
    )
    return [row("sign-in", budgets.SIGN_IN, samples, "ours", "peer", note=halves)]


def _middle(measured: list[SignInTimes], name: str) -> float:
    return Samples({name: [getattr(times, name) for times in measured]}).typical(name)


@contextmanager
def _browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = launched(playwright)
        if browser is None:
            raise Skipped(HINT.partition(";")[0])
        try:
            yield browser
        finally:
            browser.close()


def _sign_in(browser: Browser, address: str) -> SignInTimes:
    """Open the app in a new browser context, wait until the page is idle, and sign in."""
    context = browser.new_context()
    try:
        page = context.new_page()
        page.set_default_timeout(_TIMEOUT_MS)
        page.goto(address)
        button = page.locator(".st-key-sign-in").get_by_text("Sign in", exact=True)
        button.wait_for()
        page.wait_for_load_state("networkidle")
        page.wait_for_timeout(_SETTLE_MS)
        person = page.locator(f"button[name=person][value={_PERSON}]")
        started = time.perf_counter()
        button.click(no_wait_after=True)
        person.wait_for()
        at_provider = time.perf_counter()
        person.click(no_wait_after=True)
        page.get_by_text("Something to read.").wait_for()
        back = time.perf_counter()
        expect(page.get_by_role("heading", name="The guarded page")).to_be_visible()
        return SignInTimes(at_provider - started, back - at_provider)
    finally:
        context.close()


if __name__ == "__main__":
    with BenchmarkRun(quick="--quick" in sys.argv) as only:
        print(*in_a_browser(only), sep="\n")
