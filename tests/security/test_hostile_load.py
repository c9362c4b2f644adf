"""The messages of ``hostile_load``, each once: the end of its socket, and honest tabs beside all of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.security.app_processes import AppProcesses, app_processes
from tests.security.hostile_attack import MB, attacks, longest
from tests.security.hostile_load import MAX_GROWN, measure
from tests.security.raw_http import handshake

CLOSED = {
    "deep JSON": 1009,
    "arrays": 1009,
    "quotes and escapes": 1009,
    "very many widgets": 1009,
    "pings": 1008,
    "an unfinished message": 1009,
    "fragments": 1009,
    "too long a message": 1009,
}
"""Other messages are accepted at the pace of their sender."""


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppProcesses]:
    with app_processes(tmp_path_factory.mktemp("load"), processes=1, UNEDITED="1") as made:
        yield made


@pytest.mark.parametrize("signed_in", [True, False])
@pytest.mark.parametrize("name", CLOSED)
def test_a_hostile_message_closes_its_socket_before_it_is_complete(
    app: AppProcesses, name: str, signed_in: bool
) -> None:
    with handshake(app, app.sign_in("hostile") if signed_in else None) as raw:
        raw.send(attacks(8 * MB)[name] * (100 if name == "pings" else 1))
        assert raw.close_code() == CLOSED[name]


@pytest.mark.parametrize("name", ["deep JSON", "arrays"])
def test_costly_json_that_is_short_enough_is_replaced_and_the_tab_continues(app: AppProcesses, name: str) -> None:
    before = app.log().count("JSON that our front end never sends")
    with app.tab(app.sign_in("hostile")) as tab:
        tab.open()
        tab._socket.send(attacks(2 * MB)[name][14:])
        assert tab.read_run()
    assert app.log().count("JSON that our front end never sends") == before + 1


def test_honest_tabs_work_beside_all_of_them_and_the_process_does_not_grow(app: AppProcesses) -> None:
    """The times are for ``python -m tests.security.hostile_load``, on a quiet machine."""
    result = measure(app, 4.0, honest=4)
    assert result.grown < MAX_GROWN
    closed = {f"{name}: {code}" for name, code in CLOSED.items()}
    too_much = {f"{name}: 1013" for name in attacks(MB) | longest(MB)}  # of one person, or one address
    assert set(result.ended) <= closed | too_much | {"refused"}
    assert result.ended
    assert result.sent > 4 * MB
    assert app.processes[0].poll() is None
