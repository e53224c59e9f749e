"""Git on a repository that nobody vouches for, outside the sandbox.

One rule: nothing that a repository says about itself is obeyed where that could run code. In the founder's git
directory only references, worktrees and objects are written, with hooks and helpers switched off; whatever reads or
writes files does so with a git directory of ours (`make_store`), which has our settings and borrows his objects.
"""

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from firm.agent.strictgit import git_settings
from firm.errors import TerminalError, UsageError
from firm.kernel.failure import readable

GIT_S = 300.0
"""Longest that one command may take."""
SAID_CHARS = 500
"""Of what git complained that stands in a message."""


class GitFailed(UsageError):
    """Git could not do what it was asked for."""


@dataclass(frozen=True, slots=True)
class Where:
    """What one command works on.

    Args:
        directory: The git directory; None: it is looked for from `folder` upward.
        folder: The files, for a command that reads or writes them, or the folder from which to look.
        index: Another index than the git directory's own.
        at_s: The time of commits that are made, seconds since 1970; 0: now.
    """

    directory: Path | None = None
    folder: Path | None = None
    index: Path | None = None
    at_s: int = 0

    @property
    def environment(self) -> dict[str, str]:
        """All that git finds as its environment."""
        found = git_settings() | {"GIT_LITERAL_PATHSPECS": "1", "PATH": os.environ.get("PATH", os.defpath)}
        if self.directory is not None:
            tree = self.folder if self.folder is not None else Path("/nonexistent")
            found |= {"GIT_DIR": str(self.directory), "GIT_WORK_TREE": str(tree)}
        if self.index is not None:
            found["GIT_INDEX_FILE"] = str(self.index)
        if self.at_s:
            found |= dict.fromkeys(("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"), f"{self.at_s} +0000")
        return found


def git(where: Where, *args: str, stdin: bytes = b"", accept: Sequence[int] = (0,)) -> bytes:
    """What a git command prints.

    Args:
        where: What it works on.
        stdin: What it reads.
        accept: Exit codes that are no failure.

    Raises:
        GitFailed: it ended with another one; the message has its words.
        UsageError: git is not installed.
        TerminalError: it took longer than GIT_S.
    """
    program = shutil.which("git")
    if program is None:
        raise UsageError("git is not installed; install it (Debian, Ubuntu: apt-get install git)")
    try:
        done = subprocess.run(
            [program, *args],
            cwd=where.folder or where.directory,
            env=where.environment,
            input=stdin,
            capture_output=True,
            timeout=GIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise TerminalError(
            f"git {args[0]} took longer than {GIT_S:g} s; is another git at work in {str(where.directory)!r}?"
        ) from None
    if done.returncode not in accept:
        said = done.stderr.decode("utf-8", "replace").strip()[-SAID_CHARS:]
        raise GitFailed(f"git {args[0]} failed with exit code {done.returncode}: {said or 'it says nothing'}")
    return done.stdout


def line(where: Where, *args: str, stdin: bytes = b"") -> str:
    """The one line that a git command prints."""
    return os.fsdecode(git(where, *args, stdin=stdin)).removesuffix("\n")


def paths(body: bytes) -> list[str]:
    """Names of files as git prints them with `-z`."""
    return [os.fsdecode(part) for part in body.split(b"\0") if part]


def shown(path: str) -> str:
    """A name of a file as text that can be stored: what is no UTF-8 as escapes."""
    return readable(path)


def make_store(directory: Path, common: Path, sha256: bool) -> Path:
    """A git directory of ours that borrows the objects of another one; what was there is kept.

    Args:
        directory: Where it is made.
        common: The git directory with the objects.
        sha256: Whether names are SHA-256.
    """
    for part in ("objects/info", "objects/pack", "refs", "info"):
        (directory / part).mkdir(parents=True, exist_ok=True)
    version = "1\n[extensions]\n\tobjectformat = sha256" if sha256 else "0"
    config = f"[core]\n\tbare = false\n\tautocrlf = false\n\trepositoryformatversion = {version}\n"
    (directory / "config").write_text(config, "utf-8")
    (directory / "objects/info/alternates").write_bytes(os.fsencode(_quoted(str(common / "objects"))) + b"\n")
    (directory / "info/exclude").write_text(
        "/results/[0-9][0-9][0-9][0-9]-*.txt\n__pycache__/\n*.pyc\n", "utf-8"
    )
    if (common / "shallow").is_file():
        shutil.copyfile(common / "shallow", directory / "shallow")
    (directory / "HEAD").write_text("ref: refs/heads/none\n", "utf-8")  # last: with it, it is one
    return directory


def _quoted(path: str) -> str:
    """A path as a line of `alternates`."""
    if path[0] not in '#"' and "\n" not in path:
        return path
    return '"' + path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
