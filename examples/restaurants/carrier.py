"""The process that carries the dinner, and that may be killed: it opens the firm, runs, and says what came of it.

One rule: it knows the restaurants only by their address, and it writes nothing but one line of JSON at its end. What
was heard is counted by the town; which calls the firm knows of, and what they took, is counted here.
"""

import sys
from pathlib import Path
from typing import Any

import msgspec

from caller import scripted
from firm import Firm
from firm.errors import UsageError
from firm.ids import step_key
from firm.model.embedded import DEFAULT, find, store
from firm.model.local import Embedded
from firm.model.models import Given
from firm.root.config import read_config
from firm.root.models import entry_of
from firm.units.amount import NOTHING, Amount
from offer import Evening

SCRIPTED, EMBEDDED = "scripted", "embedded"


class Plan(msgspec.Struct, frozen=True):
    """What is to be done."""

    run: str
    wish: str
    count: int
    model: str
    """'scripted', 'embedded', or the name of a model in firm.toml."""


class Outcome(msgspec.Struct, frozen=True):
    """What came of it, and what it took, by the firm's own books."""

    evening: Evening
    keys: list[str]
    """Idempotency keys of the calls whose outcome is in the journal."""
    refused: list[str]
    """Runs in which the gate did not let a payment through, once for each."""
    replies: int
    tokens: int
    usd: float


async def carry(home: Path, plan: Plan, dinner: Any) -> None:
    """Start the run, or go on with it, stay until it has ended, and print the outcome."""
    async with Firm.open(home, models={"default": model_of(home, plan.model)}) as firm:
        run = await firm.start(dinner, plan.wish, plan.count, id=plan.run)
        outcome = await tell(firm, plan.run, await run.result())
    sys.stdout.buffer.write(msgspec.json.encode(outcome) + b"\n")


def model_of(home: Path, name: str) -> Given:
    """The model behind a name.

    Raises:
        UsageError: firm.toml of the home has no such model, or the weights of the embedded one are not here.
    """
    if name == SCRIPTED:
        return scripted()
    if name == EMBEDDED:
        if not all(store.held(file) for file in find(DEFAULT).files):
            raise UsageError(
                f"the weights of the embedded model are not here; run: firm models pull {DEFAULT}"
            )
        return Embedded(DEFAULT)
    models = read_config(home / "firm.toml").models
    if name not in models:
        known = ", ".join(sorted(models)) or "none"
        raise UsageError(f"{str(home / 'firm.toml')!r} has no [models.{name}]; it has: {known}")
    return entry_of(models[name])


async def tell(firm: Firm, run: str, evening: Evening) -> Outcome:
    """The outcome of a run that has ended."""
    keys, refused = list[str](), list[str]()
    for child in await firm.runs(parent=run):
        for event in await firm.run(child.id).events():
            if event.name == "call_restaurant" and event.kind in ("done", "failed"):
                keys.append(step_key(child.id, 1, event.place))
            if event.name == "gate pay_deposit" and event.kind == "failed":
                refused.append(child.id)
    taken = await taken_by(firm, run)
    return Outcome(evening, keys, refused, taken.calls, taken.tokens, taken.usd_micro / 1e6)


async def taken_by(firm: Firm, run: str) -> Amount:
    """What the calls of models took, of a run and all that it began."""
    books, _ = await firm.books()
    sums = (item for day in books.days.values() for item in day.items())
    of_run = (
        one
        for tags, one in sums
        if tags.operation == "chat" and (tags.run == run or tags.run.startswith(f"{run}/"))
    )
    return sum((one.used + one.written_off for one in of_run), NOTHING)
