"""The checklist: points that a contract must meet, in files that the founder edits.

One rule: a point that could not be answered or checked is refused before anybody reads.
"""

import tomllib
from pathlib import Path
from typing import Any

from firm.errors import UsageError
from firm.org.artifact import Artifact, Verdict
from firm.org.assignment import Assignment, Made
from firm.org.house import folder
from firm.org.words import Say

CHECKLISTS = "checklists"
DEFAULT = "services"
GROUPS = ("money", "risk", "exit")
RISKS = ("high", "medium", "low")
CHINESE = {
    "{file}: {count} points in the groups {groups}": "{file}：{count}个要点，分组{groups}",
    "two points have the id {id!r}": "两个要点的编号都是{id!r}",
    "{id}: {key} {value!r}; give one of {known}": "{id}：{key}为{value!r}；应为{known}之一",
    "the group {group!r} has no point": "分组{group!r}没有要点",
}


def points(given: Assignment) -> Made:
    """The checklist that the mission names by its file, else the default one, in the mission's language."""
    path = find_checklist(given.mission, folder())
    found = read_points(path.read_text("utf-8"), given.language, path.name)
    return Made(data={"file": f"{CHECKLISTS}/{path.name}", "points": found})


def find_checklist(mission: str, home: Path) -> Path:
    """The file of the checklist.

    Raises:
        UsageError: there is none.
    """
    files = sorted((home / CHECKLISTS).glob("*.toml"))
    named = [path for path in files if path.name in mission]
    default = home / CHECKLISTS / f"{DEFAULT}.toml"
    if not named and not default.is_file():
        raise UsageError(
            f"there is no {CHECKLISTS}/{DEFAULT}.toml; write one, or name another in the mission"
        )
    return named[0] if named else default


def read_points(text: str, language: str, name: str) -> list[dict[str, Any]]:
    """The points of a checklist.

    Raises:
        UsageError: it is no TOML, or a point lacks something.
    """
    try:
        found = tomllib.loads(text).get("points", [])
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{CHECKLISTS}/{name} is no TOML: {error}") from None
    for count, point in enumerate(found, 1):
        for key in ("id", "group", "risk", "asks"):
            if not point.get(key):
                raise UsageError(f"{CHECKLISTS}/{name}, point {count}: it has no {key}; add {key} = …")
    return [
        {
            "id": point["id"],
            "group": point["group"],
            "risk": point["risk"],
            "asks": point.get(f"asks_{language}") or point["asks"],
            "words": point.get("words", []),
        }
        for point in found
    ]


def is_usable(given: Assignment, made: Artifact) -> Verdict:
    """Whether each point can be given to a reader and checked."""
    found, say = made.data["points"], Say(given.language, CHINESE)
    reasons = faults_of(found, given.language)
    groups = ", ".join(sorted({one["group"] for one in found}))
    phrase = "{file}: {count} points in the groups {groups}"
    seen = say(phrase, file=made.data["file"], count=len(found), groups=groups)
    return Verdict(accept=not reasons, by="is_usable", reasons=tuple(reasons), evidence=(seen,))


def faults_of(found: list[dict[str, Any]], language: str = "en") -> list[str]:
    """What is wrong with the points of a checklist."""
    say = Say(language, CHINESE)
    ids = [point["id"] for point in found]
    twice = sorted({name for name in ids if ids.count(name) > 1})
    reasons = [say("two points have the id {id!r}", id=name) for name in twice]
    for one in found:
        for key, known in (("group", GROUPS), ("risk", RISKS)):
            if one[key] not in known:
                phrase = "{id}: {key} {value!r}; give one of {known}"
                told = {"id": one["id"], "key": key, "value": one[key], "known": ", ".join(known)}
                reasons.append(say(phrase, **told))
    empty = [group for group in GROUPS if not any(one["group"] == group for one in found)]
    return reasons + [say("the group {group!r} has no point", group=group) for group in empty]
