"""Triage: how urgent each question is, by a table of words and before any model reads it.

One rule: an urgency only rises: by a flag, then by the nurse; nothing and nobody lowers it.
"""

import tomllib
from typing import Any

from firm.errors import UsageError
from firm.org.artifact import Artifact, Verdict
from firm.org.assignment import Assignment, Made
from firm.org.house import folder
from firm.org.words import Say

TABLE = "practice/flags.toml"
LEVELS = ("routine", "same-day", "emergency")
"""From low to high."""
CHINESE = {
    "{id} is not sorted": "{id}没有分拣",
    "{id} is sorted twice": "{id}重复分拣",
    "{id} is no question": "没有{id}这封来信",
    "{id} has {word!r} (flag {flag}) and is only {urgency}": "{id}含有{word!r}（警示{flag}），却只定为{urgency}",
    "{count} questions searched for the words of {flags} flags": "在{count}封来信中查找了{flags}个警示的词语",
    "{id} is {urgency} already; only a higher urgency can be given": "{id}已是{urgency}；只能提高",
    "{to!r} is no urgency; give one of {levels}": "{to!r}不是紧急程度；应为{levels}之一",
    "{id}: say why": "{id}：请说明理由",
    "`raised` is no list": "`raised`不是列表",
    "{count} raised, none lowered": "提高了{count}封，没有降低",
    "{id} should be {urgency}": "{id}应为{urgency}",
    "{count} urgencies compared with the table's and the nurse's": "{count}封的紧急程度与表格和护士的意见比较",
}


def sort(given: Assignment) -> Made:
    """An urgency for each question, the most urgent first, with the flags that gave it."""
    return Made(data={"sorted": sorted_by(given.input("questions").data["questions"], read_flags())})


def read_flags() -> list[dict[str, Any]]:
    """The flags of the table.

    Raises:
        UsageError: it is not there, empty, or a flag's urgency is none.
    """
    path = folder() / TABLE
    try:
        found = flags_of(path.read_text("utf-8"))
    except OSError as error:
        raise UsageError(f"{TABLE} cannot be read: {error}; without it nothing may be sorted") from None
    return found


def flags_of(text: str) -> list[dict[str, Any]]:
    """The flags of a table's text.

    Raises:
        UsageError: as `read_flags`.
    """
    try:
        found: list[dict[str, Any]] = tomllib.loads(text).get("flags", [])
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{TABLE} is no TOML: {error}") from None
    for one in found:
        if one.get("urgency") not in LEVELS or not one.get("words"):
            raise UsageError(
                f"{TABLE}, flag {one.get('id')!r}: give words, and an urgency of {', '.join(LEVELS)}"
            )
    if not found:
        raise UsageError(f"{TABLE} has no flags; without them nothing may be sorted")
    return found


