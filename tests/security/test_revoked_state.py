"""State that Streamlit keeps beyond a run is unusable after a permission was revoked, however the next run ends.

The end of a run proves nothing: Streamlit (1.67) reports success after ``stop_script``, an exception and ``st.stop()``
too, and drops what was not rendered again only at the end of a whole script.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg

from tests.security.app_processes import AppProcesses, app_processes
from tests.security.stateful_page import BESIDE, OPERATIONS, PAGE, RUNS, page_of, whole_run


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppProcesses]:
    """A page that is cut off once its user lacks the permission. No watcher: the tab's own message comes first."""
    folder = tmp_path_factory.mktemp("outlives")
    (folder / "beside.py").write_text(BESIDE)
    with app_processes(folder, script=f"PROTECTED = True\n{PAGE}", processes=1, UNWATCHED="1") as made:
        yield made


@pytest.fixture(scope="module")
def hosted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppProcesses]:
    """A hosted app that requires a permission to enter."""
    folder = tmp_path_factory.mktemp("hosted")
    (folder / "beside.py").write_text(BESIDE)
    (folder / "gatehouse.toml").write_text(
        'enter = "use:theirs"\n[permissions]\n"use:theirs" = { sentence = "Use it.", roles = ["analyst"] }\n'
    )
    with app_processes(folder, script=f"PROTECTED = False\n{PAGE}", processes=1, UNWATCHED="1", HOSTED="1") as made:
        yield made


def set_cut(app: AppProcesses, how: str) -> None:
    (Path(app.folder) / "cut").write_text(how)


@pytest.mark.parametrize("case", RUNS)
def test_before_a_revocation_every_id_works(app: AppProcesses, case: str) -> None:
    user = app.sign_in("ann", "analyst")
    with page_of(app, user) as page:
        page.render()
        before = app.traces
        for name, message in OPERATIONS.items():
            assert page.answer(message(page)) == "", name
        page.send(RUNS[case](page))
        page.read_run()
        assert case.replace(" ", "-") in app.traces[len(before) :]


@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("how", ["stopped", "raises", "stops"])
def test_after_a_revocation_no_id_works_however_the_page_is_cut_off(app: AppProcesses, how: str, times: int) -> None:
    user = app.sign_in(f"bo-{how}-{times}", "analyst")
    set_cut(app, how)
    with page_of(app, user) as page:
        page.render()
        before = app.traces
        app.revoke(user, "analyst")
        for _ in range(times):
            page.cut_off(how)
        for name, message in OPERATIONS.items():
            assert page.answer(message(page)), name
        for case, request in RUNS.items():
            page.send(request(page))
            page.read_until_cut(how)
            assert app.traces == before, case


@pytest.mark.parametrize("how", ["stopped", "raises", "stops"])
def test_no_id_works_after_a_reconnection_and_a_second_revocation(app: AppProcesses, how: str) -> None:
    user = app.sign_in(f"cy-{how}", "analyst", "developer")
    set_cut(app, how)
    with page_of(app, user) as first:
        first.render()
        before = app.traces
        app.revoke(user, "analyst")
        first.cut_off(how)
    app.revoke(user, "developer")
    with page_of(app, user, reattach_to=first.session_id) as page:
        vars(page).update({name: value for name, value in vars(first).items() if not name.startswith("_")})
        page.cut_off(how)
        assert page.session_id == first.session_id
        for case, request in RUNS.items():
            page.send(request(page))
            page.read_until_cut(how)
            assert app.traces == before, case


@pytest.mark.parametrize("stops", [False, True])
def test_no_id_works_for_a_user_who_may_no_longer_enter_a_hosted_app(hosted: AppProcesses, stops: bool) -> None:
    user = hosted.sign_in(f"di-{stops}", "analyst")
    with page_of(hosted, user) as page:
        page.render()
        before = hosted.traces
        hosted.revoke(user, "analyst")
        if stops:
            page.send(whole_run())
            page.send(BackMsg(stop_script=True))
        else:
            page.send(whole_run())
        page.read_until_cut("")
        for name, message in OPERATIONS.items():
            assert page.answer(message(page)), name
        for case, request in RUNS.items():
            page.send(request(page))
            page.read_until_cut("")
            assert hosted.traces == before, case
