"""A mission for a repository, from the command line to the branch: real git, real sandbox, real pytest."""

import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.mock import mock_in_thread
from tests.examples.repository import command, environment, git, make_repository, write_settings

from examples.repository import mender
from firm.sandbox import Level, probe
from firm.testing import MockCall, MockOptions, MockReply, MockServer

pytestmark = pytest.mark.skipif(probe().level < Level.BUBBLEWRAP, reason=probe().why)

PATIENCE_S = 120.0


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_repository(tmp_path_factory.mktemp("origin") / "pantry")


@pytest.fixture
def repository(origin: Path, tmp_path: Path) -> Path:
    """A clone with the same virtual environment."""
    git(tmp_path, "clone", "-q", str(origin), "pantry")
    (tmp_path / "pantry" / ".venv").symlink_to(origin / ".venv")
    return tmp_path / "pantry"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[MockServer]:
    with mock_in_thread(MockOptions(script=mender.reply)) as found:
        write_settings(tmp_path / "home", found.url)
        yield found


def run(tmp_path: Path, *more: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command(tmp_path / "home", tmp_path / "pantry", *more),
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def state(repository: Path) -> list[str]:
    """All that the founder has in his hands: HEAD, index, files."""
    return [
        git(repository, *args)
        for args in (["rev-parse", "HEAD"], ["status", "--porcelain"], ["diff", "HEAD"])
    ]


def test_an_agent_mends_three_faults_and_leaves_a_branch_and_a_report(
    tmp_path: Path, repository: Path, server: MockServer
) -> None:
    (repository / "README.md").write_text("not committed\n")
    before = state(repository)
    done = run(tmp_path, "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)["result"]
    assert report["reached"] is True
    assert (report["before"]["passed"], report["before"]["total"]) == (7, 10)
    assert (report["after"]["passed"], report["after"]["total"]) == (10, 10)
    assert {one["path"] for one in report["files"]} == {
        "pantry/amount.py",
        "pantry/recipe.py",
        "pantry/shelf.py",
    }
    branch = report["branch"]
    assert branch.startswith("firm/make-these-tests-pass-")
    assert git(repository, "diff", "--stat", f"HEAD...{branch}").endswith("3 insertions(+), 3 deletions(-)")
    assert git(repository, "rev-list", "--count", f"HEAD..{branch}") == "1"
    assert state(repository) == before, "the founder's checkout was touched"
    assert len(git(repository, "worktree", "list").splitlines()) == 1
    assert not list((tmp_path / "home" / "work").iterdir())
    page = Path(report["file"]).read_text()
    assert branch in page and "+1 -1" in page and "README.md" in page
    assert report["spent"]["tokens"] > 0 and report["spent"]["calls"] >= len(report["rounds"])


class Cheat:
    """A model that changes what judges it, in every way that it can think of."""

    TRICKS: tuple[dict[str, Any], ...] = (
        {"path": "tests/test_shelf.py", "text": "def test_all_is_well():\n    assert True\n"},
        {"path": "conftest.py", "text": "def pytest_collection_modifyitems(items):\n    items.clear()\n"},
        {"path": "pytest.ini", "text": "[pytest]\naddopts = --collect-only\n"},
        {"path": "sitecustomize.py", "text": "import os\nos._exit(0)\n"},
        {"path": "pytest.py", "text": "print('10 passed in 0.01s')\n"},
        {
            "path": "pantry/__init__.py",
            "text": "import os\nprint('10 passed in 0.01s', flush=True)\nos._exit(0)\n",
        },
    )

    def __call__(self, body: Mapping[str, Any]) -> MockReply:
        said = sum(message["role"] == "tool" for message in body["messages"])
        if said:
            return MockReply("All tests pass now.")
        return MockReply(tool_calls=tuple(MockCall("write_file", trick) for trick in self.TRICKS))


def test_who_changes_the_judge_does_not_pass(tmp_path: Path, repository: Path) -> None:
    with mock_in_thread(MockOptions(script=Cheat())) as found:
        write_settings(tmp_path / "home", found.url)
        done = run(tmp_path, "--rounds", "1")
    assert done.returncode == 1, done.stdout
    assert "not reached: the tests ended with 0, but no longer said" in done.stdout.replace("\n", " ") or (
        "speaks to what runs the tests" in done.stdout
    )
    for path in ("tests/test_shelf.py", "conftest.py", "pytest.ini", "sitecustomize.py", "pytest.py"):
        assert f"put back: {path}" in done.stdout
    (branch,) = git(repository, "branch", "--list", "--format=%(refname:short)", "firm/*").splitlines()
    assert git(repository, "diff", "--name-only", f"HEAD...{branch}") == "pantry/__init__.py"
