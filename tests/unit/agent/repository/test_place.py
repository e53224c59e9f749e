"""Repositories of every kind, also those that would like to run something."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.examples.repository import git

from firm.agent.repository.git import Where, line
from firm.agent.repository.guard import Guard
from firm.agent.repository.look import Found, look
from firm.agent.repository.place import (
    TREE,
    Parcel,
    clear,
    drop_branch,
    gather,
    hand_over,
    judged_folder,
    lay_out,
    place_of,
)
from firm.errors import UsageError

BRANCH = "firm/mend-1"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "theirs"
    (folder / "tests").mkdir(parents=True)
    (folder / "a.py").write_text("one = 1\ntwo = 3\n")
    (folder / "tests" / "test_a.py").write_text("def test_a():\n    assert True\n")
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "first")
    return folder


def laid_out(repository: Path) -> tuple[Found, Path]:
    found, place = look(str(repository)), repository.parent / "place"
    assert lay_out(found, place, BRANCH) == BRANCH
    return found, place


def mine(place: Path, found: Found) -> tuple[str, str]:
    gathered = gather(place, found.head, Guard())
    return hand_over(found, place, Parcel(BRANCH, gathered.tree, "done\n", 1_700_000_000))


# --- looking ----------------------------------------------------------------------------------------------------


def test_a_repository_is_looked_at_with_what_is_not_committed(repository: Path) -> None:
    (repository / "a.py").write_text("changed\n")
    (repository / "b.py").write_text("staged\n")
    git(repository, "add", "b.py")
    (repository / "c.py").write_text("new\n")
    found = look(str(repository))
    assert found.top == str(repository) and found.branch == "main"
    assert found.changed == ("a.py", "b.py", "c.py")
    assert "a.py, b.py, c.py" in found.notes[0]


def test_a_folder_in_a_repository_stands_for_all_of_it(repository: Path) -> None:
    assert look(str(repository / "tests")).top == str(repository)


def test_a_head_on_no_branch_is_said_and_worked_on(repository: Path) -> None:
    git(repository, "checkout", "-q", "--detach")
    found, _ = laid_out(repository)
    assert found.branch == "" and "no branch" in found.notes[0]


def test_a_worktree_of_the_founder_is_worked_on_as_it_is(repository: Path) -> None:
    other = repository.parent / "other"
    git(repository, "worktree", "add", "-q", "-b", "second", str(other))
    found, place = laid_out(other)
    assert (found.top, found.branch) == (str(other), "second")
    clear(found.common, place)
    assert other.is_dir()


def nothing(folder: Path) -> None:
    """No repository at all."""


def bare(folder: Path) -> None:
    git(folder, "init", "-q", "--bare", "-b", "main")


def empty(folder: Path) -> None:
    git(folder, "init", "-q", "-b", "main")


def broken(folder: Path) -> None:
    empty(folder)
    (folder / ".git" / "HEAD").write_text("nonsense\n")


def torn(folder: Path) -> None:
    empty(folder)
    git(folder, "commit", "-q", "--allow-empty", "-m", "first")
    for path in sorted((folder / ".git" / "objects").rglob("*")):
        if path.is_file():
            path.unlink()


def elsewhere(folder: Path) -> None:
    empty(folder)
    git(folder, "config", "core.worktree", "/usr")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (nothing, "in no git repository"),
        (bare, "bare repository"),
        (empty, "has no commit yet"),
        (broken, "is broken"),
        (torn, "cannot be read"),
        (elsewhere, "core.worktree"),
    ],
)
def test_what_cannot_be_worked_on_is_refused_with_what_to_do(
    tmp_path: Path, make: Callable[[Path], None], said: str
) -> None:
    folder = tmp_path / "theirs"
    folder.mkdir()
    make(folder)
    with pytest.raises(UsageError, match=said):
        look(str(folder))


def test_what_is_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is no folder"):
        look(str(tmp_path / "nowhere"))


def test_the_inside_of_a_git_directory_is_refused(repository: Path) -> None:
    with pytest.raises(UsageError, match="git directory"):
        look(str(repository / ".git"))


# --- where ------------------------------------------------------------------------------------------------------


def test_work_is_never_done_inside_the_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    top = tmp_path / "theirs"
    assert place_of(tmp_path / "home", top, "mend-1") == tmp_path / "home" / "work" / "mend-1"
    inside = place_of(top, top, "mend-1")
    assert inside.is_relative_to(tmp_path / "cache") and inside.name.startswith("mend-1-")
    with pytest.raises(UsageError, match="--home"):
        place_of(tmp_path / "home", tmp_path, "mend-1")


# --- hostile ----------------------------------------------------------------------------------------------------


def arm(repository: Path) -> Path:
    """Everything in a repository's own settings that could run a program; each would leave a mark."""
    mark = repository.parent / "mark"
    script = repository.parent / "trap.sh"
    script.write_text(f"#!/bin/sh\necho $0 $* >> {mark}\ncat\n")
    script.chmod(0o755)
    for hook in (
        "post-checkout",
        "pre-commit",
        "reference-transaction",
        "post-index-change",
        "post-commit",
        "update",
    ):
        place = repository / ".git" / "hooks" / hook
        place.parent.mkdir(exist_ok=True)
        place.symlink_to(script)
    for key in (
        "core.fsmonitor", "filter.evil.clean", "filter.evil.smudge", "filter.evil.process", "diff.external",
        "core.pager", "diff.evil.textconv", "diff.evil.command", "gpg.program", "core.sshCommand", "core.editor",
        "alias.add", "core.askPass", "credential.helper", "core.alternateRefsCommand", "uploadpack.packObjectsHook",
    ):  # fmt: skip
        git(repository, "config", key, str(script))
    for key in ("filter.evil.required", "commit.gpgSign", "log.showSignature"):
        git(repository, "config", key, "true")
    (repository / ".git" / "info").mkdir(exist_ok=True)
    (repository / ".git" / "info" / "attributes").write_text("* filter=evil diff=evil\n")
    return mark


