"""Which limit was passed, as the watch sees it, and control groups in a folder that plays the kernel."""

from pathlib import Path

import pytest

from firm.sandbox import Limits
from firm.sandbox.cgroup import make_group
from firm.sandbox.tree import Use
from firm.sandbox.watch import Watch

LIMITS = Limits(cpu_s=10, memory_bytes=100 << 20, processes=5, disk_bytes=1 << 20)
MB = 1 << 20


class Told:
    """A tree of processes that uses what it is told."""

    def __init__(self, *, processes: int = 1, shares: tuple[int, int] = (0, 0), **use: float) -> None:
        self._processes, self._shares = processes, shares
        self._use = Use(processes=processes, **use)  # type: ignore[arg-type]

    def count(self) -> int:
        return self._processes

    def use(self) -> Use:
        return self._use

    def shares(self) -> tuple[int, int]:
        return self._shares


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (Told(), ""),
        (Told(processes=5, cpu_s=10, memory_bytes=100 * MB), ""),
        (Told(processes=6), "processes"),
        (Told(cpu_s=10.1), "cpu"),
        (Told(memory_bytes=400 * MB, shares=(90 * MB, 0)), ""),
        (Told(memory_bytes=400 * MB, shares=(101 * MB, 0)), "memory"),
        (Told(memory_bytes=60 * MB, scratch_bytes=60 * MB, shares=(60 * MB, 0)), "memory"),
        (Told(memory_bytes=60 * MB, scratch_bytes=60 * MB, shares=(20 * MB, 60 * MB)), ""),
        (Told(nameless={(-1, 1): 200 * MB}), "memory"),
    ],
)
def test_the_limit_that_was_passed_is_named(told: Told, expected: str, tmp_path: Path) -> None:
    assert Watch(tmp_path, LIMITS, used_bytes=0).look(told) == expected


def test_growth_is_what_came_since(tmp_path: Path) -> None:
    (tmp_path / "before").write_bytes(bytes(3 * MB))
    watch = Watch(tmp_path, LIMITS, used_bytes=3 * MB)
    assert watch.look(Told()) == ""
    (tmp_path / "after").write_bytes(bytes(2 * MB))
    watch._looked = 0.0  # long ago
    assert watch.look(Told()) == "disk"


def test_a_deleted_file_that_is_still_open_counts(tmp_path: Path) -> None:
    held = {(tmp_path.stat().st_dev, 1): 2 * MB}
    assert Watch(tmp_path, LIMITS, used_bytes=0).look(Told(nameless=held)) == "disk"


def kernel(root: Path, version: int) -> list[Path]:
    """A folder that looks like /sys/fs/cgroup; the parents in which groups are made."""
    if version == 2:
        (root / "cgroup.controllers").write_text("cpu memory pids\n")
        (root / "cgroup.subtree_control").write_text("memory pids\n")
        return [root]
    for name in ("pids", "memory"):
        (root / name).mkdir()
        (root / name / "cgroup.procs").touch()
    return [root / "pids", root / "memory"]


@pytest.mark.parametrize("version", [1, 2])
def test_a_group_is_made_used_and_removed(version: int, tmp_path: Path) -> None:
    parents = kernel(tmp_path, version)
    group = make_group(LIMITS, root=tmp_path)
    assert group is not None
    assert [folder.parent for folder in group.folders] == parents
    group.add(123)
    assert all((folder / "cgroup.procs").read_text() == "123" for folder in group.folders)
    assert group.reached() == ""
    name = "pids.events"
    (group.folders[0] / name).write_text("max 3\n")
    assert group.reached() == "processes"
    (group.folders[-1] / ("memory.events" if version == 2 else "memory.oom_control")).write_text(
        "low 0\noom_kill 1\n"
    )
    assert group.reached() in ("processes", "memory")
    assert not group.remove()
    for folder in group.folders:
        for path in folder.iterdir():
            path.unlink()
    assert group.remove() and group.remove()


def test_groups_of_processes_that_are_gone_are_swept(tmp_path: Path) -> None:
    parents = kernel(tmp_path, 1)
    for parent in parents:
        (parent / "firm-box-4194305-0").mkdir()  # above the highest number a process can have
        (parent / "firm-box-1-0").mkdir()
    assert make_group(LIMITS, root=tmp_path) is not None
    for parent in parents:
        assert not (parent / "firm-box-4194305-0").exists()
        assert (parent / "firm-box-1-0").exists()


def test_without_control_groups_none_is_made(tmp_path: Path) -> None:
    assert make_group(LIMITS, root=tmp_path) is None
