"""What a simulation runs: workflows of one's own, and what people do to them meanwhile.

One rule: a program says what may happen, the seed says what does. Steps meet the simulated world through
`firm.testing.act`; everything else is an ordinary program.

    @step(effect="once", reconcile=look_up)
    async def pay(cents: int) -> int:
        return await act("once", cents)

    @workflow
    async def shop(cents: int) -> int:
        return await pay(cents)

    report = simulate(Program("shop", (Job("shop-1", shop, (5,), expect=returns(5)),)), seed=7)
    assert report.ok, report
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from firm.kernel.status import Status

if TYPE_CHECKING:
    from firm.testing.economy import Economics
    from firm.testing.invariant import Evidence

Check = Callable[["Evidence"], Iterator[str]]
"""Looks at a whole history when it is over: one sentence for each thing that does not hold."""
Expect = Callable[[Status, Any], str | None]
"""Given how a run ended (status, and its value or the name of its error): what is wrong, or None."""


def anything(status: Status, value: Any) -> str | None:
    """Every end is right."""
    return None


def returns(expected: object) -> Expect:
    """It must succeed with this value."""

    def check(status: Status, value: Any) -> str | None:
        fine = status is Status.SUCCEEDED and value == expected
        return None if fine else f"expected {expected!r}, got {status.value} {value!r}"

    return check


def returns_or(expected: object, *others: Status) -> Expect:
    """It must succeed with this value, or end in one of these other states."""

    def check(status: Status, value: Any) -> str | None:
        return None if status in others else returns(expected)(status, value)

    return check


@dataclass(frozen=True, slots=True)
class Job:
    """One run that clients start."""

    id: str
    workflow: Callable[..., Any]
    args: tuple[Any, ...] = ()
    messages: tuple[tuple[str, Any], ...] = ()
    """(topic, value): one client sends them in this order, each once or more often under the same id."""
    cancel: bool = False
    """Whether a client may cancel it."""
    halt: bool = False
    """Whether somebody may stop it for a while, with all that it began."""
    charter: bytes = b""
    """What it is started with."""
    obeys: bool = False
    """It ends as cancelled wherever a cancel stands in its journal."""
    expect: Expect = anything
    """Judges how it ended."""


@dataclass(frozen=True, slots=True)
class Program:
    """Some runs that are carried together."""

    name: str
    jobs: tuple[Job, ...]
    economics: "Economics | None" = None
    """Rules and money; None: runs have no firm. With it there is one worker."""
    checks: tuple[Check, ...] = ()
    """What must hold besides the invariants."""
