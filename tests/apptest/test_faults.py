"""Faults and hostile input on the pages: they are explained, the input is kept, and no stack trace is shown."""

from __future__ import annotations

import time

import pytest
from streamlit.testing.v1 import AppTest

from app import formatting, testing
from app.core.errors import ApiUnavailable, StorageUnavailable
from tests.apptest.conftest import AppInstallation
from tests.ports import free_port

HOSTILE = [
    "<script>alert(1)</script>",
    "**bold** _it_ `code` [link](https://evil.example) ![x](https://evil.example/x.png)",
    "$\\frac{1}{2}$ :material/delete: :red[red] :smile:",
    "line\nbreak\r\x00\x07\x1b[31m tab\there",
    "\u202egnirts desrever\u202c \u200b\u200b\ufeff",
    "A" * 10_000,
    "#  Heading",
    "1. list",
    "<b>",
    "&lt;b&gt;",
]


@pytest.fixture
def without_api(installation: AppInstallation) -> None:
    """Nothing listens at the address of the API."""
    settings = installation.services.settings.model_copy(
        update={"remote_api_base_url": f"http://localhost:{free_port()}"}
    )
    object.__setattr__(installation.services, "settings", settings)


@pytest.mark.usefixtures("without_api")
@pytest.mark.parametrize(("file", "role"), [("usage_report.py", "viewer"), ("profile.py", "viewer")])
def test_the_api_is_down(installation: AppInstallation, file: str, role: str) -> None:
    at = testing.open_app()
    installation.sign_in(at, roles=[role])
    testing.open_page(at, file)
    assert not at.exception
    assert ApiUnavailable.title in at.error[0].value.replace("\\", "")
    assert at.button(key="retry").label == "Try again"
    assert any("give your administrator this reference" in caption.value for caption in at.caption)


@pytest.mark.usefixtures("without_api")
def test_the_api_is_down_in_the_explorer(installation: AppInstallation) -> None:
    at = testing.open_app()
    installation.sign_in(at, roles=["developer"])
    testing.open_page(at, "api_explorer.py")
    at.button(key="send").click().run()
    assert not at.exception
    assert ApiUnavailable.title in at.error[0].value.replace("\\", "")
    assert at.selectbox(key="call").value == "Public ping"


def test_the_database_goes_away_and_comes_back(installation: AppInstallation, monkeypatch: pytest.MonkeyPatch) -> None:
    at = testing.open_app("/reports")
    installation.sign_in(at, roles=["viewer"])
    testing.open_page(at, "usage_report.py")
    assert at.title[0].value == "Usage report"

    def down(ref: str) -> None:
        raise StorageUnavailable("It is locked by another program.")

    with monkeypatch.context() as patch:
        patch.setattr(type(installation.services.storage.read), "session_by_ref", lambda _, ref: down(ref))
        at.run()
        assert not at.exception
        assert StorageUnavailable.title in at.error[0].value
        assert not at.title
    at.run()
    assert at.title[0].value == "Usage report"


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_shown_as_text(installation: AppInstallation, name: str) -> None:
    at = testing.open_app("/csv")
    installation.sign_in(at, name=name)
    for file in ("home.py", "profile.py", "csv_explorer.py"):
        testing.open_page(at, file)
        assert not at.exception
        for element in [*at.markdown, *at.title, *at.caption]:
            assert "<script" not in element.value.replace("\\<", "")
            assert "\u202e" not in element.value
            assert len(element.value) < 1000


@pytest.mark.parametrize("text", HOSTILE)
def test_plain_escapes_all_markdown(text: str) -> None:
    shown = formatting.plain(text)
    assert "\n" not in shown
    assert len(shown) <= 2 * 200
    unescaped = shown.replace("\\\\", "")
    for mark in "`*_[]()#!<>$:&|~":
        assert unescaped.count(mark) == unescaped.count(f"\\{mark}"), mark


def upload(at: AppTest, name: str, content: bytes) -> AppTest:
    return at.file_uploader(key="upload").set_value((name, content, "text/csv")).run()


