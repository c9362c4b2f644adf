"""CSV explorer: open a file of your own, look at it, chart it, download what is left. The file stays in this tab."""

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
    """Parse a CSV file; raises ``ValueError`` with a sentence for the person when it is not one."""
    if not content.strip():
        raise ValueError(EMPTY)
    if b"\x00" in content[:4096]:
        raise ValueError("This is not a text file. Save your table as CSV and choose that file.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252", errors="replace")
    separator = separator_of(text)
    # Where semicolons separate, a comma between digits is a decimal comma.
    decimal = "," if separator == ";" and re.search(r"\d,\d", text[:65536]) else "."
    lines = io.StringIO(text.lstrip("\r\n"))
    names = names_in(lines, separator)
    try:
        # The reader goes on behind the line of names. One column more than they are catches what a longer row has:
        # pandas would drop it, or take the first column for the rows' labels.
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
    """The columns' names, which are the first line. Raises ``ValueError`` with a sentence for the person."""
    try:
        given = next(csv.reader(lines, delimiter=separator), [])
    except csv.Error as error:
        raise ValueError(UNEVEN) from error
    if not given:
        raise ValueError(EMPTY)
    if len(given) > MAX_COLUMNS:  # before anything is done with each of them
        raise ValueError(f"The file has {len(given):,} columns; at most {MAX_COLUMNS} can be shown.")
    return unique_names(given)


def unique_names(given: list[str]) -> list[str]:
    """The columns' names, each once and none empty."""
    names: list[str] = []
    for number, name in enumerate(given, start=1):
        wanted = name.strip() or f"Column {number}"
        while wanted in names:
            wanted += f" ({number})"
        names.append(wanted)
    return names


def separator_of(text: str) -> str:
    """What separates the columns: whichever of these stands in the first line most often; a comma for one column."""
    first = text.lstrip().partition("\n")[0]
    return max(",;\t|", key=first.count)


def chart_frame(table: pd.DataFrame, across: str | None, shown: list[str]) -> pd.DataFrame:
    """The columns of a chart under names that mean nothing to the charting library; the first is horizontal."""
    points = {ACROSS: range(1, len(table) + 1) if across is None else table[across].to_numpy()}
    for name in shown:
        label = plain_name(name)
        while label in points:
            label += " "
        points[label] = table[name].to_numpy()
    return pd.DataFrame(points)


def plain_name(name: str) -> str:
    """A column's name without the marks that the charting library would read as something else."""
    return re.sub(r"[^\w %()-]", "_", name) or "_"


@access.requires(Permission.EXPLORE_FILES)
def as_csv(table: pd.DataFrame) -> bytes:
    """The table as CSV, safe to open in a spreadsheet: no cell begins a formula (OWASP, CSV injection)."""
    safe = table.copy()
    for column in safe.select_dtypes(include=["object", "string"]):
        text = safe[column].astype("string")
        risky = text.str.startswith(FORMULA_STARTS, na=False)
        safe[column] = text.where(~risky, "'" + text)
    safe.columns = pd.Index(list(map(safe_cell, map(str, safe.columns))))
    return safe.to_csv(index=False).encode()


st.title("CSV explorer")
st.caption("Your file is read into this tab only: not stored, seen by nobody else, and closed when you leave the page.")

upload = st.file_uploader("Choose a CSV file", type=["csv", "tsv", "txt"], key="upload", max_upload_size=MAX_MEGABYTES)
if upload is None:
    st.info(f"Choose a file of up to {MAX_MEGABYTES} MB to begin. Its first line should name the columns.")
    st.stop()

file_id, table = st.session_state.get("csv-table", (None, None))
if file_id != upload.file_id:  # parsed once, not at every click; the page has been checked at this one
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

left = panels.explorer(table)
st.dataframe(left, width="stretch", key="table")
st.caption(f"{len(left):,} of {len(table):,} rows, {len(table.columns)} columns")

numeric = list(left.select_dtypes("number").columns)
if numeric:
    st.header("Chart")
    first, second, third = st.columns(3)
    kind = first.selectbox("Kind", ["Line", "Bars", "Points"], key="chart-kind")
    across = second.selectbox("Across", [ROW_NUMBER, *left.columns], key="chart-x")
    shown = third.multiselect("Show", numeric, default=numeric[:1], key="chart-y")
    if shown:
        draw = {"Line": st.line_chart, "Bars": st.bar_chart, "Points": st.scatter_chart}[kind]
        points = chart_frame(left.head(5000), None if across == ROW_NUMBER else across, shown)
        label = "Row" if across == ROW_NUMBER else plain_name(across)
        draw(points, x=ACROSS, y=list(points.columns[1:]), x_label=label, height=320)
        if len(left) > len(points):
            st.caption("The chart shows the first 5,000 rows.")
    else:
        st.caption("Choose at least one column to show.")

st.download_button(
    "Download these rows",
    data=access.bind_session(lambda: as_csv(left)),
    file_name="explored.csv",
    mime="text/csv",
    icon=":material/download:",
    key="download",
    on_click="ignore",
)
