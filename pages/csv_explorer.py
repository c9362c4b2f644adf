"""CSV explorer: open a CSV file, filter it, chart it, and download the filtered rows. The file stays in this tab."""

import csv
import io
import re

import pandas as pd
import streamlit as st

from app import access, formatting, panels
from app.core.permissions import Permission
from app.core.spreadsheet import FORMULA_STARTS, safe_cell

access.require_page()

MAX_MEGABYTES = 20
MAX_ROWS = 200_000
MAX_COLUMNS = 500
ROW_NUMBER = "(row number)"
ACROSS = "(across)"
OVERFLOW = "(overflow)"
EMPTY = "The file is empty. Choose one with a line of column names and some rows."
UNEVEN = "The file could not be read as CSV. Is every row as long as the line of column names?"


@access.requires(Permission.EXPLORE_FILES)
def read_table(content: bytes) -> pd.DataFrame:
    """Parse a CSV file.

    Raises:
        ValueError: It is not a CSV file; the message is for the user.
    """
    if not content.strip():
        raise ValueError(EMPTY)
    if b"\x00" in content[:4096]:
        raise ValueError("This is not a text file. Save your table as CSV and choose that file.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252", errors="replace")
    separator = separator_of(text)
    # In a file separated by semicolons, a comma between digits is a decimal comma.
    decimal = "," if separator == ";" and re.search(r"\d,\d", text[:65536]) else "."
    lines = io.StringIO(text.lstrip("\r\n"))
    names = names_in(lines, separator)
    try:
        # The reader continues behind the line of names. One more column than names catches longer rows: pandas would
        # drop their extra cells, or use the first column as row labels.
        table = pd.read_csv(
            lines, sep=separator, decimal=decimal, header=None, names=[*names, OVERFLOW], nrows=MAX_ROWS + 1,
            index_col=False,
        )  # fmt: skip
    except (ValueError, csv.Error, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise ValueError(UNEVEN) from error
    if table.pop(OVERFLOW).notna().any():
        raise ValueError(UNEVEN)
    return table


def names_in(lines: io.StringIO, separator: str) -> list[str]:
    """Read the names of the columns, which are the first line.

    Raises:
        ValueError: There are none, or too many; the message is for the user.
    """
    try:
        names = next(csv.reader(lines, delimiter=separator), [])
    except csv.Error as error:
        raise ValueError(UNEVEN) from error
    if not names:
        raise ValueError(EMPTY)
    if len(names) > MAX_COLUMNS:  # before a loop over them
        raise ValueError(f"The file has {len(names):,} columns; at most {MAX_COLUMNS} can be shown.")
    return unique_names(names)


def unique_names(names: list[str]) -> list[str]:
    """Return the names of the columns, made unique; empty ones become ``Column 1`` and so on."""
    result: list[str] = []
    for number, name in enumerate(names, start=1):
        unique = name.strip() or f"Column {number}"
        while unique in result:
            unique += f" ({number})"
        result.append(unique)
    return result


def separator_of(text: str) -> str:
    """Return the separator that is most frequent in the first line; a comma for a single column."""
    first = text.lstrip().partition("\n")[0]
    return max(",;\t|", key=first.count)


def chart_frame(table: pd.DataFrame, across: str | None, columns: list[str]) -> pd.DataFrame:
    """Return the columns of a chart under names without syntax of the charting library; the first is horizontal."""
    points = {ACROSS: range(1, len(table) + 1) if across is None else table[across].to_numpy()}
    for name in columns:
        label = plain_name(name)
        while label in points:
            label += " "
        points[label] = table[name].to_numpy()
    return pd.DataFrame(points)


def plain_name(name: str) -> str:
    """A column's name without characters that the charting library interprets."""
    return re.sub(r"[^\w %()-]", "_", name) or "_"


@access.requires(Permission.EXPLORE_FILES)
def as_csv(table: pd.DataFrame) -> bytes:
    """Return the table as CSV, safe to open in a spreadsheet: no cell starts a formula (OWASP, CSV injection)."""
    safe = table.copy()
    for column in safe.select_dtypes(include=["object", "string"]):
        text = safe[column].astype("string")
        risky = text.str.startswith(FORMULA_STARTS, na=False)
        safe[column] = text.where(~risky, "'" + text)
    safe.columns = pd.Index(list(map(safe_cell, map(str, safe.columns))))
    return safe.to_csv(index=False).encode()


st.title("CSV explorer")
st.caption(
    "Your file is read into this tab only. It is not stored, no other user sees it, and it is closed when you leave "
    "the page."
)

upload = st.file_uploader("Choose a CSV file", type=["csv", "tsv", "txt"], key="upload", max_upload_size=MAX_MEGABYTES)
if upload is None:
    st.info(f"Choose a file of up to {MAX_MEGABYTES} MB to begin. Its first line should name the columns.")
    st.stop()

file_id, table = st.session_state.get("csv-table", (None, None))
if file_id != upload.file_id:  # parsed once, not at every click; the page guard has run for this click
    try:
        table = read_table(upload.getvalue())
    except ValueError as error:
        st.session_state.pop("csv-table", None)
        st.error(formatting.plain(str(error), cap=300), icon=":material/error:")
        st.stop()
    st.session_state["csv-table"] = (upload.file_id, table)

if len(table) > MAX_ROWS:
    table = table.head(MAX_ROWS)
    st.warning(f"The file is long: only its first {MAX_ROWS:,} rows are shown.", icon=":material/content_cut:")
if table.empty:
    st.warning("The file has column names but no rows.", icon=":material/hourglass_empty:")
    st.stop()

filtered = panels.explorer(table)
st.dataframe(filtered, width="stretch", key="table")
st.caption(f"{len(filtered):,} of {len(table):,} rows, {len(table.columns)} columns")

numeric = list(filtered.select_dtypes("number").columns)
if numeric:
    st.header("Chart")
    first, second, third = st.columns(3)
    kind = first.selectbox("Kind", ["Line", "Bars", "Points"], key="chart-kind")
    across = second.selectbox("Across", [ROW_NUMBER, *filtered.columns], key="chart-x")
    chosen = third.multiselect("Show", numeric, default=numeric[:1], key="chart-y")
    if chosen:
        draw = {"Line": st.line_chart, "Bars": st.bar_chart, "Points": st.scatter_chart}[kind]
        points = chart_frame(filtered.head(5000), None if across == ROW_NUMBER else across, chosen)
        label = "Row" if across == ROW_NUMBER else plain_name(across)
        draw(points, x=ACROSS, y=list(points.columns[1:]), x_label=label, height=320)
        if len(filtered) > len(points):
            st.caption("The chart shows the first 5,000 rows.")
    else:
        st.caption("Choose at least one column to show.")

st.download_button(
    "Download these rows",
    data=access.bind_session(lambda: as_csv(filtered)),
    file_name="explored.csv",
    mime="text/csv",
    icon=":material/download:",
    key="download",
    on_click="ignore",
)
