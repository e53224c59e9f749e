"""What a mission has to do with: the repository, how its tests are run, its files; and what a run of the tests said.

One rule: what cannot be worked on is refused here, before anything is written.
"""

from pathlib import Path

import msgspec

from firm.agent.repository.command import Checks, find_tests, level_of
from firm.agent.repository.git import Where, git, paths, shown
from firm.agent.repository.look import Found, look
from firm.agent.repository.order import Order, Tally
from firm.errors import NotIsolated, UsageError
from firm.sandbox import Box, probe
from firm.sandbox.box import check

MOST_ROUNDS = 50
MOST_FILES = 20_000
"""Whose names are kept."""


class Scene(msgspec.Struct, frozen=True):
    """What a mission has to do with."""

    found: Found
    tests: Checks
    files: tuple[str, ...]
    """Of the commit."""


class Judged(msgspec.Struct, frozen=True):
    """What the tests said of a tree."""

    tally: Tally
    text: str
    """The end of what they printed."""


def scene_of(order: Order) -> Scene:
    """Look at what is asked for; nothing is written.

    Raises:
        UsageError: no repository to work on, no tests, or an order that cannot be.
        NotIsolated: this machine has less isolation than is asked for.
    """
    if not order.mission.strip():
        raise UsageError("the mission is empty; say in words what shall be reached")
    if not 1 <= order.rounds <= MOST_ROUNDS:
        raise UsageError(f"rounds={order.rounds!r}; give 1 to {MOST_ROUNDS}")
    level = level_of(order.isolation)
    check(("true",), Box(Path("/usr"), tuple(Path(path) for path in order.readable)))
    found = look(order.repository)
    where = Where(Path(found.common))
    files = [shown(path) for path in paths(git(where, "ls-tree", "-r", "-z", "--name-only", found.head))]

    def read(path: str) -> str:
        return git(where, "cat-file", "blob", f"{found.head}:{path}").decode("utf-8", "replace")

    tests = find_tests(Path(found.top), frozenset(files), read, order.tests)
    tests = msgspec.structs.replace(tests, readable=(*tests.readable, *order.readable), at_least=level)
    able = probe()
    if able.level < level:
        raise NotIsolated(
            f"tests and commands of an agent need isolation {level.word!r}, and this machine has "
            f"{able.level.word!r}: {able.why}. With --isolation limits they run with what is there, and then "
            "they can read and change whatever you can"
        )
    return Scene(found, tests, tuple(files[:MOST_FILES]))
