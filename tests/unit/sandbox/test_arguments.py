"""The arguments for bubblewrap, what is hidden, and the shell's limits."""

from itertools import pairwise
from pathlib import Path

import pytest

from firm.sandbox import Box, Limits
from firm.sandbox.bubblewrap import Descriptors, make_arguments, packed
from firm.sandbox.folder import masks, survey
from firm.sandbox.plain import limit_words

STATE_INSIDE = "/box" + "/.firm"
FILES = Descriptors(users=11, groups=12, filter=13, told=14, held=15)


def arguments(box: Box, hidden: dict[str, str] | None = None) -> list[str]:
    return make_arguments(box, hidden or {}, FILES)


def bound(made: list[str], how: str) -> dict[str, str]:
    """What is mounted by `how`: by its place inside, what it is outside."""
    return {made[at + 2]: made[at + 1] for at, word in enumerate(made) if word == how}


def test_everything_is_separated(tmp_path: Path) -> None:
    made = arguments(Box(tmp_path))
    assert {
        "--unshare-all",
        "--unshare-user",
        "--disable-userns",
        "--die-with-parent",
        "--new-session",
    } <= set(made)
    assert ("--cap-drop", "ALL") in pairwise(made)
    assert "--share-net" not in made
    assert ("--seccomp", "13") in pairwise(made)


def test_the_folder_alone_can_be_written(tmp_path: Path) -> None:
    made = arguments(Box(tmp_path, readable=(Path("/opt"),)))
    assert bound(made, "--bind") == {"/box": str(tmp_path)}
    assert bound(made, "--ro-bind")["/opt"] == "/opt"
    closed = {after for word, after in pairwise(made) if word == "--remount-ro"}
    assert closed == {"/", "/dev", "/proc"}


def test_without_network_nothing_of_it_is_shown(tmp_path: Path) -> None:
    names = {"/etc/resolv.conf", "/etc/hosts", "/etc/ssl"}
    assert not names & bound(arguments(Box(tmp_path)), "--ro-bind").keys()
    made = arguments(Box(tmp_path, network=True))
    assert "--share-net" in made
    assert bound(made, "--ro-bind").keys() & names == {name for name in names if Path(name).exists()}


def test_the_environment_is_empty_but_for_what_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", "s")
    made = arguments(Box(tmp_path, env={"A": "b c", "HOME": "/box"}))
    assert made.index("--clearenv") < made.index("--setenv")
    given = {
        name: value for word, name, value in zip(made, made[1:], made[2:], strict=False) if word == "--setenv"
    }
    assert given.keys() == {"PATH", "HOME", "TMPDIR", "LANG", "A"}
    assert (given["A"], given["HOME"]) == ("b c", "/box")


def test_temporary_files_are_bounded_by_the_memory(tmp_path: Path) -> None:
    made = arguments(Box(tmp_path, limits=Limits(memory_bytes=64 << 20)))
    sizes = [after for word, after in pairwise(made) if word == "--size"]
    assert sizes == [str(32 << 20)] * 2


def test_hidden_folders_come_after_what_they_lie_in(tmp_path: Path) -> None:
    made = arguments(Box(tmp_path), {STATE_INSIDE: "outside"})
    at = made.index(STATE_INSIDE)
    assert made[at - 1 : at + 3] == ["--tmpfs", STATE_INSIDE, "--remount-ro", STATE_INSIDE]
    assert made.index("--bind") < at


def test_arguments_are_packed_with_nul() -> None:
    assert packed(["--a", "ü"]) == b"--a\0\xc3\xbc\0"


def test_state_is_found_wherever_it_lies_and_links_are_not_followed(tmp_path: Path) -> None:
    folder, readable, outside = tmp_path / "f", tmp_path / "r", tmp_path / "o"
    for place in (
        folder / ".firm",
        folder / "a" / "b" / ".firm",
        readable / "x" / ".firm",
        outside / ".firm",
    ):
        place.mkdir(parents=True)
    (folder / "kept").mkdir()
    (folder / "c").mkdir()
    (folder / "c" / ".firm").symlink_to(folder / "kept")
    (folder / "away").symlink_to(outside)
    states = [*survey(folder).states, *survey(readable, sizes=False).states]
    hidden = masks(Box(folder, readable=(readable,)), states)
    within = Path("/box")
    assert hidden == {
        str(within / ".firm"): str(folder / ".firm"),
        str(within / "a" / "b" / ".firm"): str(folder / "a" / "b" / ".firm"),
        str(within / "kept"): str(folder / "kept"),
        str(readable / "x" / ".firm"): str(readable / "x" / ".firm"),
    }


def test_what_a_folder_holds_is_counted_once(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "one").write_bytes(b"x" * 100_000)
    once = survey(tmp_path).used_bytes
    (tmp_path / "two").hardlink_to(tmp_path / "sub" / "one")
    (tmp_path / "link").symlink_to("/usr")
    assert survey(tmp_path).used_bytes == once >= 100_000
    assert survey(tmp_path, sizes=False).used_bytes == 0


def test_a_folder_that_is_gone_holds_nothing(tmp_path: Path) -> None:
    assert survey(tmp_path / "gone").used_bytes == 0


def test_the_shell_is_told_limits_in_its_units() -> None:
    limits = Limits(cpu_s=1.5, memory_bytes=16 << 20, disk_bytes=1000)
    assert limit_words(limits) == ["-t=2", "-d=16384", "-f=2", "-c=0"]
