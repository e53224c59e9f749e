"""The example's repository in a folder, a model of rules behind it, and the command that works on it."""

import os
import shutil
import subprocess
import sys
from importlib.metadata import files
from pathlib import Path

ROOT = Path(__file__).parents[2]
PANTRY = ROOT / "examples" / "repository" / "pantry"
SOURCE = ROOT / "src"
WHO = {
    "GIT_AUTHOR_NAME": "Founder",
    "GIT_AUTHOR_EMAIL": "founder@example.com",
    "GIT_COMMITTER_NAME": "Founder",
    "GIT_COMMITTER_EMAIL": "founder@example.com",
}


def git(folder: Path, *args: str) -> str:
    """What git prints; as the founder calls it."""
    done = subprocess.run(
        ["git", *args],
        cwd=folder,
        env={**os.environ, **WHO, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def make_repository(folder: Path) -> Path:
    """The example as a repository with one commit, with a virtual environment that has pytest and nothing else."""
    shutil.copytree(PANTRY, folder)
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "as it is")
    venv = folder / ".venv"
    site = venv / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    site.mkdir(parents=True)
    (venv / "bin").mkdir()
    base = Path(sys.base_prefix) / "bin"
    (venv / "bin" / "python").symlink_to(base / f"python{sys.version_info[0]}.{sys.version_info[1]}")
    (venv / "pyvenv.cfg").write_text(f"home = {base}\ninclude-system-site-packages = false\n")
    for name in ("pytest", "pluggy", "iniconfig", "packaging", "pygments"):
        for file in files(name) or ():
            if file.suffix == ".py":
                place = site / file
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(str(file.locate()), place)
    return folder


def write_settings(home: Path, url: str) -> None:
    """A home whose model is at this address."""
    home.mkdir(exist_ok=True)
    (home / "firm.toml").write_text(f'[models.default]\nurl = "{url}"\nname = "rules"\n')


def command(home: Path, repository: Path, *more: str) -> list[str]:
    """The command line that mends it."""
    words = ("run", "make these tests pass", "--repo", str(repository), "--home", str(home), *more)
    return [sys.executable, "-m", "firm.cli", *words]


def environment(folder: Path) -> dict[str, str]:
    """Of the command."""
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(SOURCE),
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "COLUMNS": "200",
    }
