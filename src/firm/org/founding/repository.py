"""The git repository of a new firm, and its first commit.

One rule: the firm is the author, never the user of this machine; nothing of the user's git settings is used.
"""

import os
import subprocess
from pathlib import Path

from firm.agent.strictgit import git_settings
from firm.ids import slug

LONGEST_S = 60.0


def first_commit(folder: Path, name: str, says: str) -> tuple[str, str]:
    """Make a repository of a folder and commit everything in it.

    Args:
        folder: Of the firm.
        name: Of the firm, the author.
        says: The message.

    Returns:
        The commit, and ''; or '' and why there is none.
    """
    author = " ".join(name.replace("<", " ").replace(">", " ").split()).strip(" .,:;\"'\\") or "firm"
    who = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in
           (("NAME", author), ("EMAIL", f"{slug(author).lower()}@firm.invalid"))}  # fmt: skip
    environment = {"PATH": os.environ.get("PATH", os.defpath)} | git_settings() | who

    def git(*words: str) -> str:
        done = subprocess.run(
            ["git", *words], cwd=folder, env=environment, capture_output=True, text=True, errors="replace",
            timeout=LONGEST_S, check=True,
        )  # fmt: skip
        return done.stdout.strip()

    try:
        git("init", "--quiet", "--initial-branch=main", "--template=")
        git("add", "--all")
        git("commit", "--quiet", "--message", says)
        return git("rev-parse", "HEAD"), ""
    except FileNotFoundError:
        return "", "git is not installed, so the folder is no repository; install it and run: git init"
    except subprocess.TimeoutExpired as error:
        return "", f"git took longer than {error.timeout:g} s; make the repository with: git init"
    except subprocess.CalledProcessError as error:
        told = (error.stderr or "").strip().splitlines()
        return "", f"git did not make the repository: {told[-1] if told else error}"
