"""How a row of ``tests/security/guards`` finds its guard, and edits the source."""

from __future__ import annotations

import ast

import pytest

from tests.security.guard_removal import GuardNotFoundError, Removal, TextRemoval

SOURCE = '''\
"""A module."""

LIMITS = {"rows": 10, "bytes": int(2 * 3)}  # a comment
ROLES: tuple[str, ...] = ("viewer", "administrator")


class Store:
    """A class."""

    @property
    def size(self) -> int:
        return self._size

    @size.setter
    def size(self, size: int) -> None:
        check(size)
        self._size = size

    @cached(seconds=5)
    @requires("read")
    def read(self, key: str) -> object:
        # the guard
        if key not in self._keys:
            raise KeyError(key)
        rows = [row for row in self._rows if row.key == key if row.live]
        return rows and self.open and self._first(
            rows,  # ü: bytes are no characters
            strict=True,
            owner=self._owner,
        )

    async def write(self, key: str) -> None:
        def entry() -> str:
            check(key)
            return f"{self.name} {key} {owner(key)}"

        await self.lock()
        try:
            await self.keep(entry())
            self.count(1)
            log("kept", key=key)
        except OSError as error:
            self.count(2)
            log("lost", error=error)

    def only(self) -> None:
        check(self)
'''


def edited(at: str, without: str, instead: str | None = None, *, source: str = SOURCE) -> str:
    return Removal(guard="", at=f"module:{at}" if at else "module", without=without, instead=instead, test="").edit(
        source
    )


@pytest.mark.parametrize(
    ("at", "without", "instead", "before", "after"),
    [
        pytest.param("Store.write", "await self.lock()", None, "await self.lock()", "pass", id="statement"),
        pytest.param("Store.only", "check(self)", None, "check(self)", "pass", id="the only statement"),
        pytest.param("Store.write", "await self.lock()", "return", "await self.lock()", "return", id="other statement"),
        pytest.param("Store.size", "check(size)", None, "check(size)", "pass", id="in a setter"),
        pytest.param("Store.write.entry", "check(key)", None, "check(key)", "pass", id="in a nested function"),
        pytest.param(
            "Store.read",
            "if key not in self._keys: ...",
            None,
            "if key not in self._keys:\n            raise KeyError(key)",
            "pass",
            id="statement with any body",
        ),
        pytest.param("Store.read", "key not in self._keys", "False", "key not in self._keys", "False", id="condition"),
        pytest.param(
            "Store.read", "raise KeyError(...)", "return None", "raise KeyError(key)", "return None", id="raise"
        ),
        pytest.param("Store.read", "self.open", None, "rows and self.open and", "rows and", id="operand"),
        pytest.param("Store.read", "row.live", None, " if row.live]", "]", id="condition of a comprehension"),
        pytest.param("Store.read", "strict=True", None, "strict=True,", "", id="keyword"),
        pytest.param("Store.read", "strict=True", "strict=False", "strict=True", "strict=False", id="other keyword"),
        pytest.param("Store.write", "self.count(2)", "count(self, 2)", "self.count(2)", "count(self, 2)", id="call"),
        pytest.param("Store.read", "@requires(...)", None, '    @requires("read")\n', "", id="decorator"),
        pytest.param("Store.read", "@requires(...)", "@open", '@requires("read")', "@open", id="other decorator"),
        pytest.param("LIMITS", '"rows": ...', None, '"rows": 10, ', "", id="entry of a dictionary"),
        pytest.param("LIMITS", '"bytes": int(...)', '"bytes": 0', "int(2 * 3)", "0", id="other entry"),
        pytest.param("LIMITS", "int", "float", "int(2", "float(2", id="in an assignment"),
        pytest.param("ROLES", '"administrator"', None, '("viewer", "administrator")', '("viewer",)', id="element"),
        pytest.param("ROLES", "ROLES: ... = ...", "ROLES = ()", SOURCE.splitlines()[3], "ROLES = ()", id="itself"),
        pytest.param("", "self._first", "first", "self._first", "first", id="anywhere in the module"),
        pytest.param("Store.write", "owner(...)", "''", "{owner(key)}", "{''}", id="inside of an f-string"),
    ],
)
def test_an_edit(at: str, without: str, instead: str | None, before: str, after: str) -> None:
    assert SOURCE.count(before) == 1
    assert ast.dump(ast.parse(edited(at, without, instead))) == ast.dump(ast.parse(SOURCE.replace(before, after)))


