"""What the journal keeps of close calls: each decision with the advice, and later how it turned out.

One rule: a row is written once, in the transaction of the step that decides, and never changed; the record of an
expert is always added up from these rows, so two decisions at once cannot lose each other's.
"""

from typing import Protocol

import msgspec

from firm.errors import UsageError
from firm.ids import digest
from firm.kernel.context import current_step
from firm.kernel.definition import step, workflow
from firm.kernel.journal import Row
from firm.org.desk.score import Past

BOOK = "desk"
"""Rows of decisions, by `past_key`. They outlive the histories of their runs."""
OUTCOMES = "desk.outcome"
"""Rows under the same keys: how a decision turned out; the last word counts."""


class Outcome(msgspec.Struct, frozen=True):
    """How a decision turned out."""

    right: bool
    at_us: int = 0


class Rows(Protocol):
    """What the journal's books are read from."""

    async def rows(self, book: str, *, prefix: str = "") -> list[Row]:
        """Rows of a book by key."""
        ...


_past = msgspec.msgpack.Decoder(Past)
_outcome = msgspec.msgpack.Decoder(Outcome)


def kind_key(kind: str) -> str:
    """Begins the keys of all decisions of a kind."""
    return f"{digest('firm/desk', kind)[:16]}/"


def past_key(kind: str, run: str) -> str:
    """Key of one decision."""
    return f"{kind_key(kind)}{run}"


def past_row(past: Past) -> Row:
    """The row of a decision."""
    return Row(BOOK, past_key(past.kind, past.run), msgspec.msgpack.encode(past))


async def pasts(source: Rows, kind: str | None = None) -> list[Past]:
    """Decisions that were made, each with its outcome where that is known, the oldest first.

    Args:
        source: A firm.
        kind: Only of this kind; None: all.
    """
    prefix = "" if kind is None else kind_key(kind)
    told = {row.key: row.value for row in await source.rows(OUTCOMES, prefix=prefix)}
    found = []
    for row in await source.rows(BOOK, prefix=prefix):
        try:
            past = _past.decode(row.value)
            outcome = _outcome.decode(told[row.key]) if row.key in told else None
        except msgspec.MsgspecError:  # of another version
            continue
        found.append(past if outcome is None else msgspec.structs.replace(past, right=outcome.right))
    return sorted(found, key=lambda past: (past.at_us, past.run))


@workflow
async def tell_outcome(run: str, kind: str, right: bool) -> None:
    """Write down how a decision turned out; the last word counts.

    Args:
        run: The decision's own run.
        kind: Of the decision.
        right: Whether it has turned out right.
    """
    await write_outcome(run, kind, right)


@step
async def write_outcome(run: str, kind: str, right: bool) -> None:
    """The row of an outcome."""
    info = current_step()
    at_us = info.run.loop.now_us if info.run is not None else 0
    info.also(Row(OUTCOMES, past_key(kind, run), msgspec.msgpack.encode(Outcome(right, at_us))))


async def find_past(source: Rows, run: str) -> Past:
    """A decision by its run.

    Raises:
        UsageError: there is none.
    """
    found = await pasts(source)
    for past in found:
        if past.run == run:
            return past
    near = f"the last one is {found[-1].run!r}" if found else "none was made yet"
    raise UsageError(f"no close call was decided in run {run!r}; {near} (`firm panel --record` lists them)")
