"""The instrument behind its wall: a process of its own, without keys or anything of the caller's environment.

One rule: what crosses are numbers. Who searches for the law never loads the file in which the phenomenon is stated.
"""

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from firm.errors import UsageError
from firm.lab.order import Source
from firm.lab.phenomenon.finding import Quantity, Sheet
from firm.lab.phenomenon.phenomenon import Phenomenon

if TYPE_CHECKING:
    from collections.abc import Sequence

WALL_S = 300.0
"""Seconds for one batch of experiments; then the process is killed."""


class Call(msgspec.Struct, frozen=True):
    """What the other side is asked; without rows it describes itself."""

    source: Source
    seed: int = 0
    batch: int = 0
    rows: tuple[tuple[float, ...], ...] = ()


class Answer(msgspec.Struct, frozen=True):
    """What it answers; an empty result is an experiment that failed."""

    sheet: Sheet | None = None
    results: tuple[tuple[float, ...], ...] = ()
    trouble: str = ""
    whys: tuple[str, ...] = ()
    """Why experiments failed, at most 3."""


def describe(source: Source) -> Sheet:
    """What may be known of a phenomenon.

    Raises:
        UsageError: there is no such phenomenon.
    """
    sheet = ask(Call(source)).sheet
    assert sheet is not None
    return sheet


def ask(call: Call, *, wall_s: float = WALL_S) -> Answer:
    """Let the process answer one call.

    Raises:
        UsageError: the phenomenon cannot be loaded, or its instrument died or hung.
    """
    environment = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "OPENBLAS_NUM_THREADS": "1"}
    program = "from firm.lab.phenomenon.instrument import serve; serve()"
    try:
        done = subprocess.run(
            [sys.executable, "-c", program],
            input=msgspec.json.encode(call),
            capture_output=True,
            env=environment,
            timeout=wall_s,
            check=False,
            start_new_session=True,  # Ctrl-C parks the firm; it is no failure of the instrument
        )
    except subprocess.TimeoutExpired:
        raise UsageError(
            f"the instrument {call.source.name!r} gave no answer in {wall_s:g} s to {len(call.rows)} experiments; "
            "make it faster"
        ) from None
    if done.returncode:
        last = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:] or ["it said nothing"]
        raise UsageError(f"the instrument {call.source.name!r} ended with code {done.returncode}: {last[0]}")
    answer = msgspec.json.decode(done.stdout, type=Answer)
    if answer.trouble:
        raise UsageError(answer.trouble)
    return answer


def serve() -> None:
    """The other side: one call from standard input, one answer to standard output."""
    sink = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what the instrument prints must not get into the answer
    call = msgspec.json.decode(sys.stdin.buffer.read(), type=Call)
    try:
        answer = answered(call)
    except UsageError as error:
        answer = Answer(trouble=str(error))
    sink.write(msgspec.json.encode(answer))
    sink.flush()


def answered(call: Call) -> Answer:
    """In this process: load the phenomenon and carry out the call."""
    from firm.lab.load import find_problem

    found: Any = find_problem(call.source)
    if not isinstance(found, Phenomenon):
        raise UsageError(
            f"{call.source.path}:{call.source.name} is a {type(found).__name__}, and no Phenomenon"
        )
    if not call.rows:
        return Answer(sheet=sheet_of(found))
    return measured(found, call.rows, seed=call.seed, batch=call.batch)


def sheet_of(phenomenon: Phenomenon) -> Sheet:
    """All but the instrument."""
    inputs = tuple(
        Quantity(each.name, each.unit, each.low, each.high, *each.reach, log=each.log, start=each.start)
        for each in phenomenon.inputs
    )
    return Sheet(
        phenomenon.name,
        phenomenon.question,
        inputs,
        tuple((each.name, each.unit) for each in phenomenon.outputs),
        phenomenon.experiments,
        phenomenon.price,
        phenomenon.times,
        phenomenon.rivals,
    )


def measured(phenomenon: Phenomenon, rows: "Sequence[tuple[float, ...]]", *, seed: int, batch: int) -> Answer:
    """Make the experiments; all chance comes from seed and batch."""
    names = [each.name for each in phenomenon.inputs]
    size = max(1, len(phenomenon.times)) * len(phenomenon.outputs)
    results: list[tuple[float, ...]] = []
    whys: list[str] = []
    for index, row in enumerate(rows):
        rng = np.random.Generator(np.random.Philox(key=[seed, batch * 1_000_000 + index]))
        try:
            flat = np.asarray(phenomenon.measure(dict(zip(names, row, strict=True)), rng), float).reshape(-1)
            if flat.size != size or not np.isfinite(flat).all():
                raise ValueError(f"gave {flat.size} numbers where {size} finite ones are wanted")
            results.append(tuple(flat.tolist()))
        except Exception as error:  # whatever an instrument does, the experiment has failed
            results.append(())
            whys.append(f"{dict(zip(names, row, strict=True))}: {type(error).__name__}: {error}"[:300])
    return Answer(results=tuple(results), whys=tuple(whys[:3]))
