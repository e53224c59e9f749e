"""Git: what is committed, and that nothing that a repository says about itself is done."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.agent.kit.calling import refused, said

from firm.agent.kit import git as kit_git
from firm.agent.kit import git_commit, git_diff, git_log, git_status
from firm.agent.workspace import Workspace
from firm.errors import UsageError
from firm.sandbox import Level, Probe

pytestmark = [
    pytest.mark.usefixtures("boxed"),
    pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed"),
]
CLEAN = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
CLEAN |= {f"GIT_{who}_{what}": "x@example" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


def git(folder: Path, *args: str) -> str:
    """The founder's own git."""
    done = subprocess.run(
        ("git", *args), cwd=folder, env=CLEAN, capture_output=True, text=True, check=False, timeout=30
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_work_is_committed_shown_and_listed(here: Workspace) -> None:
    assert "git_commit makes one" in refused(git_status, by=UsageError)
    here.write("a.txt", b"eins\n")
    here.write(".gitignore", b"*.log\n")
    here.write("x.log", b"noise\n")
    assert said(git_commit, "first\n\nwith a body").startswith("committed ")
    assert said(git_commit, "again") == "nothing is changed, so nothing was committed"
    assert said(git_status).endswith(" first\nnothing is changed")
    here.write("a.txt", b"eins\nzwei\n")
    here.write("b/c.txt", b"neu\n")
    assert said(git_status).startswith("on main, ") and said(git_status).endswith(
        " first\nM\ta.txt\nA\tb/c.txt"
    )
    assert "+zwei" in said(git_diff) and "+neu" in said(git_diff)
    assert "+zwei" not in said(git_diff, "b") and "+neu" in said(git_diff, "b")
    assert said(git_diff, ".gitignore") == "nothing is changed in '.gitignore'"
    said(git_commit, "second")
    log = said(git_log).split("\n")
    assert [line.split(": ")[1] for line in log] == ["second", "first"]
    assert all(" firm agent: " in line for line in log)
    assert said(git_log, 1).endswith(": second")
    assert git(here.root, "log", "--format=%an %ae %cn %s") == (
        "firm agent agent@firm.invalid firm agent second\nfirm agent agent@firm.invalid firm agent first"
    )
    assert git(here.root, "status", "--porcelain") == ""
    assert git(here.root, "fsck", "--strict", "--no-dangling") == ""


def test_what_cannot_be_meant_is_refused(here: Workspace) -> None:
    assert "give 1 to 10,000 characters" in refused(git_commit, "  ", by=UsageError)
    assert "give 1 to 200" in refused(git_log, 0, by=UsageError)
    said(git_commit, "an empty beginning")
    assert said(git_log) == "no commit yet"
    assert "without '..'" in refused(git_diff, "../x", by=UsageError)
    assert said(git_diff, ":(top)*").startswith("nothing is changed")


HOSTILE = """
[core]
    fsmonitor = "touch $TRACE/fsmonitor; false"
    hooksPath = hooks
    pager = "touch $TRACE/pager; cat"
    editor = "touch $TRACE/editor"
    sshCommand = "touch $TRACE/ssh"
    worktree = /
[filter "evil"]
    clean = "touch $TRACE/clean; cat"
    smudge = "touch $TRACE/smudge; cat"
    process = "touch $TRACE/process"
    required = true
[diff]
    external = "touch $TRACE/external"
[diff "evil"]
    command = "touch $TRACE/command"
    textconv = "touch $TRACE/textconv; cat"
[commit]
    gpgSign = true
[gpg]
    program = "touch $TRACE/gpg"
[alias]
    commit = "!touch $TRACE/alias"
    log = "!touch $TRACE/alias"
[include]
    path = /etc/hostname
[user]
    name = somebody else
"""


def hostile(here: Workspace) -> Path:
    """A repository that says everything that makes git run something; what is run leaves a file in the folder."""
    top = here.resolve(".")
    git(top, "init", "-q", "-b", "main")
    trace = top / "trace"
    trace.mkdir()
    seen = "/" + "work/trace"
    (top / ".git" / "config").write_text(HOSTILE.replace("$TRACE", seen))
    for name in ("pre-commit", "commit-msg", "post-commit", "post-index-change", "reference-transaction"):
        for folder in (top / ".git" / "hooks", top / "hooks"):
            folder.mkdir(exist_ok=True)
            (folder / name).write_text(f"#!/bin/sh\ntouch {seen}/{name} {trace}/{name}\n")
            (folder / name).chmod(0o755)
    here.write(".gitattributes", b"* filter=evil diff=evil\n")
    here.write("a.txt", b"eins\n")
    return trace


def test_a_hostile_repository_has_nothing_run(here: Workspace) -> None:
    trace = hostile(here)
    said(git_commit, "first")
    here.write("a.txt", b"zwei\n")
    for tool in (git_status, git_diff, git_log):
        assert said(tool)
    said(git_commit, "second")
    assert list(trace.iterdir()) == []
    assert "firm agent: second" in said(git_log)


def test_the_same_repository_does_run_things_where_it_is_obeyed(here: Workspace) -> None:
    trace = hostile(here)
    config = here.root / ".git" / "config"
    kept = config.read_text().replace("/" + "work/trace", str(trace)).replace("worktree = /", "")
    config.write_text(kept.replace("gpgSign = true", "").replace('process = "', 'x = "'))
    git(here.root, "add", "-A")
    assert (trace / "clean").exists()  # else the test above would show nothing


def test_a_git_file_or_link_that_points_elsewhere_is_not_followed(here: Workspace, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "-q")
    (here.resolve(".") / ".git").write_text(f"gitdir: {other}/.git\n")
    for tool, args in ((git_status, ()), (git_log, ()), (git_commit, ("x",))):
        assert "is a file that points elsewhere" in refused(tool, *args, by=UsageError)
    (here.root / ".git").unlink()
    (here.root / ".git").symlink_to(other / ".git")
    assert "is a link that points elsewhere" in refused(git_commit, "x", by=UsageError)


def test_links_inside_a_repository_lead_nowhere(here: Workspace, tmp_path: Path) -> None:
    said(git_commit, "first")
    here.write("a.txt", b"x")
    outside = tmp_path / "logs"
    outside.mkdir()
    shutil.rmtree(here.root / ".git" / "logs", ignore_errors=True)
    (here.root / ".git" / "logs").symlink_to(outside)
    try:
        said(git_commit, "second")
    except UsageError:
        pass  # refused is as good
    assert list(outside.iterdir()) == []


def test_without_a_box_a_repository_that_could_lead_elsewhere_is_refused(
    here: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said(git_commit, "first")
    monkeypatch.setattr(kit_git, "probe", lambda: Probe(Level.LIMITS, "no bubblewrap"))
    assert said(git_log) == "no commit yet"
    (here.root / ".git" / "logs").symlink_to(tmp_path)
    assert "may lead git elsewhere" in refused(git_status, by=UsageError)
    (here.root / ".git" / "logs").unlink()
    here.write("sub/a.txt", b"x")
    git(here.root / "sub", "init", "-q")
    assert "'sub/.git' in the workspace may lead git elsewhere" in refused(git_status, by=UsageError)


# --- a git directory outside the workspace -----------------------------------------------------------------------


@pytest.fixture
def tree(here: Workspace, tmp_path: Path) -> Iterator[Path]:
    """A repository of the founder's, of which the workspace is a linked worktree."""
    folder = tmp_path / "mine"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    (folder / "a.txt").write_text("eins\n")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "of the founder")
    git(folder, "worktree", "add", "-q", "-b", "agent", str(here.root))
    token = kit_git.git_dir_here.set(git(here.root, "rev-parse", "--absolute-git-dir"))
    yield folder
    kit_git.git_dir_here.reset(token)


def test_a_worktree_is_committed_to_its_branch(here: Workspace, tree: Path) -> None:
    here.write("a.txt", b"zwei\n")
    here.write("b.txt", b"neu\n")
    assert said(git_status).startswith("on agent, ") and said(git_status).endswith(
        "founder\nM\ta.txt\nA\tb.txt"
    )
    assert "+zwei" in said(git_diff)
    assert said(git_commit, "of the agent").startswith("committed ")
    assert said(git_commit, "again") == "nothing is changed, so nothing was committed"
    assert [line.split(": ")[1] for line in said(git_log).split("\n")] == ["of the agent", "of the founder"]
    assert git(tree, "log", "--format=%an %s", "agent") == "firm agent of the agent\nx@example of the founder"
    assert git(tree, "log", "--format=%s", "main") == "of the founder"
    assert git(here.root, "status", "--porcelain") == ""
    assert git(tree, "fsck", "--strict", "--no-dangling") == ""


def test_a_worktree_leaves_the_founders_repository_and_hooks_alone(
    here: Workspace, tree: Path, tmp_path: Path
) -> None:
    trace = tmp_path / "trace"
    trace.mkdir()
    for name in ("pre-commit", "post-commit", "reference-transaction", "post-index-change"):
        hook = tree / ".git" / "hooks" / name
        hook.write_text(f"#!/bin/sh\ntouch {trace}/{name}\n")
        hook.chmod(0o755)
    git(tree, "config", "filter.mine.clean", f"touch {trace}/clean; cat")
    config = (tree / ".git" / "config").read_text()
    here.write(".gitattributes", b"* filter=mine\n")
    assert said(git_commit, "of the agent").startswith("committed ")
    assert list(trace.iterdir()) == []
    assert (tree / ".git" / "config").read_text() == config


def test_what_the_worktree_says_about_its_repository_is_not_believed(
    here: Workspace, tree: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "-q", "-b", "main")
    (here.root / ".git").write_text(f"gitdir: {other}/.git\n")
    here.write("a.txt", b"zwei\n")
    said(git_commit, "of the agent")
    assert git(tree, "log", "-1", "--format=%s", "agent") == "of the agent"
    assert not any((other / ".git" / "refs" / "heads").iterdir())


def test_a_git_directory_that_is_none_is_refused(here: Workspace, tmp_path: Path) -> None:
    for wrong in ("relative", str(tmp_path), str(here.resolve(".") / ".git")):
        token = kit_git.git_dir_here.set(wrong)
        try:
            assert "rev-parse --absolute-git-dir" in refused(git_log, by=UsageError)
        finally:
            kit_git.git_dir_here.reset(token)
