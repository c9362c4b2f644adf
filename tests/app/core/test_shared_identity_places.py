"""Where a shared identity can stand: nested functions, decorators beside a cache, and calls of a cache."""

from __future__ import annotations

import ast

import pytest

from app.core.shared_identity import in_tree

NESTED = """
import functools
from app import access

if setting:
    class Shop(Base, kind=one):
        class Till:
            @functools.cache
            @access.requires("a:b")
            def open(self): ...

        @functools.cache
        def first(self):
            @functools.cache
            def inner():
                return access.allows("a:b")

            class Local:
                @functools.cache
                def deep(self):
                    return access.principal()

            return inner

        @functools.cache
        async def last(self):
            return access.principal()
"""


def leaks(source: str) -> list[tuple[str, int, str]]:
    """Name, line and problem of each leak."""
    result = list(in_tree(ast.parse(source), file="shop.py"))
    assert {leak.file for leak in result} <= {"shop.py"}
    return [(leak.name, leak.line, leak.problem) for leak in result]


def order(cache: str) -> str:
    return f"{cache} stands above requires, so its result is shared between users: put requires above {cache}."


def inside(name: str, cache: str) -> str:
    return (
        f"{name} is read inside {cache}, whose result is shared between users: read it outside and pass what depends "
        "on the user as an argument."
    )


def test_functions_below_branches_classes_and_functions_have_their_qualified_names() -> None:
    assert leaks(NESTED) == [
        ("Shop.Till.open", 10, order("cache")),
        ("Shop.first", 13, inside("allows", "cache")),
        ("Shop.first.<locals>.inner", 15, inside("allows", "cache")),
        ("Shop.first.<locals>.Local.deep", 20, inside("principal", "cache")),
        ("Shop.last", 26, inside("principal", "cache")),
    ]


GUARD = '@access.requires("a:b")'
DECORATORS: dict[str, tuple[str, str]] = {
    "another above the cache": (f"@other\n@functools.cache\n{GUARD}", order("cache")),
    "another between them": (f"@functools.cache\n@other\n{GUARD}", order("cache")),
    "two caches above": (f"@functools.lru_cache(maxsize=3)\n@functools.cache\n{GUARD}", order("lru_cache")),
    "between two caches": (f"@functools.cache\n{GUARD}\n@functools.lru_cache", order("cache")),
    "above the cache": (f"{GUARD}\n@functools.cache", ""),
    "above two caches": (f"{GUARD}\n@functools.cache\n@functools.lru_cache", ""),
    "a guard alone": (GUARD, ""),
    "not called": ("@functools.cache\n@access.requires", ""),
    "a cache alone": ("@functools.cache", ""),
}


@pytest.mark.parametrize(("decorators", "problem"), DECORATORS.values(), ids=DECORATORS)
def test_a_guard_must_stand_above_every_cache(decorators: str, problem: str) -> None:
    source = f"import functools\nfrom app import access\n{decorators}\ndef rows(): ...\n"
    line = 3 + decorators.count("\n") + 1
    assert leaks(source) == ([("rows", line, problem)] if problem else [])


CALLS: dict[str, tuple[str, str, str]] = {
    "a lambda": ("functools.lru_cache(lambda: access.allows('a:b'))", "<lambda>", inside("allows", "lru_cache")),
    "a lambda in a configured cache": (
        "functools.lru_cache(maxsize=3)(lambda: access.principal())",
        "<lambda>",
        inside("principal", "lru_cache"),
    ),
    "a lambda that is fine": ("functools.lru_cache(lambda: 7)", "", ""),
    "a function": ("functools.lru_cache(named)", "named", inside("principal", "lru_cache")),
    "a function as a keyword": (
        "functools.lru_cache(maxsize=3, func=named)",
        "named",
        inside("principal", "lru_cache"),
    ),
    "a guarded function": ("functools.lru_cache(guarded)", "guarded", order("lru_cache")),
    "a method": ("functools.lru_cache(shop.named)", "named", inside("principal", "lru_cache")),
    "guarded in place": ("functools.lru_cache(access.requires('a:b')(load))", "load", order("lru_cache")),
    "guarded in place, no name": ("functools.lru_cache(access.requires('a:b')())", "requires", order("lru_cache")),
    "another wrapper": ("functools.lru_cache(wrap(named))", "", ""),
    "a function of another module": ("functools.lru_cache(load)", "", ""),
    "no argument": ("functools.lru_cache()", "", ""),
    "another keyword": ("functools.lru_cache(maxsize=named)", "", ""),
    "no cache": ("functools.partial(named)", "", ""),
}


@pytest.mark.parametrize(("call", "name", "problem"), CALLS.values(), ids=CALLS)
def test_a_call_of_a_cache_is_read(call: str, name: str, problem: str) -> None:
    source = f"""
import functools
from app import access

def named():
    return access.principal()

{GUARD}
def guarded(): ...

kept = {call}
"""
    assert leaks(source) == ([(name, 11, problem)] if problem else [])


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ("return of(n - 1), access.principal()", "principal"),
        ("return access.allows('a:b'), access.principal()", "allows"),
        ("return other(), access.principal()", "principal"),
        ("return named(), access.allows('a:b')", "named"),
        ("return [lambda *, a, who=access.principal(): who, access.allows('a:b')]", "principal"),
        ("return [(lambda: 1)(), access.allows('a:b')]", "allows"),
        ("@access.fresh_for(5)\n    def inner(): ...\n    return access.principal()", "fresh_for"),
    ],
)
def test_the_first_name_of_the_text_is_the_one_that_is_named(body: str, name: str) -> None:
    source = f"""
import functools
from app import access

def other():
    return of(1)

def named():
    return access.principal()

@functools.cache
def of(n):
    {body}
"""
    assert leaks(source) == [("of", 12, inside(name, "cache"))]


def test_the_place_is_file_and_line() -> None:
    (leak,) = in_tree(ast.parse("import functools, streamlit as st\nfunctools.cache(lambda: st.user)"), file="a/b.py")
    assert leak.at == "a/b.py:2"


def test_functions_that_call_each_other_are_read_once() -> None:
    source = """
import functools
from app import access

def first():
    return second()

def second():
    return first(), third()

def third():
    return access.principal()

@functools.cache
def of():
    return first()
"""
    assert leaks(source) == [("of", 15, inside("first", "cache"))]
    assert leaks(source.replace("access.principal()", "second()")) == []
