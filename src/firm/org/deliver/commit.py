"""One commit for one delivery, in the firm's git repository.

One rule: only what is delivered is committed. What the founder has staged or changed stays staged or changed, his hooks
and filters do not run, and his name is not used.
"""

import hashlib
import os
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import msgspec

from firm.agent.repository.git import GitFailed, Where, git, line
from firm.errors import UsageError
from firm.ids import slug
from firm.org.deliver.changelog import FILE as CHANGELOG
from firm.org.deliver.changelog import with_entry
from firm.org.deliver.figures import one_line

MAX_FILE_BYTES = 50 * 1024 * 1024
"""Larger files are delivered and not committed."""
LOCKED_S = 10.0
"""How long another git may hold the index."""
IGNORED = ".firm/\nwork/\norders/\nreports/\n__pycache__/\n"
"""What a repository that is made here leaves out."""
TRAILER = "Run: "
"""Line of a commit's message that names the run."""


class Commit(msgspec.Struct, frozen=True):
    """What is committed."""

    run: str
    place: str
    """The folder of the delivery, below the home."""
    files: dict[str, str]
    """What lies there: path in that folder -> SHA-256 of its bytes."""
    says: str
    """The entry in the changelog."""
    author: str
    at_s: int
    """The time of the commit, seconds since 1970."""


@dataclass(frozen=True)
class _Own(Where):
    """Git as the firm."""

    author: str = ""

    @property
    def environment(self) -> dict[str, str]:
        plain = "".join(
            [letter for letter in one_line(self.author, 100) if letter.isprintable() and letter not in "<>"]
        )
        name = plain.strip(" .,:;\"'") or "firm"
        email = f"{slug(name).lower()}@firm.invalid"
        who = {
            f"GIT_{part}_{what}": said
            for part in ("AUTHOR", "COMMITTER")
            for what, said in (("NAME", name), ("EMAIL", email))
        }
        return super().environment | who


def found_commit(home: Path, place: str, run: str) -> str | None:
    """The commit of an earlier delivery of this run; None: there is none."""
    if shutil.which("git") is None or not _is_ours(home):
        return None
    here = Where(folder=home)
    said = git(
        here,
        "log",
        "-n",
        "1",
        "-F",
        f"--grep={TRAILER}{run}",
        "--format=%H%n%B",
        "--",
        place,
        accept=(0, 128),
    )
    found, _, message = said.decode("utf-8", "replace").partition("\n")
    return found if f"{TRAILER}{run}" in message.splitlines() else None


def commit(home: Path, wanted: Commit) -> tuple[str, str]:
    """Commit a delivery; its id, or '' and why there is none."""
    if shutil.which("git") is None:
        return "", "git is not installed"
    until = time.monotonic() + LOCKED_S
    while True:
        try:
            return _commit(home, wanted), ""
        except GitFailed as error:
            if "index.lock" not in str(error) and "cannot lock ref" not in str(error):
                return "", str(error)
            if time.monotonic() > until:
                return "", f"another git is at work in {str(home)!r}: {error}"
            time.sleep(0.1)


def _is_ours(home: Path) -> bool:
    """Whether the home is in a repository that knows it: its own, or one that has its firm.toml."""
    here = Where(folder=home)
    top = (
        git(here, "rev-parse", "--show-toplevel", accept=(0, 128)).decode("utf-8", "surrogateescape").strip()
    )
    if not top:
        return False
    known = git(here, "ls-files", "--", "firm.toml", accept=(0, 128))
    return os.path.realpath(top) == str(home) or bool(known.strip())


def _commit(home: Path, wanted: Commit) -> str:
    if not _is_ours(home):
        _make(home)
    here = _Own(folder=home, at_s=wanted.at_s, author=wanted.author)
    prefix = line(here, "rev-parse", "--show-prefix")
    head = git(here, "rev-parse", "-q", "--verify", "HEAD", accept=(0, 1)).decode().strip()
    entries = _entries(here, prefix, home, wanted)
    if not head and (home / ".gitignore").is_file():
        entries.append((_blob(here, (home / ".gitignore").read_bytes()), f"{prefix}.gitignore"))
    with tempfile.TemporaryDirectory(dir=home / ".firm", prefix="index-") as folder:
        own = _Own(folder=home, index=Path(folder) / "index", at_s=wanted.at_s, author=wanted.author)
        if head:
            git(own, "read-tree", head)
        _put(own, [*entries, _changelog(own, prefix, wanted.says)])
        tree = line(own, "write-tree")
    _put(here, [*entries, _changelog(here, prefix, wanted.says)])
    parents = ["-p", head] if head else []
    made = line(here, "commit-tree", tree, *parents, stdin=_message(wanted))
    git(here, "update-ref", "-m", "firm: a delivery", "HEAD", made, head or "0" * len(made))
    return made


def _make(home: Path) -> None:
    """A repository where there is none."""
    git(Where(folder=home), "init", "-q", "-b", "main")
    if not (home / ".gitignore").exists():
        (home / ".gitignore").write_text(IGNORED, "utf-8")


def _message(wanted: Commit) -> bytes:
    title, _, rest = wanted.says.partition("\n")
    body = rest.strip()
    return f"{title.lstrip('# ')}\n\n{body}\n\n{TRAILER}{wanted.run}\n".encode("utf-8", "replace")


def _entries(here: Where, prefix: str, home: Path, wanted: Commit) -> list[tuple[str, str]]:
    """The delivery's files as blobs of git: (name of the blob, path)."""
    found = []
    for name, sha256 in sorted(wanted.files.items()):
        path = home / wanted.place / name
        if path.stat().st_size > MAX_FILE_BYTES:
            continue
        body = path.read_bytes()
        if hashlib.sha256(body).hexdigest() != sha256:
            raise UsageError(f"{str(path)!r} was changed while it was delivered; deliver again")
        found.append((_blob(here, body), f"{prefix}{wanted.place}/{name}"))
    return found


def _changelog(here: Where, prefix: str, says: str) -> tuple[str, str]:
    """The changelog of an index, with the entry."""
    path = f"{prefix}{CHANGELOG}"
    text = git(here, "cat-file", "blob", f":{path}", accept=(0, 128)).decode("utf-8", "surrogateescape")
    return _blob(here, with_entry(text, says).encode("utf-8", "surrogateescape")), path


def _blob(here: Where, body: bytes) -> str:
    return line(here, "hash-object", "-w", "--no-filters", "--stdin", stdin=body)


def _put(here: Where, entries: list[tuple[str, str]]) -> None:
    """Put blobs into an index."""
    lines = b"".join([f"100644 {blob}\t".encode() + os.fsencode(path) + b"\0" for blob, path in entries])
    git(here, "update-index", "-z", "--add", "--replace", "--index-info", stdin=lines)
