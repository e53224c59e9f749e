"""Regular expressions that a model wrote, searched in a process that can be stopped.

One rule: no pattern holds up this process. Python's engine may take longer than the universe for one line, and keeps
every thread of a process waiting meanwhile, so it runs in another, which is killed when its time is over.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import msgspec

from firm.agent.kit.boxed import run_ours
from firm.agent.kit.text import lines_of
from firm.agent.workspace import workspace_here
from firm.errors import UsageError
from firm.sandbox import Limits

SEARCH_S = 10.0
"""Longest that one search may take."""
MAX_PATTERN_CHARS = 2_000
MAX_LINE_CHARS = 400
"""Characters of a line that comes back."""
Place = tuple[str, int, str]
"""Path, number of the line from 1, the line."""

PROGRAM = r"""
import json, re, sys
source = sys.stdin.buffer
pattern, most, width = json.loads(source.readline())
try:
    search = re.compile(pattern).search
except (re.error, RecursionError, OverflowError) as error:
    sys.exit(f"no regular expression: {error}")
while head := source.readline():
    path, size = json.loads(head)
    for number, line in enumerate(source.read(size).decode().split("\n"), 1):
        if search(line):
            print(json.dumps([path, number, line[:width]]))
            most -= 1
            if most < 0:
                sys.exit()
"""


@dataclass(frozen=True, slots=True)
class Matches:
    """What a search came to."""

    places: list[Place]
    more: bool
    """There are more than were asked for."""
    files: int
    """How many were searched."""
    left_out: int


async def search(
    pattern: str, texts: Callable[[], Iterable[tuple[str, str | None]]], *, most: int
) -> Matches:
    """Find the lines that a regular expression matches.

    Args:
        texts: Gives path and text of each file, None for one that is left out; called in a thread.
        most: How many lines at most.

    Raises:
        UsageError: the expression is wrong, or took too long.
    """
    if not pattern or len(pattern) > MAX_PATTERN_CHARS:
        raise UsageError(f"pattern {pattern!r:.80}: give 1 to {MAX_PATTERN_CHARS:,} characters")
    packed, files, left_out = await asyncio.to_thread(_packed, pattern, texts, most)
    limits = Limits(wall_s=SEARCH_S, cpu_s=SEARCH_S)
    done = await run_ours(("-c", PROGRAM), workspace_here(), stdin=packed, limits=limits)
    if done.stopped:
        raise UsageError(
            f"pattern {pattern!r:.200} took longer than {SEARCH_S:g} s: search fewer files, or put it in another way, "
            "without repeats inside repeats such as (a+)+"
        )
    if done.code:
        told = done.stderr[-300:].decode("utf-8", "replace").strip()
        raise UsageError(
            f"pattern {pattern!r:.200}: {told}; mend it, with \\ before each sign that is meant as such"
        )
    places = [msgspec.json.decode(line, type=Place) for line in done.stdout.splitlines()]
    return Matches(places[:most], len(places) > most, files, left_out)


def _packed(
    pattern: str, texts: Callable[[], Iterable[tuple[str, str | None]]], most: int
) -> tuple[bytes, int, int]:
    """What the program reads, and how many files are in it and were left out."""
    encode, parts, left_out, files = msgspec.json.encode, list[bytes](), 0, 0
    parts.append(encode((pattern, most, MAX_LINE_CHARS)) + b"\n")
    for path, text in texts():
        if text is None:
            left_out += 1
            continue
        body = "\n".join(lines_of(text)).encode()
        parts += (encode((path, len(body))), b"\n", body)
        files += 1
    return b"".join(parts), files, left_out
