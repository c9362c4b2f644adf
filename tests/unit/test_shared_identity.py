"""Code that would hand one user's result to another is found by reading it; the doctor and the inventory report it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from app import commands, published
from app.core.guards_found import in_tree as guards_in_tree
from app.core.shared_identity import Place, in_tree

MODULE = """
import functools
import streamlit as st
from app import access
from app.access import principal as who
from app.core.permissions import Permission
from functools import cache


@st.cache_data
@access.requires(Permission.READ_REPORTS)
def below(): ...


@access.requires(Permission.READ_REPORTS)
@st.cache_data(ttl=60)
def above(): ...


class Shop:
    @functools.lru_cache(maxsize=8)
    @other
    @access.requires("read:reports")
    def method(self): ...


@st.cache_resource
def connection():
    def inner():
        return access.allows("read:reports")
    return inner


@cache
def rows():
    yield who().name


@st.cache_data
def mine():
    return load(st.user["sub"], st.title("Mine"))


@st.cache_data
def fine(subject):
    return load(subject, principal(), self.principal())


def outside():
    return fine(access.principal().subject)


@access.requires("read:reports")
def guarded(): ...


one = st.cache_data(guarded)
two = st.cache_data(ttl=5)(guarded)
three = functools.cache(access.requires("read:reports")(load))
four = access.requires("read:reports")(st.cache_data(load))
"""


def test_what_would_be_shared_is_found_with_file_and_line() -> None:
    order = "{} stands above requires, so its result is shared between users: put requires above {}."
    inside = (
        "{} is read inside {}, whose result is shared between users: read it outside and pass what depends on the "
        "user as an argument."
    )
    assert list(in_tree(ast.parse(MODULE), file="shop.py")) == [
        Place("below", "shop.py", 12, order.format("cache_data", "cache_data")),
        Place("Shop.method", "shop.py", 24, order.format("lru_cache", "lru_cache")),
        Place("connection", "shop.py", 28, inside.format("allows", "cache_resource")),
        Place("rows", "shop.py", 35, inside.format("who", "cache")),
        Place("mine", "shop.py", 40, inside.format("user", "cache_data")),
        Place("guarded", "shop.py", 57, order.format("cache_data", "cache_data")),
        Place("guarded", "shop.py", 58, order.format("cache_data", "cache_data")),
        Place("load", "shop.py", 59, order.format("cache", "cache")),
    ]


def test_the_inventory_marks_a_guard_that_cannot_decide_for_each_caller() -> None:
    rows = {row.name: row.line for row in guards_in_tree(ast.parse(MODULE), module="shop", file="shop.py")}
    assert rows == {
        "shop:below (in a cache that users share)": 12,
        "shop:above": 17,
        "shop:Shop.method (in a cache that users share)": 24,
        "shop:guarded (in a cache that users share)": 54,
    }


def test_this_project_has_no_such_place() -> None:
    assert list(published.shared_places(None)) == []


def test_the_doctor_names_file_and_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "views").mkdir()
    (tmp_path / "views" / "shop.py").write_text(MODULE)
    (tmp_path / "main.py").write_text("import streamlit as st\n")
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "GATEHOUSE_OIDC_ISSUER": "http://127.0.0.1:9/",
        "AUTH0_AUDIENCE": "a",
        "AUTH0_CLIENT_ID": "c",
        "AUTH0_CLIENT_SECRET": "s",
        "GATEHOUSE_REMOTE_API_BASE_URL": "http://127.0.0.1:9",
        "GATEHOUSE_APP": str(tmp_path / "main.py"),
    }.items():
        monkeypatch.setenv(name, value)
    assert commands.doctor() == 1
    assert (
        "WRONG views/shop.py:12: below: cache_data stands above requires, so its result is shared between users: put "
        "requires above cache_data.\n"
    ) in capsys.readouterr().out
