"""Code that would hand one user's result to another is found by reading it; the doctor and the inventory report it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from app import guard_inventory
from app.__main__ import main
from app.core.guard_scanner import in_tree as guards_in_tree
from app.core.shared_identity import IdentityLeak, in_tree

MODULE = """
import functools
import streamlit as st
from app import access
from app.access import principal as current
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
    yield current().name


@st.cache_data
def own_name():
    return load(st.user["sub"], st.title("Mine"))


@st.cache_data
def fine(subject):
    return load(subject, principal(), self.principal())


def outside():
    return fine(access.principal().subject)


@access.requires("read:reports")
def guarded(): ...


cached = st.cache_data(guarded)
two = st.cache_data(ttl=5)(guarded)
three = functools.cache(access.requires("read:reports")(load))
four = access.requires("read:reports")(st.cache_data(load))
"""


def test_shared_identities_are_reported_with_file_and_line() -> None:
    order = "{} stands above requires, so its result is shared between users: put requires above {}."
    inside = (
        "{} is read inside {}, whose result is shared between users: read it outside and pass what depends on the "
        "user as an argument."
    )
    assert list(in_tree(ast.parse(MODULE), file="shop.py")) == [
        IdentityLeak("below", "shop.py", 12, order.format("cache_data", "cache_data")),
        IdentityLeak("Shop.method", "shop.py", 24, order.format("lru_cache", "lru_cache")),
        IdentityLeak("connection", "shop.py", 28, inside.format("allows", "cache_resource")),
        IdentityLeak("rows", "shop.py", 35, inside.format("current", "cache")),
        IdentityLeak("own_name", "shop.py", 40, inside.format("user", "cache_data")),
        IdentityLeak("guarded", "shop.py", 57, order.format("cache_data", "cache_data")),
        IdentityLeak("guarded", "shop.py", 58, order.format("cache_data", "cache_data")),
        IdentityLeak("load", "shop.py", 59, order.format("cache", "cache")),
    ]


IMPORTS = {
    "import app.access as": ("import app.access as acc", "acc.principal().name"),
    "import app.access": ("import app.access", "app.access.principal().name"),
    "import app as": ("import app as gate", "gate.access.allows('a:b')"),
    "from app import access as": ("from app import access as acc", "acc.principal().name"),
    "from app.access import as": ("from app.access import principal as current", "current().name"),
    "from app.access import *": ("from app.access import *", "principal().name"),
    "from app import *": ("from app import *", "access.principal().name"),
    "relative": ("from .access import allows as may", "may('a:b')"),
    "relative module": ("from . import access as acc", "acc.allows('a:b')"),
    "import_module": ("import importlib\nacc = importlib.import_module('app.access')", "acc.principal()"),
    "import_module in place": ("import importlib", "importlib.import_module('app.access').principal()"),
    "__import__": ("acc = __import__('app.access', fromlist=['access'])", "acc.principal()"),
    "an alias": ("from app import access\nacc = access\nwho = acc.principal", "who().name"),
    "an alias in a branch": ("from app import access\nif True:\n    who: object = access.principal", "who().name"),
    "not called in place": ("from app import access", "map(access.allows, ['a:b'])"),
    "in a lambda": ("from app import access", "(lambda: access.principal())()"),
    "in a default": ("from app import access", "(lambda who=access.principal(): who)()"),
    "imported inside": ("", "__import__('sys')\n    from app import access as acc\n    return acc.principal()"),
    "st.user": ("import streamlit as st", "st.user.email"),
    "import streamlit as": ("import streamlit as s", "s.user.email"),
    "import streamlit": ("import streamlit", "streamlit.context.ip_address"),
    "from streamlit import user": ("from streamlit import user", "user.email"),
    "from streamlit import user as": ("from streamlit import user as me", "me['email']"),
    "from streamlit import context as": ("from streamlit import context as c", "c.cookies"),
    "from streamlit import *": ("from streamlit import *", "user.email"),
    "an alias of st.user": ("import streamlit as st\nme = st.user", "me.email"),
    "what st.user is made of": ("from streamlit.user_info import UserInfoProxy", "UserInfoProxy().email"),
    "what st.context is made of": ("from streamlit.runtime.context import ContextProxy as C", "C().cookies"),
    "the context of the run": (
        "from streamlit.runtime.scriptrunner import get_script_run_ctx as ctx", "ctx().user_info"
    ),
    "a function of the module": ("import streamlit as st\ndef me():\n    return st.user.email", "me()"),
    "a function of a function": (
        "import streamlit as st\ndef me():\n    return st.user.email\ndef own_name():\n    return [me()]", "own_name()"
    ),
    "a guarded function": ("from app import access\n@access.requires('a:b')\ndef rows(): ...", "rows()"),
}  # fmt: skip
"""Imports of a module, and what a cached function returns."""
CACHED = {
    "functools.cache": "import functools\n@functools.cache\ndef cached():\n    return {}",
    "as memo": "from functools import lru_cache as memo\n@memo(maxsize=8)\ndef cached():\n    return {}",
    "import streamlit as": "import streamlit as sl\n@sl.cache_data\ndef cached():\n    return {}",
    "from streamlit import as": "from streamlit import cache_data as kept\n@kept\ndef cached():\n    return {}",
    "from functools import *": "from functools import *\n@cache\ndef cached():\n    return {}",
    "a function": "import functools\ndef cached():\n    return {}\nkept = functools.cache(cached)",
    "a function as a keyword": (
        "import streamlit as sl\ndef cached():\n    return {}\nkept = sl.cache_data(func=cached)"
    ),
}


@pytest.mark.parametrize(("imports", "read"), IMPORTS.values(), ids=IMPORTS)
def test_every_way_to_the_user_is_found_inside_a_cache(imports: str, read: str) -> None:
    source = f"{imports}\nimport functools\n\n@functools.cache\ndef cached():\n    return {read}\n"
    assert [leak.name for leak in in_tree(ast.parse(source), file="shop.py")] == ["cached"]
    assert list(in_tree(ast.parse(source.replace("@functools.cache\n", "")), file="shop.py")) == []


@pytest.mark.parametrize("cached", CACHED.values(), ids=CACHED)
def test_every_way_to_a_cache_is_found(cached: str) -> None:
    source = "from app.access import principal\n" + cached.format("principal()")
    assert [leak.name for leak in in_tree(ast.parse(source), file="shop.py")] == ["cached"]
    assert list(in_tree(ast.parse(source.replace("principal()", "17")), file="shop.py")) == []


def test_a_cached_lambda_is_reported() -> None:
    source = "import functools\nimport streamlit\nkept = functools.cache(lambda: streamlit.user.email)"
    (leak,) = in_tree(ast.parse(source), file="shop.py")
    assert (leak.name, leak.line) == ("<lambda>", 3)


@pytest.mark.parametrize(
    "source",
    [
        "from streamlit import user\n@cache\ndef of(user):\n    return user.email",
        "from streamlit import user\n@cache\ndef of(rows):\n    return [user for user in rows]",
        "from streamlit import user\n@cache\ndef of(rows):\n    user = rows[0]\n    return user.email",
        "from streamlit import user\n@cache\ndef of(rows):\n    return map(lambda user: user.email, rows)",
        "from app.access import principal\n@cache\ndef of(**principal):\n    return principal",
        "from models import user\n@cache\ndef of():\n    return user.email",
        "import shop\n@cache\ndef of():\n    return shop.user, shop.context, shop.principal()",
        "from app import access\n@cache\ndef of(principal):\n    return access.Permission(principal)",
        "def of():\n    return me()\n\n@cache\ndef me():\n    return of()",
    ],
)
def test_names_that_mean_something_else_are_left_alone(source: str) -> None:
    assert list(in_tree(ast.parse(f"from functools import cache\n{source}"), file="shop.py")) == []


def test_a_very_long_expression_is_read() -> None:
    source = "@cache\ndef of():\n    return " + "1 + " * 2000 + "st.user.number"
    assert [leak.name for leak in in_tree(ast.parse(source), file="shop.py")] == ["of"]
    assert list(guards_in_tree(ast.parse(source), module="shop", file="shop.py")) == []


@pytest.mark.parametrize(
    "aliases",
    [
        "data = data.T",
        "here = here.parent\nhere = here.parent",
        "x = a.y\ny = x.z\nx = y.w",
        "\n".join(f"{target} = {of}.{name}" for target in "xyz" for of in "xyz" for name in "abcdefgh"),
        "".join(f"x{number} = x{number + 1}\n" for number in range(300)) + "x300 = access",
    ],
    ids=["itself", "twice", "a circle", "very many", "a long chain"],
)
def test_aliases_without_an_end_are_read(aliases: str) -> None:
    source = f"import app.access as access\n{aliases}\n@cache\ndef of():\n    return access.principal()"
    assert [leak.name for leak in in_tree(ast.parse(source), file="shop.py")] == ["of"]


def test_the_inventory_marks_a_guard_that_cannot_decide_for_each_caller() -> None:
    rows = {row.name: row.line for row in guards_in_tree(ast.parse(MODULE), module="shop", file="shop.py")}
    assert rows == {
        "shop:below (in a cache that users share)": 12,
        "shop:above": 17,
        "shop:Shop.method (in a cache that users share)": 24,
        "shop:guarded (in a cache that users share)": 54,
    }


def test_this_project_has_no_such_place() -> None:
    assert list(guard_inventory.identity_leaks(None)) == []


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
    assert main(["doctor"]) == 1
    assert (
        "WRONG views/shop.py:12: below: cache_data stands above requires, so its result is shared between users: put "
        "requires above cache_data.\n"
    ) in capsys.readouterr().out
