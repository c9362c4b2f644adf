"""Checks whether a script can be hosted: they read its folder, before the script or Gatehouse runs."""

from __future__ import annotations

from pathlib import Path

from app.core.hosted_app_config import FILE_NAME, HostedAppConfig


def hosting_mistakes(script: Path, config: HostedAppConfig) -> list[str]:
    """Return the reasons why ``script`` cannot be hosted, a sentence each."""
    if not script.is_file() or script.suffix != ".py":
        return [f"{script} is not a Python file: name the script that you would pass to `streamlit run`."]
    folder, mistakes = script.parent, []
    if (folder / "pages").is_dir():
        mistakes.append(
            f"{folder / 'pages'}: Streamlit would serve this folder's scripts without any check. Rename it, for "
            "example to views, and list its scripts in st.navigation, as docs/how-to/protect-your-own-app.md shows."
        )
    mistakes += [
        f"{other} has the name of the package of Gatehouse that your script imports rights from: rename it."
        for other in (folder / "app.py", folder / "app")
        if other != script and (other.is_file() or any(other.glob("**/*.py")))
    ]
    if config.pages is not None and not _navigates(folder):
        mistakes.append(
            f"{folder / FILE_NAME} has entries for pages, but nothing here calls st.navigation. To require a "
            "permission for the whole app, write enter = in it instead."
        )
    return mistakes


def _navigates(folder: Path) -> bool:
    """Whether a script or module of the app uses ``navigation``."""
    return any(
        "navigation" in file.read_text(encoding="utf-8", errors="replace")
        for file in folder.glob("**/*.py")
        if not any(part.startswith(".") for part in file.relative_to(folder).parts)
    )