def test_nothing_that_a_repository_says_is_run(repository: Path) -> None:
    (repository / ".gitattributes").write_text("*.py filter=evil diff=evil\n")
    git(repository, "add", "-A")
    git(repository, "commit", "-q", "-m", "attributes")
    mark = arm(repository)
    (repository / "a.py").write_text("not committed\n")
    found, place = laid_out(repository)
    (place / TREE / "a.py").write_text("one = 1\ntwo = 2\n")
    branch, commit = mine(place, found)
    judged_folder(place, commit)
    clear(found.common, place)
    assert not mark.exists(), mark.read_text()
    subprocess.run(["git", "status"], cwd=repository, capture_output=True, check=False)
    assert mark.exists(), "the traps are none, so nothing was shown"
    git(repository, "config", "--remove-section", "filter.evil")  # from here on the founder looks by himself
    for key in ("core.fsmonitor", "diff.external", "core.pager"):
        git(repository, "config", "--unset", key)
    (repository / ".git" / "info" / "attributes").unlink()
    assert git(repository, "rev-parse", f"refs/heads/{branch}") == commit


def test_a_repository_in_the_worktree_is_not_asked_anything(repository: Path) -> None:
    found, place = laid_out(repository)
    inner = place / TREE / "inner"
    inner.mkdir()
    git(inner, "init", "-q")
    git(inner, "commit", "-q", "--allow-empty", "-m", "mine")
    mark = arm(inner)
    (inner / "b.py").write_text("b = 1\n")
    gathered = gather(place, found.head, Guard())
    assert not mark.exists()
    assert [one.path for one in gathered.files] == ["inner/b.py", "trap.sh"]


def test_a_worktree_whose_git_file_was_replaced_is_gathered_and_removed_all_the_same(
    repository: Path,
) -> None:
    found, place = laid_out(repository)
    (place / TREE / ".git").unlink()
    (place / TREE / ".git").symlink_to("/")
    (place / TREE / "a.py").write_text("one = 2\n")
    os.chmod(place / TREE / "tests", 0)
    branch, _ = mine(place, found)
    clear(found.common, place)
    assert git(repository, "diff", "--name-only", f"main...{branch}") == "a.py"
    assert len(git(repository, "worktree", "list").splitlines()) == 1


# --- gathering --------------------------------------------------------------------------------------------------


