"""A script that cannot be hosted is refused before anything of it runs, with a sentence for each reason."""

from __future__ import annotations

from pathlib import Path

from app.core.hosted_app_config import HostedAppConfig
from app.core.hosting import hosting_mistakes

WITH_PAGES = HostedAppConfig(pages={"": None})


def script_in(folder: Path, name: str = "shop.py", text: str = "") -> Path:
    script = folder / name
    script.write_text(text)
    return script


def test_a_plain_script_can_be_hosted(tmp_path: Path) -> None:
    assert hosting_mistakes(script_in(tmp_path), HostedAppConfig()) == []
    assert hosting_mistakes(script_in(tmp_path, "app.py"), HostedAppConfig()) == [], "its own name is no other file"


def test_only_a_python_file_is_a_script(tmp_path: Path) -> None:
    for wrong in (tmp_path, tmp_path / "none.py", script_in(tmp_path, "notes.txt")):
        assert hosting_mistakes(wrong, WITH_PAGES) == [
            f"{wrong} is not a Python file: name the script that you would pass to `streamlit run`."
        ]


def test_a_folder_of_pages_is_refused(tmp_path: Path) -> None:
    script = script_in(tmp_path)
    (tmp_path / "pages").touch()
    assert hosting_mistakes(script, HostedAppConfig()) == []
    (tmp_path / "pages").unlink()
    (tmp_path / "pages").mkdir()
    (mistake,) = hosting_mistakes(script, HostedAppConfig())
    assert mistake == (
        f"{tmp_path / 'pages'}: Streamlit would serve this folder's scripts without any check. Rename it, for example "
        "to views, and list its scripts in st.navigation, as docs/how-to/protect-your-own-app.md shows."
    )


def test_what_hides_the_package_that_the_script_imports_is_refused(tmp_path: Path) -> None:
    script = script_in(tmp_path)
    (tmp_path / "app").mkdir()
    assert hosting_mistakes(script, HostedAppConfig()) == [], "an empty folder is no package"
    (tmp_path / "app" / "deeper").mkdir()
    script_in(tmp_path / "app" / "deeper", "module.py")
    script_in(tmp_path, "app.py")
    assert hosting_mistakes(script, HostedAppConfig()) == [
        f"{tmp_path / name} has the name of the package of Gatehouse that your script imports rights from: rename it."
        for name in ("app.py", "app")
    ]


def test_entries_of_pages_need_a_navigation(tmp_path: Path) -> None:
    script = script_in(tmp_path)
    (tmp_path / ".venv").mkdir()
    script_in(tmp_path / ".venv", "library.py", "st.navigation([])")
    assert hosting_mistakes(script, HostedAppConfig()) == []
    assert hosting_mistakes(script, WITH_PAGES) == [
        (
            f"{tmp_path / 'gatehouse.toml'} has entries for pages, but nothing here calls st.navigation. To require a "
            "permission for the whole app, write enter = in it instead."
        )
    ]
    (tmp_path / "views").mkdir()
    (tmp_path / "views" / "menu.py").write_bytes(b"# \xff is no UTF-8\nst.navigation([])")
    assert hosting_mistakes(script, WITH_PAGES) == []
