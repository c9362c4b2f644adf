"""States of the tables of administration: selected rows, dialogs of rows, a later page, an open row."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import expect

from tests.e2e.administration import row
from tests.screenshots.scene import SOON, Scene
from tests.screenshots.states import State


def with_rows_selected(*names: str) -> State:
    """The rows with these names are selected in the table: the bar of their actions."""

    @contextmanager
    def state(scene: Scene) -> Iterator[None]:
        scene.open()
        for name in names:
            row(scene.page, name).locator("td.select input").click(timeout=SOON)
            scene.settle()
        yield

    return state


def in_dialog_of_rows(action: str, *names: str) -> State:
    """The dialog of an action on these selected rows."""

    @contextmanager
    def state(scene: Scene) -> Iterator[None]:
        with with_rows_selected(*names)(scene):
            scene.page.locator(f"#bulk-{action}").click(timeout=SOON)
            scene.dialog()
            scene.settle()
            yield

    return state


def in_dialog_of_a_row(name: str, action: str) -> State:
    """The dialog that a button in a row of the table opens."""

    @contextmanager
    def state(scene: Scene) -> Iterator[None]:
        scene.open()
        row(scene.page, name).first.get_by_role("button", name=re.compile(action)).first.click(timeout=SOON)
        scene.dialog()
        scene.settle()
        yield

    return state


@contextmanager
def on_a_later_page(scene: Scene) -> Iterator[None]:
    """The second page of a long list."""
    scene.open()
    scene.page.get_by_role("button", name="Next").first.click(timeout=SOON)
    expect(scene.page).to_have_url(re.compile("page=2"), timeout=SOON)
    scene.settle()
    yield


@contextmanager
def with_an_event_open(scene: Scene) -> Iterator[None]:
    """The newest event of the audit on its own page."""
    scene.open()
    scene.page.locator("tr[data-row] a.open").first.click(timeout=SOON)
    expect(scene.page.get_by_role("button", name="All events")).to_be_visible(timeout=SOON)
    scene.settle()
    yield
