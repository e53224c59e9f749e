"""The contract: found, divided into its clauses, and read by number.

One rule: no word of it is changed, added or lost.
"""

import hashlib
import re
from pathlib import Path
from typing import Any

from firm.agent.tool import tool
from firm.errors import UsageError
from firm.org.artifact import Artifact, Verdict
from firm.org.assignment import Assignment, Made
from firm.org.house import folder
from firm.org.words import Say

CONTRACTS = "contracts"
KINDS = (".md", ".txt")
MAX_BYTES = 2_000_000
SHOWN_CHARS = 12_000
"""Of what one call of a tool gives back."""
_CLAUSE = re.compile(
    r"(?:clause |§ ?|第 ?)?(\d+(?:\.\d+)+|\d+(?=[.、)])|第[一二三四五六七八九十百零]+条)[.、)]?\s*"
)
_HEADING = re.compile(r"#{1,6}\s+")
CHINESE = {
    "the mission is about {path}, and this is {file}": "任务要求的是{path}，这里是{file}",
    "{path} has another content by now": "{path}的内容已经改变",
    "{path}: {count} clauses put together again, {characters} characters": "{path}：重新拼合{count}条，{characters}字",
    "the contract goes on with {whole!r} where the clauses have {parts!r}": "合同接着是{whole!r}，条款里却是{parts!r}",
}


def take_in(given: Assignment) -> Made:
    """The contract that the mission names, or contains, as its clauses."""
    path, text = find_contract(given.mission, folder())
    found = clauses_of(text)
    digest = hashlib.sha256(text.encode()).hexdigest()
    title = next((_HEADING.sub("", line).strip() for line in text.splitlines() if line.strip()), "")
    return Made(data={"file": path, "title": title[:200], "sha256": digest, "clauses": found}, untrusted=True)


def find_contract(mission: str, home: Path) -> tuple[str, str]:
    """Path below the home and text of the contract; the mission's own words, path 'mission', where they contain it.

    Raises:
        UsageError: there is none, or more than one.
    """
    files = sorted(path for path in (home / CONTRACTS).rglob("*") if path.suffix in KINDS and path.is_file())
    paths = {
        path.relative_to(home).as_posix(): path
        for path in files
        if path.resolve().is_relative_to(home.resolve())
    }
    named = [name for name in paths if name in mission] or [
        name for name in paths if Path(name).name in mission
    ]
    if not named and len([one for one in clauses_of(mission) if one["id"] != "0"]) >= 3:
        return "mission", mission
    if len(named) != 1:
        which = (
            f"it names {', '.join(named)}"
            if named
            else "it names no file of contracts/ and contains no clauses"
        )
        known = ", ".join(paths) or "contracts/ is empty"
        raise UsageError(f"which contract is it? {which}; name one of: {known}")
    path = paths[named[0]]
    if path.stat().st_size > MAX_BYTES:
        raise UsageError(f"{named[0]} has more than {MAX_BYTES:,} bytes; save the contract alone as text")
    return named[0], path.read_text("utf-8-sig")


def clauses_of(text: str) -> list[dict[str, str]]:
    """Number, heading and text of each clause; what stands before the first has the number 0.

    A line that begins with a number begins a clause; lines without one belong to the clause before them. A number that
    comes twice gets a letter, so that each clause has one of its own.
    """
    found: list[dict[str, str]] = [{"id": "0", "heading": "", "text": ""}]
    heading, seen = "", {"0"}
    for line in text.splitlines():
        plain = _HEADING.sub("", line).strip()
        if not plain:
            continue
        begins = _CLAUSE.match(plain)
        if _HEADING.match(line):
            heading = plain
        if begins is not None:
            found.append({"id": _unused(begins[1], seen), "heading": heading, "text": plain})
        else:
            found[-1]["text"] = f"{found[-1]['text']}\n{plain}".strip()
    return [one for one in found if one["text"]]


def _unused(number: str, seen: set[str]) -> str:
    place, name = 0, number
    while name in seen:
        place += 1
        name = f"{number}-{place + 1}"
    seen.add(name)
    return name


def every_word_kept(given: Assignment, made: Artifact) -> Verdict:
    """Whether the clauses together are the contract, as the file has it now."""
    say = Say(given.language, CHINESE)
    path, text = find_contract(given.mission, folder())
    reasons = lost_words(text, made.data["clauses"], given.language)
    if made.data["file"] != path:
        phrase = "the mission is about {path}, and this is {file}"
        reasons.append(say(phrase, path=path, file=made.data["file"]))
    if made.data["sha256"] != hashlib.sha256(text.encode()).hexdigest():
        reasons.append(say("{path} has another content by now", path=path))
    phrase = "{path}: {count} clauses put together again, {characters} characters"
    seen = say(phrase, path=path, count=len(made.data["clauses"]), characters=f"{len(text):,}")
    return Verdict(accept=not reasons, by="every_word_kept", reasons=tuple(reasons), evidence=(seen,))


def lost_words(text: str, clauses: list[dict[str, Any]], language: str = "en") -> list[str]:
    """What of a text does not stand in its clauses in the same order, or stands there only."""
    whole = "".join("".join(_HEADING.sub("", line) for line in text.splitlines()).split())
    parts = "".join("".join(one["text"] for one in clauses).split())
    if whole == parts:
        return []
    differ = (at for at, pair in enumerate(zip(whole, parts, strict=False)) if pair[0] != pair[1])
    place = next(differ, min(len(whole), len(parts)))
    phrase = "the contract goes on with {whole!r} where the clauses have {parts!r}"
    say = Say(language, CHINESE)
    return [say(phrase, whole=whole[place : place + 40], parts=parts[place : place + 40])]


# --- tools of the readers ------------------------------------------------------------------------------------------


@tool(risk="read", untrusted=True)
def read_clauses(file: str, first: str, last: str = "") -> str:
    """Read clauses of the contract by number, from the first to the last.

    Args:
        file: The contract's file, as the input 'contract' names it.
        first: Number of a clause, such as 6.2.
        last: Number of the last one; '': only the first.
    """
    found = _clauses(file)
    ids = [one["id"] for one in found]
    for name in (first, last or first):
        if name not in ids:
            return f"There is no clause {name}. There are: {', '.join(ids)}"
    return _shown(found[ids.index(first) : ids.index(last or first) + 1])


@tool(risk="read", untrusted=True)
def find_in_contract(file: str, words: str) -> str:
    """Find all clauses of the contract in which these words stand, in small or capital letters.

    Args:
        file: The contract's file, as the input 'contract' names it.
        words: What to look for.
    """
    found = [one for one in _clauses(file) if words.casefold() in one["text"].casefold()]
    return _shown(found) if found else f"No clause has {words!r}."


def _clauses(file: str) -> list[dict[str, str]]:
    return clauses_of(find_contract(file, folder())[1])


def _shown(found: list[dict[str, str]]) -> str:
    text = "\n\n".join(one["text"] for one in found)
    return text if len(text) <= SHOWN_CHARS else f"{text[:SHOWN_CHARS]}\n[cut here; ask for fewer clauses]"
