"""Streamlit's page objects: scripts are looked up once a process, and each run gets its own objects."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from app import page_registry
from app.navigation import PAGES


def _script() -> None:
    import streamlit as st
    from streamlit.errors import StreamlitAPIException

    from app import page_registry
    from app.navigation import PAGES

    st.navigation([page_registry.page(row, title=row.title) for row in PAGES])
    may_run = []
    for row in PAGES:
        try:
            page_registry.page(row, title=row.title).run()
        except StreamlitAPIException:
            continue
        may_run.append(row.path)
    st.text(f"may run: {may_run}")
    st.text(f"same object: {page_registry.page(PAGES[0], title='Home') == page_registry.page(PAGES[0], title='Home')}")
    hidden = page_registry.page(PAGES[1], title="No access", hidden=True)
    st.text(f"{hidden.title}, {hidden.url_path}, {hidden.visibility}")


@pytest.fixture
def at() -> AppTest:
    page_registry._created.cache_clear()
    return AppTest.from_function(_script, default_timeout=60)


def test_a_page_object_of_one_run_cannot_run_in_another(at: AppTest) -> None:
    # Streamlit marks the object that `st.navigation` returns as runnable: no other run may have that object.
    texts = [text.value for text in at.run().text]
    assert not at.exception
    assert texts == ["may run: []", "same object: False", f"No access, {PAGES[1].path}, hidden"]


def test_a_script_is_looked_up_once_a_process(at: AppTest) -> None:
    at.run()
    lookups = page_registry._created.cache_info().misses
    at.run()
    assert page_registry._created.cache_info().misses == lookups == len({row.title for row in PAGES}) + 1
    assert not at.exception
