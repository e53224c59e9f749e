"""The questions: found, numbered, and not changed.

One rule: every word of the file stands in exactly one question.
"""

import re
from pathlib import Path
from typing import Any

from firm.errors import UsageError
from firm.org.artifact import Artifact, Verdict
from firm.org.assignment import Assignment, Made
from firm.org.house import folder
from firm.org.words import Say

INBOX = "inbox"
MAX_BYTES = 200_000
_HEAD = re.compile(r"##\s+(.*)")
CHINESE = {
    "{count} questions, put together again and compared with {file}": "{count}封来信，重新拼合后与{file}比较",
    "words of the file are lost, added or changed near {place!r}": "文件内容在{place!r}附近有缺失、增加或改动",
    "it holds no question; write each below a line `## reference`": "没有来信；每封写在一行 `## 编号` 下面",
}


def take_in(given: Assignment) -> Made:
    """The questions of the file that the mission names."""
    path, text = find_inbox(given.mission, folder())
    return Made(data={"file": path, "questions": questions_of(text)}, untrusted=True)


def find_inbox(mission: str, home: Path) -> tuple[str, str]:
    """Path below the home and text of the file.

    Raises:
        UsageError: the mission names none, or more than one.
    """
    files = sorted(path for path in (home / INBOX).rglob("*.md") if path.is_file())
    paths = {
        one.relative_to(home).as_posix(): one for one in files if one.resolve().is_relative_to(home.resolve())
    }
    named = [name for name in paths if name in mission]
    if len(named) != 1:
        known = ", ".join(paths) or f"{INBOX}/ is empty"
        raise UsageError(f"which questions? the mission must name one file: {known}")
    if paths[named[0]].stat().st_size > MAX_BYTES:
        raise UsageError(f"{named[0]} has more than {MAX_BYTES:,} bytes; divide it into several batches")
    return named[0], paths[named[0]].read_text("utf-8-sig")


def questions_of(text: str) -> list[dict[str, str]]:
    """Number, sender's reference and words of each question; above the first heading stands the file's title."""
    found: list[dict[str, str]] = []
    for line in text.splitlines():
        head = _HEAD.match(line)
        if head is not None:
            found.append({"id": f"q{len(found) + 1}", "ref": head[1].strip(), "text": ""})
        elif found:
            found[-1]["text"] = f"{found[-1]['text']}\n{line}".strip()
    return found


def nothing_lost(given: Assignment, made: Artifact) -> Verdict:
    """Whether the questions together are the file."""
    path, text = find_inbox(given.mission, folder())
    return compared(path, text, made.data["questions"], Say(given.language, CHINESE))


def compared(path: str, text: str, questions: list[dict[str, Any]], say: Say) -> Verdict:
    """As `nothing_lost`, of a text."""
    place = text.find("\n## ") if not text.startswith("## ") else 0
    whole = "".join(text[max(place, 0) :].split()).replace("##", "")
    parts = "".join("".join(f"{one['ref']}{one['text']}".split()) for one in questions).replace("##", "")
    reasons = []
    if not questions:
        reasons.append(say("it holds no question; write each below a line `## reference`"))
    elif whole != parts:
        at = next(
            (at for at, pair in enumerate(zip(whole, parts, strict=False)) if pair[0] != pair[1]), len(parts)
        )
        phrase = "words of the file are lost, added or changed near {place!r}"
        reasons.append(say(phrase, place=whole[max(0, at - 10) : at + 20]))
    phrase = "{count} questions, put together again and compared with {file}"
    seen = say(phrase, count=len(questions), file=path)
    return Verdict(accept=not reasons, by="nothing_lost", reasons=tuple(reasons), evidence=(seen,))