def sorted_by(questions: list[dict[str, str]], flags: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Questions with their urgency, the highest first, else in their order."""
    found = []
    for one in questions:
        up = [flag for flag in flags if word_of(flag, one["text"])]
        urgency = max((flag["urgency"] for flag in up), key=LEVELS.index, default=LEVELS[0])
        found.append(
            {"id": one["id"], "urgency": urgency, "flags": [flag["id"] for flag in up], "by": "table"}
        )
    return in_order(found)


def in_order(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The most urgent first."""
    return sorted(found, key=lambda one: -LEVELS.index(one["urgency"]))


def word_of(flag: dict[str, Any], text: str) -> str:
    """The words of a flag that stand in a text; '': none."""
    plain = " ".join(text.casefold().replace("’", "'").split())
    return next((line for line in flag["words"] if all(part in plain for part in _parts(line))), "")


def _parts(line: str) -> list[str]:
    return [part.strip().casefold() for part in line.split("+")]


def no_flag_is_missed(given: Assignment, made: Artifact) -> Verdict:
    """Whether each question is sorted once, and not below a flag whose words stand in it."""
    questions = given.input("questions").data["questions"]
    return missed(questions, made.data["sorted"], read_flags(), Say(given.language, CHINESE))


def missed(
    questions: list[dict[str, str]], found: list[dict[str, Any]], flags: list[dict[str, Any]], say: Say
) -> Verdict:
    """As `no_flag_is_missed`, of a table."""
    reasons = _once([one["id"] for one in questions], [one["id"] for one in found], say)
    given = {one["id"]: one["urgency"] for one in found}
    for one in questions:
        for flag in flags:
            word, urgency = word_of(flag, one["text"]), given.get(one["id"], "")
            if word and urgency in LEVELS and LEVELS.index(urgency) < LEVELS.index(flag["urgency"]):
                phrase = "{id} has {word!r} (flag {flag}) and is only {urgency}"
                reasons.append(say(phrase, id=one["id"], word=word, flag=flag["id"], urgency=urgency))
    phrase = "{count} questions searched for the words of {flags} flags"
    return _verdict("no_flag_is_missed", reasons, say(phrase, count=len(questions), flags=len(flags)))


def _once(wanted: list[str], found: list[str], say: Say) -> list[str]:
    reasons = [say("{id} is not sorted", id=one) for one in wanted if one not in found]
    reasons += [say("{id} is sorted twice", id=one) for one in wanted if found.count(one) > 1]
    return reasons + [say("{id} is no question", id=one) for one in found if one not in wanted]


def only_raises(given: Assignment, made: Artifact) -> Verdict:
    """Whether the nurse has raised urgencies, and done nothing else."""
    say = Say(given.language, CHINESE)
    raised = made.data.get("raised") if isinstance(made.data, dict) else None
    if not isinstance(raised, list):
        return _verdict(
            "only_raises", [say("`raised` is no list")], say("{count} raised, none lowered", count=0)
        )
    now = {one["id"]: one["urgency"] for one in given.input("sorted").data["sorted"]}
    reasons = []
    for one in raised:
        name, to = str(one.get("id")), one.get("to")
        if name not in now:
            reasons.append(say("{id} is no question", id=name))
        elif to not in LEVELS:
            reasons.append(say("{to!r} is no urgency; give one of {levels}", to=to, levels=", ".join(LEVELS)))
        elif LEVELS.index(to) <= LEVELS.index(now[name]):
            phrase = "{id} is {urgency} already; only a higher urgency can be given"
            reasons.append(say(phrase, id=name, urgency=now[name]))
        elif not str(one.get("why", "")).strip():
            reasons.append(say("{id}: say why", id=name))
    return _verdict("only_raises", reasons, say("{count} raised, none lowered", count=len(raised)))


def merge(given: Assignment) -> Made:
    """The table's urgencies with those that the nurse has raised."""
    raised = {one["id"]: one for one in given.input("raised").data["raised"]}
    found = []
    for one in given.input("sorted").data["sorted"]:
        more = raised.get(one["id"])
        found.append(
            one if more is None else one | {"urgency": more["to"], "by": "nurse", "why": more["why"]}
        )
    return Made(data={"sorted": in_order(found)})


def highest_holds(given: Assignment, made: Artifact) -> Verdict:
    """Whether each question has the higher of both urgencies."""
    say = Say(given.language, CHINESE)
    before = given.input("sorted").data["sorted"]
    wanted = {one["id"]: LEVELS.index(one["urgency"]) for one in before}
    for one in given.input("raised").data["raised"]:
        wanted[one["id"]] = max(wanted[one["id"]], LEVELS.index(one["to"]))
    found = {one["id"]: one["urgency"] for one in made.data["sorted"]}
    reasons = _once(list(wanted), [one["id"] for one in made.data["sorted"]], say)
    phrase = "{id} should be {urgency}"
    reasons += [
        say(phrase, id=name, urgency=LEVELS[level])
        for name, level in wanted.items()
        if name in found and found[name] != LEVELS[level]
    ]
    seen = say("{count} urgencies compared with the table's and the nurse's", count=len(wanted))
    return _verdict("highest_holds", reasons, seen)


def _verdict(by: str, reasons: list[str], seen: str) -> Verdict:
    return Verdict(accept=not reasons, by=by, reasons=tuple(reasons), evidence=(seen,))
