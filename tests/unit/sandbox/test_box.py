"""What a box may be made of, which level is needed, and what is told where there is less."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest

from firm.errors import NotIsolated, UsageError
from firm.sandbox import Box, Level, Limits, Probe, run
from firm.sandbox.box import check
from firm.sandbox.probe import explain


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "work").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "home" / ".firm" / "blobs").mkdir(parents=True)
    return tmp_path / "work"


def test_an_ordinary_box_is_accepted(folder: Path) -> None:
    check(["sh", "-c", "true"], Box(folder, readable=(folder.parent / "other",), env={"A": "b=c"}))


@pytest.mark.parametrize("command", ["sh -c true", [], ["sh", "a\0b"], ["sh", b"-c"], None])
def test_a_command_must_be_words(command: Any, folder: Path) -> None:
    with pytest.raises(UsageError):
        check(command, Box(folder))


@pytest.mark.parametrize("env", [{"": "x"}, {"A=B": "x"}, {"A": "x\0"}, {"A\0": "x"}])
def test_an_environment_must_be_names_and_values(env: dict[str, str], folder: Path) -> None:
    with pytest.raises(UsageError):
        check(["true"], Box(folder, env=env))


@pytest.mark.parametrize(
    "limits",
    [
        *({name: value} for name in Limits.__slots__ for value in (0, -1, float("nan"), float("inf"))),
        {"memory_bytes": 1 << 20},
        {"disk_bytes": 1 << 50},
    ],
)
def test_limits_must_leave_something_and_end_somewhere(limits: Any, folder: Path) -> None:
    with pytest.raises(UsageError, match=next(iter(limits))):
        check(["true"], Box(folder, limits=Limits(**limits)))


@pytest.mark.parametrize("name", ["missing", "home/.firm", "home/.firm/blobs", "file"])
def test_the_folder_must_be_one_that_may_be_shown(name: str, folder: Path) -> None:
    (folder.parent / "file").touch()
    with pytest.raises(UsageError, match="folder"):
        check(["true"], Box(folder.parent / name))


@pytest.mark.parametrize("path", ["/", "relative"])
def test_too_large_or_vague_a_folder_is_refused(path: str) -> None:
    with pytest.raises(UsageError, match="folder"):
        check(["true"], Box(Path(path)))


def test_the_persons_own_folder_is_refused() -> None:
    with pytest.raises(UsageError, match="too much"):
        check(["true"], Box(Path.home()))


@pytest.mark.parametrize(
    "path", ["/", "/proc", "/proc/self", "/sys/kernel", "/dev", "/run", "relative", "/usr/../etc"]
)
def test_some_places_cannot_be_made_readable(path: str, folder: Path) -> None:
    with pytest.raises(UsageError, match="readable"):
        check(["true"], Box(folder, readable=(Path(path),)))


@pytest.mark.parametrize(
    "name", ["missing", "home/.firm", "home/.firm/blobs", "work", "work/inner", "link", "out"]
)
def test_no_readable_path_leads_to_state_or_into_the_folder(name: str, folder: Path) -> None:
    (folder / "inner").mkdir()
    (folder.parent / "link").symlink_to(folder.parent / "home" / ".firm")
    (folder.parent / "out").symlink_to(folder)
    with pytest.raises(UsageError, match="readable"):
        check(["true"], Box(folder, readable=(folder.parent / name,)))


def test_levels_have_names_and_an_order() -> None:
    assert [level.word for level in sorted(Level)] == ["none", "limits", "bubblewrap"]


@pytest.mark.parametrize(
    ("reached", "needed"),
    [
        (Level.NONE, Level.LIMITS),
        (Level.NONE, Level.BUBBLEWRAP),
        (Level.NONE, Level.NONE),
        (Level.LIMITS, Level.BUBBLEWRAP),
    ],
)
def test_code_that_needs_more_isolation_is_refused(
    reached: Level, needed: Level, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["firm.sandbox.run"], "probe", lambda: Probe(reached, "do this"))
    with pytest.raises(NotIsolated, match="do this") as caught:
        asyncio.run(run(["/bin/sh", "-c", "echo > ran"], Box(folder, at_least=needed)))
    assert repr(reached.word) in str(caught.value)
    assert not (folder / "ran").exists()


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("bwrap: Unknown option --disable-userns", "older than 0.8"),
        ("bwrap: setting up uid map: Permission denied", "bwrap: setting up uid map"),
    ],
)
def test_what_bubblewrap_complains_of_is_explained(said: str, expected: str) -> None:
    assert expected in explain(said)


@pytest.mark.parametrize(
    ("setting", "value", "expected"),
    [
        ("kernel/apparmor_restrict_unprivileged_userns", "1", "profile"),
        ("kernel/unprivileged_userns_clone", "0", "kernel.unprivileged_userns_clone=1"),
        ("user/max_user_namespaces", "0", "user.max_user_namespaces"),
    ],
)
def test_what_forbids_namespaces_is_named(
    setting: str, value: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        sys.modules["firm.sandbox.probe"], "_setting", lambda name: value if name == setting else ""
    )
    assert expected in explain("bwrap: No permissions to create a new namespace")


def test_dockers_filter_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    module = sys.modules["firm.sandbox.probe"]
    monkeypatch.setattr(module, "_setting", lambda name: "")
    monkeypatch.setattr(module, "_contained", lambda: True)
    assert "--security-opt seccomp=unconfined" in explain("bwrap: Creating new namespace failed")
