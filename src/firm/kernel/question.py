"""Questions to a person: what hangs on one, which answer counts, and how one was closed.

One rule: the first valid answer counts, and after its deadline none does. Putting questions and waiting for their
answers is the business of `firm.kernel.carrier`.
"""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from firm.errors import UsageError
from firm.kernel.claims import IN_DOUBT
from firm.kernel.failure import readable
from firm.kernel.journal import Answer, Kind, Mail, Question
from firm.kernel.value import BUILTIN

MAX_WAITING_CHARS = 500
"""Of what is said about the cost of waiting."""
_SHOWN_CHARS = 200


class Stakes(msgspec.Struct, frozen=True, omit_defaults=True):
    """What hangs on a question that `ask` put; stands beside it in book "question" where there is anything to say."""

    one_way: bool = False
    """What is decided cannot be taken back: only an answer decides it."""
    waiting: str = ""
    """What waiting costs, in plain words."""
    waiting_usd_per_day: float | None = None
    """The same as a number; None: nobody said one."""
    marks: tuple[str, ...] = ()
    """Of the run when it asked, sorted."""

    def encode(self) -> bytes:
        """Bytes for the journal; b'' where there is nothing to say."""
        return b"" if self == _NOTHING else msgspec.msgpack.encode(self)

    @staticmethod
    def decode(body: bytes) -> "Stakes":
        """From the journal; of what another version wrote nothing is known."""
        try:
            return _stakes.decode(body) if body else _NOTHING
        except msgspec.MsgspecError:
            return _NOTHING


_stakes = msgspec.msgpack.Decoder(Stakes)
_NOTHING = Stakes()


def stakes_of(waiting: object, *, one_way: bool, marks: frozenset[str]) -> Stakes:
    """What hangs on a question.

    Args:
        waiting: What waiting costs: plain words, or US dollars a day (at least 0).
        one_way: Whether what is decided cannot be taken back.
        marks: Of the run that asks.

    Raises:
        UsageError: no words and no sum.
    """
    seen = tuple(sorted(marks))
    if isinstance(waiting, str):
        if len(waiting) > MAX_WAITING_CHARS:
            raise UsageError(
                f"waiting={waiting[:40]!r}… has {len(waiting)} characters; give at most {MAX_WAITING_CHARS}"
            )
        return Stakes(one_way, readable(waiting.strip()), None, seen)
    if isinstance(waiting, bool) or not isinstance(waiting, int | float) or not 0 <= waiting < math.inf:
        raise UsageError(
            f"waiting={waiting!r}: say in words what waiting costs, or give US dollars a day, at least 0"
        )
    return Stakes(one_way, f"{waiting:,.2f} USD a day", float(waiting), seen)


def answer_to(question: Question, body: bytes, *, by: str, at_us: int) -> Answer:
    """The row that closes a question; the run that waits for it gets mail."""
    mail = Mail(question.run, Kind.ANSWERED, by, question.id, question.place, question.kind, body)
    return Answer(question.id, body, by, at_us, mail if question.run else None)


def check_answer(question: Question, value: object) -> None:
    """Whether a value may answer a question.

    Raises:
        UsageError: it is none of the options.
    """
    options: Any = BUILTIN.decode(question.options)
    if options is None or any(value == option and type(value) is type(option) for option in options):
        return
    if question.kind == IN_DOUBT and isinstance(value, dict) and list(value) == ["done"]:
        return
    raise UsageError(f"question {question.id!r} takes one of {options!r}, not {value!r}")


def check_open(question: Question, now_us: int, names: Mapping[str, str] | None = None) -> None:
    """Whether a question still takes an answer.

    Args:
        question: As the journal has it.
        now_us: Microseconds since 1970.
        names: What those are called who may have answered; None: as the journal has them.

    Raises:
        UsageError: it was answered, or its time is over; it says when, and by whom or by what.
    """
    if question.answered_us:
        raise UsageError(f"question {question.id!r} {closed_by(question, names)}")
    if question.deadline_us is not None and now_us >= question.deadline_us:
        then = (
            f"the default {_shown(question.default)} is taken" if question.default else "nothing is decided"
        )
        raise UsageError(
            f"question {question.id!r} is closed: its time was over at {when(question.deadline_us)}, and {then} "
            "as soon as its run goes on"
        )


def closed_by(question: Question, names: Mapping[str, str] | None = None) -> str:
    """How a closed question was closed, as the rest of a sentence."""
    at = when(question.answered_us)
    if question.by == "deadline":
        then = (
            f"the default {_shown(question.default)} was taken" if question.default else "nobody decided it"
        )
        return f"is closed: its time was over at {at}, and {then}"
    if question.by == "closed":
        return f"is closed: its run no longer waits for it (since {at})"
    who = (names or {}).get(question.by, question.by)
    return f"was answered already, by {who} at {at}: {_shown(question.answer)}"


def when(at_us: int) -> str:
    """A moment, for people."""
    return datetime.fromtimestamp(at_us / 1e6, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _shown(body: bytes) -> str:
    value = BUILTIN.decode(body)
    if isinstance(value, dict):
        value = {key: one for key, one in value.items() if key != "proof"}
    text = repr(value)
    return text if len(text) <= _SHOWN_CHARS else f"{text[: _SHOWN_CHARS - 1]}…"