@pytest.fixture
def explorer(installation: AppInstallation) -> AppTest:
    at = testing.open_app("/csv")
    installation.sign_in(at, roles=["analyst"])
    return testing.open_page(at, "csv_explorer.py")


def test_the_csv_explorer_explains_the_first_step(explorer: AppTest) -> None:
    assert "to begin" in explorer.info[0].value


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "The file is empty"),
        (b"  \n \n", "The file is empty"),
        (b"\xef\xbb\xbf", "The file is empty"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "This is not a text file"),
        (b"a,b\n1,2\n1,2,3,4\n", "could not be read as CSV"),
        (b"a,b\n1,2,3\n4,5,6\n", "could not be read as CSV"),
        ((",".join(f"c{n}" for n in range(600)) + "\n" + ",".join("1" * 600)).encode(), "600 columns"),
    ],
)
def test_an_upload_that_is_not_a_table_is_explained(explorer: AppTest, content: bytes, expected: str) -> None:
    upload(explorer, "x.csv", content)
    assert not explorer.exception
    message = explorer.error[0].value
    assert expected.replace(",", "\\,") in message or expected in message.replace("\\", "")


def test_a_header_of_very_many_columns_does_not_block_the_process(explorer: AppTest) -> None:
    started = time.process_time()
    upload(explorer, "x.csv", b"," * 30_000 + b"\n1\n")
    assert time.process_time() - started < 3
    assert "30,001 columns" in explorer.error[0].value.replace("\\", "")


@pytest.mark.parametrize(("pattern", "left"), [("(?:a+)+$", 0), ("(?=(?:a+)+$)b", 12), ("(", 12), ("A!1", 3)])
def test_no_pattern_blocks_the_process(explorer: AppTest, pattern: str, left: int) -> None:
    rows = "\n".join("a" * 26 + f"!{number}" for number in range(12))
    at = upload(explorer, "x.csv", f"t\n{rows}\n".encode())
    at.multiselect[0].set_value(["t"]).run()
    at.text_input[0].set_value(pattern).run()
    assert not at.exception
    assert len(at.dataframe[0].value) == left
    assert bool(at.warning) is (pattern in {"(?=(?:a+)+$)b", "("})


def test_a_table_without_rows_is_explained(explorer: AppTest) -> None:
    upload(explorer, "x.csv", b"a,b\n")
    assert "no rows" in explorer.warning[0].value


@pytest.mark.parametrize(
    "content",
    [
        b"town,people\nUlm,126949\n",
        "\ufefftown;people\nUlm;126949\n".encode(),
        "town\tpeople\nM\xfcnchen\t126949\n".encode("cp1252"),
        b"town,people\n=cmd|'/c calc'!A1,5\n<script>,6\n",
        b'"a"" b","c\nd"\n1,2\n',
        b",,b\n1,2,3\n",
        b"(row number),Row number,x,a:b,a.b\n1,2,3,4,5\n",
    ],
)
def test_tables_of_many_kinds_are_read(explorer: AppTest, content: bytes) -> None:
    upload(explorer, "x.csv", content)
    assert not explorer.exception
    assert not explorer.error
    assert len(explorer.dataframe[0].value) >= 1


def test_the_separator_is_detected_and_columns_are_not_split_at_spaces(explorer: AppTest) -> None:
    upload(explorer, "x.csv", b"just one column\nx y\nz\n")
    assert list(explorer.dataframe[0].value.columns) == ["just one column"]
    upload(explorer, "y.csv", b"a;b\n1,5;x\n2,5;y\n")
    assert explorer.dataframe[0].value["a"].tolist() == [1.5, 2.5]


def test_a_long_table_is_cut_with_a_warning(explorer: AppTest) -> None:
    upload(explorer, "x.csv", b"n\n" + b"\n".join(str(number).encode() for number in range(200_005)))
    assert "first 200,000 rows" in explorer.warning[0].value
