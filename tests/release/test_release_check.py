"""``make release-check``: a fault of any part fails it; the wheel does not depend on where and when it is built."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.release import __main__ as release
from tests.release import wheel
from tests.release.sbom import SbomError
from tests.release.wheel import PLACES, build, commit_seconds, sha256, tracked_files


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with a small project, built by the same backend."""
    root = tmp_path / "repository"
    (root / "little").mkdir(parents=True)
    (root / "little" / "__init__.py").write_text('"""A module."""\n')
    (root / "untracked.py").write_text("")
    (root / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
        '[project]\nname = "little"\nversion = "1.0"\n'
    )
    git = ("git", "-c", "user.name=tests", "-c", "user.email=tests@example.com")
    for arguments in (("init", "-q"), ("add", "little", "pyproject.toml"), ("commit", "-q", "-m", "Add a module")):
        subprocess.run([*git, *arguments], cwd=root, check=True)
    return root


def test_the_wheel_is_the_same_wherever_it_is_built(repository: Path, tmp_path: Path) -> None:
    assert {str(file) for file in tracked_files(repository)} == {"little/__init__.py", "pyproject.toml"}
    assert len({(place.folder, place.umask, place.modified_at, place.time_zone) for place in PLACES}) > 1
    epoch = commit_seconds(repository)
    sums = [sha256(build(place, tmp_path, epoch, repository)) for place in PLACES]
    assert len(sums) == 2
    assert len(set(sums)) == 1
    (repository / "little" / "__init__.py").write_text('"""Another module."""\n')
    assert sha256(build(PLACES[0], tmp_path / "later", epoch, repository)) not in sums


def test_wheels_that_differ_are_a_fault(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(wheel, "commit_seconds", lambda: "0")

    def differing(place: object, below: Path, epoch: str) -> Path:
        file = tmp_path / "same-name.whl"
        file.write_text(str(place))
        return file

    monkeypatch.setattr(wheel, "build", differing)
    read = iter(["aa", "bb"])
    monkeypatch.setattr(wheel, "sha256", lambda file: next(read))
    assert release.main(["wheel"]) == 1
    assert "wheel: FAILED: the wheels differ" in capsys.readouterr().out


def test_a_fault_of_one_part_fails_and_the_others_are_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse() -> list[str]:
        raise SbomError("not installed")

    monkeypatch.setattr(release, "PARTS", {"one": list, "two": lambda: ["a fault"], "three": refuse})
    assert release.main([]) == 1
    printed = capsys.readouterr().out
    assert "two: FAILED: a fault" in printed
    assert "three: FAILED: not installed" in printed
    assert release.main(["one"]) == 0


def test_an_unknown_part_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        release.main(["everything"])
    assert "there is no part everything" in capsys.readouterr().err
