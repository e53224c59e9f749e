"""The experiment: the lab's own search for a law, with every reading written down.

One rule: readings come from the instrument alone, and the same seed gives the same readings again.
"""

import csv
import io
from pathlib import Path
from typing import Any

import msgspec
from lab_instruments import chosen, source_of

from firm.errors import UsageError
from firm.kernel.definition import step, workflow
from firm.lab.order import Source
from firm.lab.phenomenon import instrument
from firm.lab.phenomenon.discover import experiment as make
from firm.lab.phenomenon.discover import read, think
from firm.lab.phenomenon.finding import Experiment, Notebook
from firm.org.artifact import Artifact, Verdict
from firm.org.assignment import Assignment, Made
from firm.org.house import folder

READINGS = "measurements.csv"
MOST_FAILED = 0.3
"""Share of experiments that may fail; with more of them the instrument is broken."""
AT_ONCE = 10
"""Of experiments that cost money: so many are one step."""


@workflow
async def experiment(given: Assignment) -> Made:
    """All readings, and what the lab makes of them; the program that holds the role."""
    described = chosen(given)
    forms = tuple(str(one["formula"]) for one in given.input("hypotheses").data["hypotheses"])
    source = await place_of(described["file"])
    sheet = await read(source)
    seed = given.round - 1
    book = Notebook(sheet, seed, sheet.experiments, forms=forms)
    batches: list[int] = []
    while True:
        thought: Notebook = await think(book)
        if thought.finding is not None:
            break
        made = await measured(source, thought, batches)
        book = msgspec.structs.replace(thought, done=(*thought.done, *made), wanted=())
    file = await write_down(given.folder, thought, tuple(batches))
    finding = msgspec.to_builtins(msgspec.structs.replace(thought.finding, points=()))
    failed = sum(not one.results for one in thought.done)
    data = {"instrument": described["name"], "seed": seed, "finding": finding, "failed": failed}
    return Made(data=data | {"cost": thought.finding.cost}, files=(file,))


async def measured(source: Source, book: Notebook, batches: list[int]) -> list[Experiment]:
    """What the notebook wants, and in which batch each was made.

    Raises:
        UsageError: too many failed.
    """
    made: list[Experiment] = []
    size = AT_ONCE if book.sheet.price else len(book.wanted)
    for start in range(0, len(book.wanted), max(1, size)):
        wanted, batch = book.wanted[start : start + size], max(batches, default=0) + 1
        readings = await make(source, wanted, book.seed, batch)
        made += readings.made
        batches += [batch] * len(readings.made)
    failed = sum(not one.results for one in made)
    if failed > MOST_FAILED * len(made):
        raise UsageError(
            f"the instrument {book.sheet.name!r} failed in {failed} of {len(made)} experiments: {readings.why}"
        )
    return made


@step
def place_of(file: str) -> Source:
    """Where the instrument is stated, on this machine."""
    return source_of(folder(), file)


@step
def write_down(place: str, book: Notebook, batches: tuple[int, ...]) -> str:
    """Every reading as a line of a table; its path below the home."""
    path = folder() / place / READINGS
    path.write_text(table_of(book, batches), "utf-8")
    return path.relative_to(folder()).as_posix()


def table_of(book: Notebook, batches: tuple[int, ...]) -> str:
    """The readings as CSV; one that failed is empty."""
    said = io.StringIO()
    writer = csv.writer(said, lineterminator="\n")
    writer.writerow(
        ["batch", "kind", *(one.name for one in book.sheet.inputs), book.sheet.outputs[0][0], "predicted"]
    )
    for batch, one in zip(batches, book.done, strict=True):
        result, predicted = ([repr(value) for value in part] or [""] for part in (one.results, one.predicted))
        writer.writerow([batch, one.kind, *map(repr, one.inputs), result[0], predicted[0]])
    return said.getvalue()


def rows_of(path: Path) -> list[dict[str, Any]]:
    """The readings of a table: kind, batch, inputs in order, result (None: it failed)."""
    with path.open(encoding="utf-8", newline="") as file:
        _, *lines = csv.reader(file)
    return [
        {
            "batch": int(line[0]),
            "kind": line[1],
            "inputs": tuple(map(float, line[2:-2])),
            "result": float(line[-2]) if line[-2] else None,
        }
        for line in lines
    ]


def readings_of(artifact: Artifact) -> list[dict[str, Any]]:
    """The readings of the experiment's artifact."""
    return rows_of(next(folder() / one.path for one in artifact.files if one.path.endswith(READINGS)))


def reads_again(given: Assignment, made: Artifact) -> Verdict:
    """Whether the first batch, made again with the same seed, gives the same readings."""
    rows = [row for row in readings_of(made) if row["batch"] == 1]
    source = source_of(folder(), chosen(given)["file"])
    answer = instrument.ask(
        instrument.Call(source, made.data["seed"], 1, tuple(row["inputs"] for row in rows))
    )
    again = [result[0] if result else None for result in answer.results]
    wrong = [row for row, result in zip(rows, again, strict=True) if row["result"] != result]
    reasons = (
        [f"{len(wrong)} of {len(rows)} experiments read otherwise when made again, first {wrong[0]}"]
        if wrong
        else []
    )
    seen = f"{len(rows)} experiments made again with seed {made.data['seed']}: {len(rows) - len(wrong)} read the same"
    return Verdict(accept=not reasons, by="reads_again", reasons=tuple(reasons), evidence=(seen,))