def test_tests_are_put_back_whatever_was_made_of_them(repository: Path) -> None:
    found, place = laid_out(repository)
    tree = place / TREE
    outside = repository.parent / "outside"
    outside.mkdir()
    (tree / "tests" / "test_a.py").unlink()
    (tree / "tests").rmdir()
    (tree / "tests").symlink_to(outside)
    (tree / "conftest.py").mkdir()
    (tree / "conftest.py" / "x").write_text("x")
    (tree / "a.py").write_text("one = 1\ntwo = 2\n")
    gathered = gather(place, found.head, Guard())
    assert {one.path for one in gathered.files} == {"a.py", "conftest.py/x"}
    assert {one.path for one in gathered.put_back} == {"tests", "tests/test_a.py"}
    assert (tree / "tests" / "test_a.py").read_text().startswith("def test_a")
    assert not (tree / "tests").is_symlink() and not list(outside.iterdir())
    judged = judged_folder(place, gathered.tree)
    assert (judged / "tests" / "test_a.py").is_file() and (
        judged / "a.py"
    ).read_text() == "one = 1\ntwo = 2\n"


def test_ignored_files_compiled_ones_and_long_results_are_not_taken(repository: Path) -> None:
    found, place = laid_out(repository)
    for name in ("results/0001-run_tests.txt", "__pycache__/a.cpython-311.pyc", "b.pyc"):
        (place / TREE / name).parent.mkdir(exist_ok=True)
        (place / TREE / name).write_text("x")
    gathered = gather(place, found.head, Guard())
    assert gathered.files == () and gathered.tree == line(
        Where(place / "git"), "rev-parse", f"{found.head}^{{tree}}"
    )


def test_files_that_are_too_large_are_put_back(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firm.agent.repository.place.MAX_FILE_BYTES", 100)
    found, place = laid_out(repository)
    (place / TREE / "big.bin").write_bytes(b"x" * 101)
    gathered = gather(place, found.head, Guard())
    assert gathered.files == () and "101 bytes" in gathered.put_back[0].why
    assert not (place / TREE / "big.bin").exists()


# --- again, and at the end --------------------------------------------------------------------------------------


def test_all_of_it_can_be_done_again(repository: Path) -> None:
    found, place = laid_out(repository)
    (place / TREE / "a.py").write_text("mended\n")
    assert lay_out(found, place, BRANCH) == BRANCH
    assert (place / TREE / "a.py").read_text() == "mended\n", "what was done is kept"
    first = mine(place, found)
    assert mine(place, found) == first
    for _ in range(2):
        clear(found.common, place)
        drop_branch(found, BRANCH)
    assert git(repository, "rev-parse", BRANCH) == first[1]


def test_a_crash_while_it_is_laid_out_is_begun_anew(repository: Path) -> None:
    found, place = laid_out(repository)
    (place / "ready").unlink()
    (place / TREE / "a.py").unlink()
    assert lay_out(found, place, BRANCH) == BRANCH
    assert (place / TREE / "a.py").is_file()


def test_a_branch_on_which_nothing_was_done_is_deleted(repository: Path) -> None:
    found, place = laid_out(repository)
    clear(found.common, place)
    drop_branch(found, BRANCH)
    assert git(repository, "branch", "--format=%(refname:short)") == "main"


def test_two_runs_do_not_meet(repository: Path) -> None:
    found, place = laid_out(repository)
    other = repository.parent / "other"
    git(repository, "branch", "firm/mend-2", "main")
    git(repository, "checkout", "-q", "firm/mend-2")
    git(repository, "commit", "-q", "--allow-empty", "-m", "the founder's own")
    git(repository, "checkout", "-q", "main")
    assert lay_out(found, other, "firm/mend-2") == "firm/mend-2-2"
    assert (place / TREE / "a.py").is_file() and (other / TREE / "a.py").is_file()


def test_a_branch_named_firm_is_no_obstacle(repository: Path) -> None:
    git(repository, "branch", "firm")
    assert lay_out(look(str(repository)), repository.parent / "place", BRANCH) == "firm-mend-1"


def test_submodules_are_left_empty_and_stay_as_they_are(repository: Path) -> None:
    head = git(repository, "rev-parse", "HEAD")
    git(repository, "update-index", "--add", "--cacheinfo", f"160000,{head},inner")
    git(repository, "commit", "-q", "-m", "a submodule")
    found, place = laid_out(repository)
    assert found.submodules == 1 and any("submodules" in note for note in found.notes)
    (place / TREE / "a.py").write_text("mended\n")
    assert [one.path for one in gather(place, found.head, Guard()).files] == ["a.py"]
