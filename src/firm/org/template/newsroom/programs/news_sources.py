"""The sources of an issue: files that the founder has put into the folder `sources/`.

One rule: what an article may say stands in them; they are handed on word for word, each with a mark to be cited by.
"""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from firm.errors import UsageError
from firm.org.artifact import Artifact, Verdict
from firm.org.assignment import Assignment, Made
from firm.org.house import folder
from firm.org.words import Say, language_of

SOURCES = "sources"
KINDS = (".md", ".txt")
MOST = 12
"""Sources of one issue."""
MOST_CHARS = 20_000
"""Of all of them together; a member is shown no more at once."""
CHINESE = {
    "{file} does not say this, or not any more": "{file} 里不是这样写的，或已经改过",
    "{count} sources compared with their files": "{count} 份资料与文件核对过",
}
RECORD = "issue.json"
"""Beside each issue: which sources it has used, by their SHA-256."""


def collect(given: Assignment) -> Made:
    """The sources of this issue, those of strangers among them, so none of their words is an order."""
    home = folder()
    found = in_order(wanted(given.mission, home, given.language), used_in(home / "deliveries"))
    check_new(found, given.mission)
    taken = fitting(found)
    for number, one in enumerate(taken, 1):
        one["id"] = f"S{number}"
    left_out = [one["file"] for one in found if one not in taken]
    return Made(data={"sources": taken, "left_out": left_out}, untrusted=True)


def wanted(mission: str, home: Path, language: str) -> list[dict[str, Any]]:
    """Files that the mission names, else all in its language, else all; with what stands in them.

    Raises:
        UsageError: there are none.
    """
    files = [read(path, home) for path in listed(home)]
    if not files:
        raise UsageError(
            f"{SOURCES}/ has no {' or '.join(KINDS)} file; put there what the issue is to rest on"
        )
    named = [one for one in files if one["file"] in mission or Path(one["file"]).name in mission]
    return named or [one for one in files if language_of(one["text"]) == language] or files


def listed(home: Path) -> list[Path]:
    """Text files of the folder."""
    found = sorted((home / SOURCES).rglob("*"))
    real = home.resolve()
    return [
        path
        for path in found
        if path.suffix in KINDS and path.is_file() and path.resolve().is_relative_to(real)
    ]


def read(path: Path, home: Path) -> dict[str, Any]:
    """One source."""
    body = path.read_bytes()
    text = body.decode("utf-8-sig", "replace").replace("\r\n", "\n").strip()
    title = next((line.lstrip("# ").strip() for line in text.splitlines() if line.strip()), path.stem)
    return {
        "id": "",
        "title": title[:200],
        "file": path.relative_to(home).as_posix(),
        "text": text,
        "sha256": hashlib.sha256(body).hexdigest(),
        "changed_s": int(path.stat().st_mtime),
    }


def used_in(deliveries: Path) -> set[str]:
    """SHA-256 of the sources that issues before this one have used."""
    found: set[str] = set()
    for path in sorted(deliveries.rglob(RECORD)):
        try:
            found |= {one["sha256"] for one in json.loads(path.read_text("utf-8"))["sources"]}
        except (ValueError, LookupError, TypeError):
            continue  # a file of the same name that is none of ours
    return found


def in_order(files: Iterable[dict[str, Any]], used: set[str]) -> list[dict[str, Any]]:
    """The unused first, then the newest, then by name; each says whether an issue has used it."""
    marked = [one | {"used": one["sha256"] in used} for one in files]
    return sorted(marked, key=lambda one: (one["used"], -one["changed_s"], one["file"]))


def check_new(files: list[dict[str, Any]], mission: str) -> None:
    """Refuse to write the same issue again, where the mission does not name what is to be used.

    Raises:
        UsageError: an issue before has used all of them.
    """
    named = f"{SOURCES}/" in mission or any(Path(one["file"]).name in mission for one in files)
    if not named and all(one["used"] for one in files):
        raise UsageError(
            f"issues before this one have used every file of {SOURCES}/; put new ones there, or name in the mission "
            "those that are to be used again"
        )


def fitting(files: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """As many of the first as can be read at once.

    Raises:
        UsageError: not even one.
    """
    taken: list[dict[str, Any]] = []
    for one in files:
        if len(taken) < MOST and sum(len(other["text"]) for other in [*taken, one]) <= MOST_CHARS:
            taken.append(one)
    if not taken:
        raise UsageError(f"{files[0]['file']} has more than {MOST_CHARS:,} characters; divide it into parts")
    return taken


def are_as_filed(given: Assignment, made: Artifact) -> Verdict:
    """Whether each source says what its file says now."""
    home, say, reasons = folder(), Say(given.language, CHINESE), []
    for one in made.data["sources"]:
        path = home / one["file"]
        now = read(path, home) if path.is_file() else None
        if now is None or (now["text"], now["sha256"]) != (one["text"], one["sha256"]):
            reasons.append(say("{file} does not say this, or not any more", file=one["file"]))
    seen = say("{count} sources compared with their files", count=len(made.data["sources"]))
    return Verdict(accept=not reasons, by="are_as_filed", reasons=tuple(reasons), evidence=(seen,))
