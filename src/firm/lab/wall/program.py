"""A candidate that is a program: looked at, run in a box, and read.

One rule: nothing that it says counts. It is parsed before it is run, it runs where it can reach nothing, and one
regular file of strict JSON is all that is taken from it.
"""

import ast
import asyncio
import json
import math
import os
import stat
import sys
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from firm.lab.artifact import MAX_CHARS, Program
from firm.lab.candidate import Status
from firm.lab.problem import Stage
from firm.lab.wall.shape import ARTIFACT_BYTES
from firm.lab.wall.verdict import shortened
from firm.sandbox import Box, Finished, Limits, run

PROGRAM, INPUT, HARNESS, ARTIFACT = "program.py", "input.json", "harness.py", "artifact.json"
CANDIDATES = "firm-candidate-"
"""The folders of candidates begin with it, and with the number of the process that runs them."""
PROCESSES = 64
"""Processes and threads of a candidate at one time."""
DISK_BYTES = 64 << 20
OUTPUT_BYTES = 1 << 18
_ENVIRONMENT = {"PYTHONHASHSEED": "0", "OPENBLAS_NUM_THREADS": "1"}
_CPU = "firm-cpu-us"
_RUN = f"""
import atexit, os, resource, sys
def tell():
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    os.write(2, b"\\n{_CPU} %d\\n" % (1e6 * sum(each.ru_utime + each.ru_stime for each in used)))
atexit.register(tell)
__file__ = sys.argv[0] = sys.argv.pop(1)
del tell
exec(compile(open(__file__, "rb").read(), __file__, "exec"))
"""
"""Runs a file as if Python had been given it, and says at its end what that took."""


class Trouble(Exception):
    """Why a program gave nothing that can be scored."""

    def __init__(self, status: Status, why: str, cpu_us: int = 0) -> None:
        super().__init__(shortened(why))
        self.status, self.cpu_us = status, cpu_us