def test_a_wildcard_stands_for_any_number_of_statements_arguments_and_operands() -> None:
    then = edited("Store.write", "self.count(1)\nlog(...)")
    assert "self.count(1)" not in then
    assert 'log("lost", error=error)' in then
    assert "return (True)" in edited("Store.read", "rows and ...", "True")
    assert "return ([])" in edited("Store.read", "rows and self.open and self._first(..., strict=True)", "[]")
    assert "await (keep())" in edited("Store.write", "self.keep(entry(), ...)", "keep()")


def test_the_match_of_a_wildcard_can_stay() -> None:
    opened = edited("Store.read", "if key not in self._keys: ...", "if key in self._keys: ...")
    assert "        if key in self._keys:\n            raise KeyError(key)\n" in opened
    without_keyword = edited("Store.read", "self._first(..., strict=True)", "self._first(...)")
    assert "(self._first(rows, owner=self._owner))" in without_keyword
    moved = edited(
        "Store.write",
        """
        try:
            ...
            log("kept", ...)
        except OSError as error:
            ...
        """,
        """
        try:
            ...
            self.note(...)
        except OSError as error:
            ...
        """,
    )
    assert "            self.count(1)\n            self.note(key=key)\n        except OSError as error:\n" in moved
    assert "            self.count(2)\n            log('lost', error=error)\n" in moved


def test_the_source_around_the_edit_is_unchanged() -> None:
    then = edited("Store.read", "row.live")
    before, after = SOURCE.split("[row for row in self._rows if row.key == key if row.live]")
    assert then.startswith(before)
    assert then.endswith(after)


@pytest.mark.parametrize(
    "source",
    [
        "def allowed(user):\n    return user.known and holds(user, 'read')\n",
        "def allowed(user):\n    # why\n    return (\n        user.known  # x\n        and holds(user,'read')\n    )\n",
        'if True:\n    def allowed(user):\n        "Doc."\n        return ((user.known) and holds(user, "read"))\n',
    ],
)
def test_a_guard_is_found_however_it_is_written(source: str) -> None:
    then = ast.parse(edited("allowed", 'holds(user, "read")', source=source))
    (returned,) = [node for node in ast.walk(then) if isinstance(node, ast.Return)]
    assert ast.unparse(returned) == "return user.known"


@pytest.mark.parametrize(
    ("at", "without", "instead", "message"),
    [
        pytest.param("Store.close", "check(self)", None, "no such symbol", id="no symbol"),
        pytest.param("Store.write", "self.count(3)", None, "0 places", id="no match"),
        pytest.param("Store.read", "check(self)", None, "0 places", id="in another function"),
        pytest.param("Store.read", "self._first(rows)", None, "0 places", id="other arguments"),
        pytest.param("Store.write", "self.count(...)", None, "2 places", id="two matches"),
        pytest.param("Store.write", "try: ...", None, "invalid syntax", id="half a statement"),
        pytest.param("Store.write", "try: ...\nfinally: ...", None, "0 places", id="another statement"),
        pytest.param("Store.read", "key not in self._keys", None, "only replaced", id="a condition is not dropped"),
        pytest.param("Store.read", "row.live", "row.live", "changes nothing", id="the same"),
        pytest.param("Store.read", "row.live", "pass", "invalid syntax", id="a statement for an expression"),
        pytest.param("Store.read", "row.", None, "invalid syntax", id="no Python"),
    ],
)
def test_a_row_that_does_not_describe_one_edit_is_an_error(
    at: str, without: str, instead: str | None, message: str
) -> None:
    with pytest.raises(GuardNotFoundError, match=message):
        edited(at, without, instead)


def test_a_row_names_a_module_or_a_package() -> None:
    assert Removal(guard="", at="db.grants:Grants.sync", without="x", test="").file == "db/grants.py"
    assert Removal(guard="", at="app.core", without="x", test="").file == "app/core/__init__.py"


def test_a_text_is_found_once() -> None:
    row = TextRemoval(guard="", file="nginx.conf", without="limit;\n", test="")
    assert row.edit("a;\nlimit;\nb;\n") == "a;\nb;\n"
    for text in ("a;\n", "limit;\nlimit;\n"):
        with pytest.raises(GuardNotFoundError, match="not one"):
            row.edit(text)
