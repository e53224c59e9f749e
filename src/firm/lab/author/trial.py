"""Running what a model wrote once in a box, before anything is paid for its score.

One rule: inside a run each trial is a step of its own; what comes out of the box is a file that is read without
following links, and believed by nobody.
"""

import asyncio
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import msgspec

from firm.kernel.definition import step
from firm.kernel.failure import readable
from firm.lab.artifact import Program, Vector, as_json
from firm.lab.author.harness import OPERATOR_HARNESS
from firm.lab.problem import Problem
from firm.lab.wall.program import ARTIFACT, HARNESS, INPUT, PROGRAM, Trouble, read_artifact
from firm.sandbox import Box, Finished, Limits, run

MAX_WHY_CHARS = 1_500
SMOKE_S = 0.2
SMOKE_MOST = 3
GRACE_S = 20.0
"""For the interpreter to start and for the last call of `improve` to end."""
KINDS = ("propose", "perturb", "perturb", "improve", "perturb")
"""What the harness does in turn."""
_ENV = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONHASHSEED": "0",
}
_beside: ContextVar[Problem | None] = ContextVar("firm_lab_author_problem", default=None)
"""The problem, which the journaled arguments of a trial do not repeat."""


class Trial(msgspec.Struct, frozen=True):
    """What became of one run in the box."""

    why: str = ""
    """What went wrong; '' where nothing did."""
    made: tuple[str, ...] = ()
    """Artifacts, of operators: a Vector's as JSON."""
    box_s: float = 0.0
    """Seconds from the box's start to its end."""


async def try_program(program: str, problem: Problem) -> Trial:
    """Run a candidate as the first stage would, and see whether it writes an artifact."""
    token = _beside.set(problem)
    try:
        trial: Trial = await _try_program(program)
        return trial
    finally:
        _beside.reset(token)


async def try_operators(
    program: str, problem: Problem, *, seed: int, seconds: float, most: int, elites: Sequence[bytes]
) -> Trial:
    """Make candidates with operators.

    Args:
        program: Defines `propose` and, where it likes, `improve` and `perturb`.
        problem: Of a Vector, or of a text that is JSON.
        seed: Of all the chance it is given.
        seconds: Processor seconds after which no further call is begun.
        most: Candidates at most.
        elites: Packed artifacts to start from.
    """
    token = _beside.set(problem)
    try:
        trial: Trial = await _try_operators(program, seed, seconds, most, list(elites))
        return trial
    finally:
        _beside.reset(token)


@step
async def _try_program(program: str) -> Trial:
    problem = _problem()
    kind, stage = problem.artifact, problem.stages[0]
    assert isinstance(kind, Program)
    files = {PROGRAM: program, INPUT: as_json(stage.input), HARNESS: kind.harness}
    limits = Limits(wall_s=stage.wall_s, cpu_s=max(stage.wall_s, 1.0), memory_bytes=stage.memory_bytes)
    _, why, box_s = await _boxed(HARNESS if kind.harness else PROGRAM, files, limits)
    return Trial(readable(why, MAX_WHY_CHARS), (), box_s)


@step
async def _try_operators(program: str, seed: int, seconds: float, most: int, elites: list[bytes]) -> Trial:
    problem = _problem()
    kind = problem.artifact
    vector = kind if isinstance(kind, Vector) else None
    told = {
        "seed": seed,
        "seconds": seconds,
        "most": most,
        "kinds": KINDS,
        "elites": [vector.flat(one).tolist() if vector else kind.unpack(one) for one in elites],
        "low": vector.lows.tolist() if vector else None,
        "high": vector.highs.tolist() if vector else None,
    }
    files = {PROGRAM: program, INPUT: as_json(told), HARNESS: OPERATOR_HARNESS}
    memory_bytes = problem.stages[0].memory_bytes
    limits = Limits(wall_s=4 * seconds + GRACE_S, cpu_s=2 * seconds + GRACE_S, memory_bytes=memory_bytes)
    artifact, why, box_s = await _boxed(HARNESS, files, limits)
    made, complaint = _made_of(artifact, problem)
    why = why or complaint or ("" if made else "it made no candidate")
    return Trial(readable(why, MAX_WHY_CHARS), tuple(made[:most]), box_s)


def _problem() -> Problem:
    found = _beside.get()
    assert found is not None
    return found


def _made_of(artifact: Any, problem: Problem) -> tuple[list[str], str]:
    """Artifacts that have the right form, each once, and the first complaint."""
    if not isinstance(artifact, dict) or not isinstance(artifact.get("made"), list):
        return [], ""
    why = str(artifact.get("why", ""))
    found: dict[str, None] = {}
    for one in artifact["made"]:
        try:
            found[_text_of(one, problem)] = None
        except (ValueError, TypeError) as error:
            why = why or f"a candidate has the wrong form: {error}"
    return list(found), why


def _text_of(one: Any, problem: Problem) -> str:
    kind = problem.artifact
    if isinstance(kind, Vector):
        return as_json(kind.unpack(kind.pack(one)))
    text = one if isinstance(one, str) else as_json(one)
    kind.pack(text)
    return text


def _why_of(done: Finished) -> str:
    """What went wrong with a run, for the model; '' where nothing did."""
    if done.stopped:
        return f"it was stopped: it passed its limit of {done.stopped}"
    if done.code:
        return (
            f"it ended with exit code {done.code}:\n{done.stderr.decode('utf-8', 'replace')[-MAX_WHY_CHARS:]}"
        )
    return ""


async def _boxed(name: str, files: Mapping[str, str], limits: Limits) -> tuple[Any, str, float]:
    """Run one of the files with Python in a folder of its own; what it wrote, what went wrong, and the seconds."""
    with tempfile.TemporaryDirectory(prefix="firm-author-") as made:
        folder = Path(made).resolve()
        for file, text in files.items():
            (folder / file).write_text(text, "utf-8", "surrogatepass")
        roots = dict.fromkeys((Path(sys.prefix), Path(sys.base_prefix)))
        seen = tuple(path for path in roots if not path.is_relative_to("/usr"))
        box = Box(folder, readable=seen, env=_ENV, limits=limits)
        done = await run((sys.executable, "-E", "-s", "-B", name), box)
        if why := _why_of(done):
            return None, why, done.took_s
        try:
            return await asyncio.to_thread(read_artifact, folder / ARTIFACT), "", done.took_s
        except Trouble as trouble:
            return None, str(trouble), done.took_s
