"""What stands in a home's git repository, for tests."""

import os
import subprocess
from pathlib import Path

from firm.agent.strictgit import git_settings


def git(home: Path, *args: str, stdin: str = "") -> str:
    """What git prints, without the settings of whoever runs the test."""
    environment = git_settings() | {"PATH": os.environ.get("PATH", os.defpath)}
    done = subprocess.run(
        ["git", *args], cwd=home, env=environment, input=stdin, capture_output=True, text=True, check=True
    )
    return done.stdout


def commits(home: Path) -> list[str]:
    """Ids of all commits, the newest first."""
    return git(home, "log", "--format=%H").split()


def tree(home: Path) -> list[str]:
    """Paths of the newest commit."""
    return git(home, "ls-tree", "-r", "--name-only", "HEAD").split()
