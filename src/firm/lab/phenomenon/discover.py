"""The workflow that finds the law behind a phenomenon.

One rule: experiments are durable steps, and so is each time of thinking: what has been recorded is never asked again,
and a run that was broken off goes on with the same laws.
"""

import time

import msgspec

from firm.errors import UsageError
from firm.kernel.definition import step, workflow
from firm.lab.order import Source
from firm.lab.phenomenon import follow, inquire, instrument
from firm.lab.phenomenon.expression import parse
from firm.lab.phenomenon.finding import Experiment, Finding, Inquiry, Notebook, Sheet

MOST_FAILED = 0.3
"""Share of failed experiments in a batch at which the inquiry ends."""
PAID_AT_ONCE = 10
"""Of experiments that cost money so many are one step, and are what a crash can cost; of others the whole batch."""


@workflow
async def discover(brief: Inquiry) -> Finding:
    """Find the law: experiments, proposals, predictions outside the range, attempts to falsify.

    Args:
        brief: Where the phenomenon is stated, the seed, how many experiments at most, formulas to try as well.

    Raises:
        UsageError: no such phenomenon, a formula that cannot be read, less than one experiment, or an instrument
            that fails too often; it says with what.
    """
    sheet = await read(brief.source)
    if brief.experiments < 0:
        raise UsageError(
            f"experiments={brief.experiments!r}; give 1 and more, or 0 for what the phenomenon allows"
        )
    allowed = min(brief.experiments or sheet.experiments, sheet.experiments)
    names = {given.name for given in sheet.inputs}
    for form in brief.forms:
        parse(form, names)
    book = Notebook(sheet, brief.seed, allowed, forms=brief.forms)
    batch = 0
    while True:
        thought: Notebook = await think(book)
        if thought.finding is not None:
            return thought.finding
        batch += 1
        made = await _made(brief, thought, batch)
        book = msgspec.structs.replace(thought, done=(*thought.done, *made), wanted=())


async def _made(brief: Inquiry, book: Notebook, batch: int) -> list[Experiment]:
    """All that the notebook wants, in as many steps as its price calls for."""
    made, failed, why = list[Experiment](), 0, ""
    at_once = PAID_AT_ONCE if book.sheet.price else len(book.wanted)
    while len(made) < len(book.wanted):
        wanted = book.wanted[len(made) : len(made) + at_once]
        number = batch + len(made) * 1_000_000
        readings: Readings = await experiment(brief.source, wanted, brief.seed, number)
        made += readings.made
        failed += sum(not each.results for each in readings.made)
        why = why or readings.why
        if failed > MOST_FAILED * len(book.wanted):
            raise UsageError(
                f"the instrument {brief.source.name!r} failed in {failed} of {len(made)} experiments: {why}"
            )
    return made


class Readings(msgspec.Struct, frozen=True):
    """What some experiments gave."""

    made: tuple[Experiment, ...]
    why: str = ""
    """Why the first of those that failed did."""


@step
def read(source: Source) -> Sheet:
    """What may be known of the phenomenon before the first experiment."""
    return instrument.describe(source)


@step(cpu=True)
def think(book: Notebook) -> Notebook:
    """What to ask next, or what to conclude; and the processor time that it took."""
    begun = time.process_time()
    thought = follow.advance(book) if book.sheet.times else inquire.advance(book)
    cpu_s = book.cpu_s + time.process_time() - begun
    finding = thought.finding
    if finding is not None:
        finding = msgspec.structs.replace(finding, cost={**finding.cost, "cpu_s": cpu_s})
    return msgspec.structs.replace(thought, cpu_s=cpu_s, finding=finding)


@step
def experiment(source: Source, wanted: tuple[Experiment, ...], seed: int, batch: int) -> Readings:
    """Make some experiments."""
    answer = instrument.ask(instrument.Call(source, seed, batch, tuple(each.inputs for each in wanted)))
    made = tuple(
        msgspec.structs.replace(each, results=result)
        for each, result in zip(wanted, answer.results, strict=True)
    )
    return Readings(made, "".join(answer.whys[:1]))
