"""A delivery that is killed anywhere and made again is one delivery: the same files, one entry, one commit."""

import subprocess
import sys
from pathlib import Path

import pytest
from tests.unit.org.deliver.clone import commits, git, tree

COURIER = Path(__file__).with_name("courier.py")


def carry(home: Path, place: str = "none", when: str = "before") -> subprocess.CompletedProcess[str]:
    """Deliver in a process of its own."""
    done = subprocess.run(
        [sys.executable, str(COURIER), str(home), place, when],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == (0 if place == "none" else -9), done.stderr
    return done


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which it was delivered at once."""
    home = tmp_path_factory.mktemp("whole")
    carry(home)
    return home


@pytest.mark.parametrize(
    ("place", "when"),
    [
        ("handover._write_reports", "before"),
        ("handover._hand_over", "before"),
        ("handover._move", "after"),
        ("handover.commit", "before"),
        ("commit._make", "after"),
        ("commit._put", "after"),
        ("commit._message", "before"),
        ("handover.commit", "after"),
    ],
)
def test_a_delivery_killed_in_its_middle_and_made_again_is_one(
    tmp_path: Path, whole: Path, place: str, when: str
) -> None:
    killed = tmp_path / "killed"
    killed.mkdir()
    carry(killed, place, when)
    carry(killed)
    assert commits(killed) == commits(whole) and len(commits(killed)) == 1
    assert tree(killed) == tree(whole)
    assert git(killed, "status", "--porcelain") == ""
    assert (killed / "CHANGELOG.md").read_text("utf-8").count("\n## ") == 1
    assert list((killed / ".firm/delivering").iterdir()) == []
