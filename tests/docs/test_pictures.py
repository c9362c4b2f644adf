"""The pictures of the documents are those of the table, small and of its sizes; every page is photographed."""

from __future__ import annotations

import re

import pytest
from PIL import Image

from app.navigation import PAGES
from tests.docs.code_blocks import documents
from tests.docs.project_files import ROOT
from tests.screenshots.pictures import FOLDER, MAX_BYTES, PICTURES, Picture
from tests.screenshots.table import SHOTS


def test_names_are_unique() -> None:
    names = [shot.name for shot in SHOTS]
    assert sorted(names) == sorted(set(names))


def test_every_page_is_photographed_for_a_user_who_may_open_it() -> None:
    photographed = {re.split(r"[?]", shot.path)[0].strip("/") for shot in SHOTS if shot.person}
    assert {page.path for page in PAGES} <= photographed


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.file)
def test_a_picture_is_there_in_its_size(picture: Picture) -> None:
    with Image.open(picture.path) as image:
        assert image.size == (picture.width, picture.height)
    assert picture.path.stat().st_size < MAX_BYTES
    assert picture.shot in {shot.name for shot in SHOTS}


def test_every_file_is_in_the_table_and_in_a_document() -> None:
    files = {path.name for path in FOLDER.iterdir()}
    assert files == {picture.file for picture in PICTURES}
    texts = "".join(path.read_text(encoding="utf-8") for path in documents(ROOT))
    assert [file for file in files if f"images/{file})" not in texts] == []
