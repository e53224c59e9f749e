"""Where a firm lives, and how the home is found."""

import errno
import os
from pathlib import Path

import pytest

from firm.errors import DiskFull, JournalError, UsageError
from firm.root.home import Home, find_home, writing_failed


def test_a_given_home_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRM_HOME", "/elsewhere")
    assert find_home(tmp_path / "x").folder == tmp_path / "x"
    assert find_home("relative").folder == tmp_path / "relative"


def test_the_environment_comes_before_the_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".firm").mkdir()
    monkeypatch.setenv("FIRM_HOME", str(tmp_path / "other"))
    assert find_home().folder == tmp_path / "other"
    monkeypatch.setenv("FIRM_HOME", "")
    assert find_home().folder == tmp_path


@pytest.mark.parametrize("mark", [".firm", "firm.toml"])
def test_the_nearest_folder_upward_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mark: str
) -> None:
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    (tmp_path / "a" / mark).mkdir() if mark == ".firm" else (tmp_path / "a" / mark).touch()
    monkeypatch.chdir(deep)
    found = find_home()
    assert (found.folder, found.invented) == (tmp_path / "a", False)


def test_without_anything_it_is_the_current_folder_and_says_so(tmp_path: Path) -> None:
    found = find_home()
    assert (found.folder, found.invented) == (tmp_path, True)


@pytest.mark.parametrize("name", ["", "a\0b"])
def test_a_home_that_is_no_path_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="not a path"):
        find_home(name)


def test_a_current_folder_that_is_gone_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(UsageError, match="does not exist"):
        find_home()


def test_a_file_is_no_home(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="not a folder"):
        Home(tmp_path / "file").make()


@pytest.mark.parametrize(
    ("code", "kind", "says"),
    [
        (errno.EACCES, UsageError, "--home"),
        (errno.EROFS, UsageError, "writable"),
        (errno.ENOSPC, DiskFull, "free some space"),
        (errno.EIO, JournalError, "disk"),
    ],
)
def test_what_the_disk_says_becomes_what_to_do(code: int, kind: type[Exception], says: str) -> None:
    error = writing_failed(OSError(code, os.strerror(code)), Path("/home"))
    assert type(error) is kind
    assert says in str(error)


def test_a_folder_that_cannot_be_written_is_a_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(UsageError, match="cannot be written"):
        Home(tmp_path).make()


def test_what_firm_keeps_is_for_its_owner_alone(tmp_path: Path) -> None:
    home = Home(tmp_path / "new")
    home.make()
    assert home.state.stat().st_mode & 0o777 == 0o700
