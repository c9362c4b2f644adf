"""CSV explorer: open a file of your own, look at it, chart it, download what is left. The file stays in this tab."""

import io

import pandas as pd
import streamlit as st

from app import access, panels
from app.core.permissions import Permission

access.require_page()

MAX_MEGABYTES = 20
MAX_ROWS = 200_000
MAX_COLUMNS = 500


@access.requires(Permission.EXPLORE_FILES)
def read_table(content: bytes) -> pd.DataFrame:
    """Parse a CSV file; raises ``ValueError`` with a sentence for the person when it is not one."""
    if not content.strip():
        raise ValueError("The file is empty. Choose one with a line of column names and some rows.")
    if b"\x00" in content[:4096]:
        raise ValueError("This is not a text file. Save your table as CSV and choose that file.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252", errors="replace")
    try:
        table = pd.read_csv(io.StringIO(text), sep=None, engine="python", nrows=MAX_ROWS + 1, index_col=False)
    except (ValueError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise ValueError(
            "The file could not be read as CSV. Is every row as long as the line of column names?"
        ) from error
    if len(table.columns) > MAX_COLUMNS:
        raise ValueError(f"The file has {len(table.columns):,} columns; at most {MAX_COLUMNS} can be shown.")
    return table


@access.requires(Permission.EXPLORE_FILES)
def as_csv(table: pd.DataFrame) -> bytes:
    """The table as CSV, safe to open in a spreadsheet: no cell begins a formula (OWASP, CSV injection)."""
    safe = table.copy()
    for column in safe.select_dtypes(include=["object", "string"]):
        text = safe[column].astype("string")
        risky = text.str.match(r"^[=+\-@\t\r]", na=False)
        safe[column] = text.where(~risky, "'" + text)
    return safe.to_csv(index=False).encode()


st.title("CSV explorer")
st.caption("Your file is read into this session only: it is not stored, and nobody else sees it.")

upload = st.file_uploader("Choose a CSV file", type=["csv", "tsv", "txt"], key="upload", max_upload_size=MAX_MEGABYTES)
if upload is None:
    st.info(f"Choose a file of up to {MAX_MEGABYTES} MB to begin. Its first line should name the columns.")
    st.stop()

try:
    table = read_table(upload.getvalue())
except ValueError as error:
    st.error(panels.plain(str(error), cap=300), icon=":material/error:")
    st.stop()

if len(table) > MAX_ROWS:
    table = table.head(MAX_ROWS)
    st.warning(f"The file is long: only its first {MAX_ROWS:,} rows are shown.", icon=":material/content_cut:")
if table.empty:
    st.warning("The file has column names but no rows.", icon=":material/hourglass_empty:")
    st.stop()

left = panels.explorer(table)
st.dataframe(left, width="stretch", key="table")
st.caption(f"{len(left):,} of {len(table):,} rows, {len(table.columns)} columns")

numeric = [str(column) for column in left.select_dtypes("number").columns]
if numeric:
    st.subheader("Chart")
    first, second, third = st.columns(3)
    kind = first.selectbox("Kind", ["Line", "Bars", "Points"], key="chart-kind")
    across = second.selectbox("Across", ["Row number", *map(str, left.columns)], key="chart-x")
    shown = third.multiselect("Show", numeric, default=numeric[:1], key="chart-y")
    if shown:
        draw = {"Line": st.line_chart, "Bars": st.bar_chart, "Points": st.scatter_chart}[kind]
        points = left.head(5000).reset_index(drop=True).rename(columns=str)
        if across == "Row number":
            points.insert(0, "Row number", range(1, len(points) + 1), allow_duplicates=True)
        draw(points, x=across, y=shown, height=320)
        if len(left) > len(points):
            st.caption("The chart shows the first 5,000 rows.")
    else:
        st.caption("Choose at least one column to show.")

st.download_button(
    "Download these rows",
    data=access.carried(lambda: as_csv(left)),
    file_name="explored.csv",
    mime="text/csv",
    icon=":material/download:",
    key="download",
    on_click="ignore",
)
