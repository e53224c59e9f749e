"""Which experts to ask: those whose record on this kind of decision is best.

One rule: it is a pure function of the question and of what is written down about earlier decisions of the same kind.
"""

import re
from collections.abc import Iterable, Sequence

import msgspec

from firm.org.desk.call import CloseCall
from firm.org.role import Role

MOST_ASKED = 3
NEAR = 0.75
"""Beside the best, those are asked whose score is at least this share of the best one's."""
PRIOR_CASES = 6.0
"""So many cases the overlap of fields counts as, before there is a record."""
PRIOR_LEAST, PRIOR_SPAN = 0.4, 0.4
"""An expert is believed to be right in 40 % of the cases where no field fits, in up to 80 % where many do."""
AGREED_WEIGHT = 0.5
"""Of a founder who decided as the expert said, beside an outcome that proved it right (1)."""
_WORD = re.compile(r"[a-z0-9]+")


class Advice(msgspec.Struct, frozen=True, array_like=True):
    """What one expert said of one decision, as it is kept."""

    expert: str
    choice: str
    confidence: float = 0.5


class Past(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A decision that was made, as it is kept."""

    run: str
    kind: str
    question: str
    choice: str
    by: str
    """'founder' or 'default'."""
    at_us: int = 0
    advice: tuple[Advice, ...] = ()
    options: int = 2
    """How many there were."""
    right: bool | None = None
    """Whether it has turned out right; None: nobody has told."""


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """How an expert has done, on one kind of decision."""

    expert: str
    kind: str
    asked: int = 0
    agreed: int = 0
    """The founder decided as the expert said."""
    differed: int = 0
    right: int = 0
    """What the expert said has turned out right; known where somebody told the outcome."""
    wrong: int = 0

    good: float = 0.0
    """Weighed cases that speak for the expert: 1 for an outcome, 0.5 for the founder's agreement alone."""
    bad: float = 0.0


def records_of(past: Iterable[Past]) -> list[Record]:
    """The record of each expert on each kind, by kind and name.

    What was decided by default says nothing of the founder's view. A decision that turned out right speaks for those
    who advised it and against the others; one that turned out wrong against those who advised it, and for the others
    only where there were two options: of three, nobody knows which was right.
    """
    found: dict[tuple[str, str], Record] = {}
    for one in past:
        for advice in one.advice:
            key = (one.kind, advice.expert)
            before = found.get(key) or Record(expert=advice.expert, kind=one.kind)
            found[key] = _counted(before, one, same=advice.choice == one.choice)
    return [found[key] for key in sorted(found)]


def _counted(record: Record, one: Past, *, same: bool) -> Record:
    changes: dict[str, float] = {"asked": record.asked + 1}

    def count(name: str, weight: float, side: str) -> None:
        changes[name] = getattr(record, name) + 1
        changes[side] = changes.get(side, getattr(record, side)) + weight

    if one.by == "founder":
        weight = AGREED_WEIGHT if one.right is None else 0.0
        count("agreed" if same else "differed", weight, "good" if same else "bad")
    if one.right is not None and (same or one.right or one.options == 2):
        is_right = same is one.right
        count("right" if is_right else "wrong", 1.0, "good" if is_right else "bad")
    return msgspec.structs.replace(record, **changes)


def overlap(fields: Sequence[str], call: CloseCall) -> float:
    """How far an expert's fields fit a close call: 0 (not one does) to 1; each that fits halves what is missing.

    A field fits where all its words stand in the question, its kind or its options, singular or plural; one in Chinese
    where it stands there as it is written.
    """
    text = " ".join(
        [call.question, call.kind.replace("-", " "), *(f"{one.name} {one.says}" for one in call.options)]
    ).lower()
    words = {_stem(word) for word in _WORD.findall(text)}
    hits = 0
    for field in fields:
        parts = _WORD.findall(field.lower()) if field.isascii() else []
        hits += all(_stem(part) in words for part in parts) if parts else field in text
    return float(1.0 - 0.5**hits)


def _stem(word: str) -> str:
    for ending in ("ies", "ing", "es", "s", "e"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)] + ("y" if ending == "ies" else "")
    return word


def score(fields: Sequence[str], call: CloseCall, record: Record | None) -> float:
    """How likely an expert is right about a close call, 0 to 1: the mean of a Beta distribution.

    Its prior counts as six cases, right in a share of 0.4 to 0.8 by the overlap of fields with the question; the
    record on this kind of decision is added to it.
    """
    prior = PRIOR_LEAST + PRIOR_SPAN * overlap(fields, call)
    good = prior * PRIOR_CASES + (record.good if record else 0.0)
    bad = (1 - prior) * PRIOR_CASES + (record.bad if record else 0.0)
    return good / (good + bad)


def ranked(roles: Iterable[Role], call: CloseCall, records: Iterable[Record]) -> list[tuple[Role, float]]:
    """Experts with their scores, the best first; ties by name."""
    known = {record.expert: record for record in records if record.kind == call.kind}
    scored = [(role, score(role.fields, call, known.get(role.name))) for role in roles]
    return sorted(scored, key=lambda one: (-one[1], one[0].name))


def route(roles: Iterable[Role], call: CloseCall, records: Iterable[Record]) -> tuple[Role, ...]:
    """The one to three experts to ask: the best, and those whose score comes near."""
    order = ranked(roles, call, records)[:MOST_ASKED]
    return tuple([role for role, value in order if value >= NEAR * order[0][1]])