def check_source(program: Any, entry: str = "") -> None:
    """Whether it is Python, and defines what it has to.

    Args:
        program: The candidate.
        entry: Name of the function that it must define at its top; empty: any.

    Raises:
        Trouble: UNREADABLE, with the line and what is wrong there.
    """
    if not isinstance(program, str) or len(program) > MAX_CHARS:
        told = f"{len(program):,} characters" if isinstance(program, str) else type(program).__name__
        raise Trouble(
            Status.UNREADABLE, f"{told} where a program of at most {MAX_CHARS:,} characters is wanted"
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(program, PROGRAM)
    except SyntaxError as error:
        raise Trouble(Status.UNREADABLE, f"line {error.lineno}: {error.msg}") from None
    except (RecursionError, MemoryError):  # the parser's own limits
        raise Trouble(Status.UNREADABLE, "it is nested too deeply to be parsed") from None
    except ValueError as error:
        raise Trouble(Status.UNREADABLE, f"it cannot be parsed: {error}") from None
    if entry and entry not in set(_defined(tree.body)):
        raise Trouble(Status.UNREADABLE, f"it defines no function {entry!r}")


def _defined(body: list[ast.stmt]) -> Iterator[str]:
    """Names that running a source binds at its top."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from (alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.If | ast.Try):
            yield from _defined([*node.body, *node.orelse, *getattr(node, "finalbody", ())])


def run_program(program: str, kind: Program, stage: Stage) -> tuple[Any, int]:
    """What a program wrote, as plain data, and the processor time it took in microseconds.

    That time is the program's own word, at most what its processes could have used; where it does not give it, or a
    limit ended it, the time counts that went by outside.

    Raises:
        Trouble: it passed a limit (KILLED), ended with an error (FAILED), or wrote nothing that can be read.
        NotIsolated: this machine has no box that would hold it.
    """
    with tempfile.TemporaryDirectory(
        prefix=f"{CANDIDATES}{os.getpid()}-", ignore_cleanup_errors=True
    ) as name:
        folder = Path(name).resolve()
        (folder / PROGRAM).write_text(program, "utf-8", "surrogatepass")
        (folder / INPUT).write_bytes(msgspec.json.encode(stage.input))
        if kind.harness:
            (folder / HARNESS).write_text(kind.harness, "utf-8")
        box = Box(folder, readable=_interpreter(), env=_ENVIRONMENT, limits=_limits(stage))
        # -E and -s, and not -I, so that the harness can import the candidate that lies beside it
        file = HARNESS if kind.harness else PROGRAM
        done = asyncio.run(run((sys.executable, "-E", "-s", "-B", "-c", _RUN, file), box))
        said, cpu_us = _account(done, box.limits)
        try:
            _refuse(done, said, box.limits)
            return read_artifact(folder / ARTIFACT), cpu_us
        except Trouble as error:
            error.cpu_us = cpu_us
            raise


def _limits(stage: Stage) -> Limits:
    return Limits(
        wall_s=stage.wall_s,
        cpu_s=max(stage.wall_s, 1.0),
        memory_bytes=stage.memory_bytes,
        processes=PROCESSES,
        disk_bytes=DISK_BYTES,
        output_bytes=OUTPUT_BYTES,
    )


def _account(done: Finished, limits: Limits) -> tuple[str, int]:
    """The last line that a program wrote to standard error, and the processor time it took in microseconds."""
    took_us = round(1e6 * min(done.took_s, limits.wall_s))
    said, mark, told = done.stderr.decode("utf-8", "replace").rpartition(f"\n{_CPU} ")
    if not mark:
        said, told = told, ""
    used = int(told) if not done.stopped and told.strip().isascii() and told.strip().isdecimal() else took_us
    return said.strip().rpartition("\n")[2], min(used, took_us * PROCESSES)


def _interpreter() -> tuple[Path, ...]:
    """What must be shown of this Python, with what is installed beside it."""
    own = dict.fromkeys((Path(sys.prefix), Path(sys.base_prefix)))
    return tuple(folder for folder in own if not folder.is_relative_to("/usr"))


def _refuse(done: Finished, last: str, limits: Limits) -> None:
    """Say how it ended, unless well; `last` is the last line of its errors."""
    if stopped := done.stopped or (_starved(last) if done.code else ""):
        most = {
            "time": f"{limits.wall_s:g} s",
            "cpu": f"{limits.cpu_s:g} s of processor time",
            "memory": f"{limits.memory_bytes:,} bytes",
            "processes": f"{limits.processes} processes",
            "disk": f"{limits.disk_bytes:,} bytes",
            "output": f"{limits.output_bytes:,} bytes",
        }[stopped]
        raise Trouble(Status.KILLED, f"{stopped}: the program wanted more than {most}")
    if done.code:
        raise Trouble(Status.FAILED, f"the program ended with code {done.code}: {last or 'it said nothing'}")


def _starved(last: str) -> str:
    """The limit that a program ran into and ended by itself, by its last words; these are believed in this alone."""
    if last.startswith("MemoryError") or "bad_alloc" in last or "Cannot allocate memory" in last:
        return "memory"
    if last.startswith("BlockingIOError") or "start new thread" in last:
        return "processes"
    return ""


def read_artifact(path: Path) -> Any:
    """Plain data out of a file that nobody trusts.

    Raises:
        Trouble: UNREADABLE: it is not there, no regular file, too large, or no strict JSON of finite numbers.
    """
    try:
        number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise Trouble(Status.UNREADABLE, f"the program wrote no {ARTIFACT}") from None
    except OSError as error:
        raise Trouble(Status.UNREADABLE, f"{ARTIFACT} is no regular file: {error.strerror}") from None
    try:
        held = os.fstat(number)
        if not stat.S_ISREG(held.st_mode):
            raise Trouble(Status.UNREADABLE, f"{ARTIFACT} is no regular file")
        body = _read(number) if held.st_size <= ARTIFACT_BYTES else b""
    finally:
        os.close(number)
    if held.st_size > ARTIFACT_BYTES or len(body) > ARTIFACT_BYTES:
        raise Trouble(Status.UNREADABLE, f"{ARTIFACT} has {held.st_size:,} bytes; at most {ARTIFACT_BYTES:,}")
    return strict_json(body)


def _read(number: int) -> bytes:
    parts, left = list[bytes](), ARTIFACT_BYTES + 1
    while left and (part := os.read(number, left)):
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def strict_json(body: bytes) -> Any:
    """JSON in which every number is finite and every key stands once.

    Raises:
        Trouble: UNREADABLE, with what is wrong.
    """
    try:
        return json.loads(
            body.decode("utf-8"),
            parse_constant=_no_constant,
            parse_float=_finite,
            object_pairs_hook=_once,
        )
    except (ValueError, RecursionError) as error:
        raise Trouble(Status.UNREADABLE, f"{ARTIFACT} is no strict JSON: {error}") from None


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number of JSON")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is too large")
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands twice")
    return found
