"""Close calls as data: the question, its options, what experts think of it, and what was decided.

One rule: what an expert says is untrusted until `sound` has looked at it; an option is only what the caller gave.
"""

import math
from typing import Literal

import msgspec

from firm.errors import UsageError
from firm.ids import check_id

MIN_OPTIONS, MAX_OPTIONS = 2, 20
MAX_NAME_CHARS = 200
"""Of an option's name."""
MAX_QUESTION_CHARS = 4_000
MAX_CONTEXT_CHARS = 24_000
"""Of the context that experts read; what is longer is cut."""
MAX_REASON_CHARS = 600
"""Of one argument of an expert."""
KIND = "general"
"""Kind of a close call that does not say one."""


class Option(msgspec.Struct, frozen=True, omit_defaults=True):
    """One way to decide."""

    name: str
    """1 to 200 characters, once in the call; it is what the founder answers."""
    says: str = ""
    """What it means."""
    usd: float = 0.0
    """What it costs, US dollars; 0: nothing, or nobody said."""


class CloseCall(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A question with more than one good answer."""

    question: str
    """1 to 4,000 characters."""
    options: tuple[Option, ...]
    """2 to 20."""
    kind: str = KIND
    """What sort of decision it is, such as 'pricing' or 'hire-or-not': experts have a record by kind."""
    default: str = ""
    """The option that holds when nobody answers; '': it waits for the founder."""
    one_way: bool = False
    """What is decided cannot be taken back: it has no default, and only an answer decides it."""
    waiting: str | float = ""
    """What waiting costs: in words, or US dollars a day."""
    stake_usd: float = 0.0
    """What hangs on it, US dollars; from `[org] panel_above_usd` on it is put to a full panel."""
    context: str = ""
    """What experts should know; it may be strangers' words."""
    answer_s: float = 0.0
    """How long the founder has before the default holds, seconds; 0: `[org] answer_s`."""
    panel: bool = False
    """Ask a full panel, whatever the stake."""
    model: str = ""
    """Name of a model that plays every expert instead of their own; '': each has its own."""

    @property
    def names(self) -> tuple[str, ...]:
        """Of its options, in order."""
        return tuple([option.name for option in self.options])


class Opinion(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What one expert thinks of a close call."""

    expert: str
    choice: str
    """Name of an option."""
    reason: str
    """The strongest argument for it."""
    confidence: float
    """0 to 1."""
    against: str = ""
    """The strongest argument against it."""
    was: str = ""
    """In a panel: what the expert chose before it had seen the others' reasons, where that was something else."""


class Heard(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What came of asking one expert."""

    expert: str
    opinion: Opinion | None = None
    why: str = ""
    """Where there is no opinion: why."""


class Decision(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What was decided, by whom, and what the experts had said."""

    choice: str
    by: Literal["founder", "default"]
    kind: str = KIND
    opinions: tuple[Opinion, ...] = ()
    silent: tuple[Heard, ...] = ()
    """Experts that were asked and had no opinion, each with the reason."""
    panel: bool = False
    """A full panel was asked."""
    run: str = ""
    """The decision's own run; what became of it is told by this id (`firm panel RUN --outcome right`)."""
    question: str = ""


def check_call(call: CloseCall) -> None:
    """Whether a close call can be put.

    Raises:
        UsageError: with what to write instead.
    """
    what = f"close call {call.question[:60]!r}"
    if not 1 <= len(call.question.strip()) <= MAX_QUESTION_CHARS:
        raise UsageError(
            f"{what}: its question has {len(call.question):,} characters; give 1 to {MAX_QUESTION_CHARS:,}, "
            "and the rest as context"
        )
    check_id(call.kind, f"{what}: its kind")
    names = call.names
    if not MIN_OPTIONS <= len(names) <= MAX_OPTIONS:
        raise UsageError(f"{what} has {len(names)} options; give {MIN_OPTIONS} to {MAX_OPTIONS}")
    for name in names:
        if not 1 <= len(name.strip()) <= MAX_NAME_CHARS:
            raise UsageError(f"{what}: option {name!r:.60}: give a name of 1 to {MAX_NAME_CHARS} characters")
    if len(set(names)) < len(names):
        raise UsageError(f"{what}: two of its options have the same name: {', '.join(names)}")
    if call.one_way and call.default:
        raise UsageError(
            f"{what} cannot be taken back (one_way) and has the default {call.default!r}; leave one of them out: such "
            "a decision never falls to a default"
        )
    if call.default and call.default not in names:
        raise UsageError(f"{what}: the default {call.default!r} is none of its options: {', '.join(names)}")
    _check_figures(call, what)


def _check_figures(call: CloseCall, what: str) -> None:
    figures = [("stake_usd", call.stake_usd), ("answer_s", call.answer_s)]
    figures += [(f"usd of option {option.name!r:.40}", option.usd) for option in call.options]
    for name, value in figures:
        if not (math.isfinite(value) and value >= 0):
            raise UsageError(f"{what}: {name} is {value!r}; give a number, at least 0")


def one_line(text: str, limit: int = MAX_REASON_CHARS) -> str:
    """Somebody's words on one line, so that they can pass for no other line; cut at `limit` characters."""
    words = " ".join(text.split())
    return words if len(words) <= limit else words[: limit - 1] + "…"
