"""The far side of the wall: the process in which a problem's own scorers run.

One rule: it gets artifacts as data and gives verdicts; what a scorer prints goes to standard error, and no error of
one candidate touches another.
"""

import os
import sys
from typing import TYPE_CHECKING, Any

import msgspec

from firm.lab.wall import isolation
from firm.lab.wall.channel import LENGTH, Hello, Request, framed

if TYPE_CHECKING:
    from firm.lab.wall.work import Work


def serve() -> None:
    """Answer requests until the desk is gone. Arguments: the desk's process id, and the source as JSON."""
    open_ways = isolation.shut_in(int(sys.argv[1]))
    source, sink = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb", buffering=0)
    with open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)  # what a scorer prints must not get between the answers
    work, hello = _open(sys.argv[2], sink, open_ways)
    sink.write(framed(hello))
    if work is None:
        return
    decoder = msgspec.msgpack.Decoder(Request)
    while len(head := source.read(LENGTH.size)) == LENGTH.size:
        work.answer(decoder.decode(source.read(LENGTH.unpack(head)[0])))


def _open(told: str, sink: Any, open_ways: tuple[str, ...]) -> "tuple[Work | None, Hello]":
    from firm.lab.load import evaluator_hash, find_problem
    from firm.lab.order import Source
    from firm.lab.problem import Problem
    from firm.lab.wall.work import Work

    try:
        source = msgspec.json.decode(told, type=Source)
        problem, found = find_problem(source), evaluator_hash(source)
        if not isinstance(problem, Problem):
            raise TypeError(f"{type(problem).__name__} is no Problem")
    except (Exception, SystemExit) as error:  # all of it is an answer
        return None, Hello(f"{type(error).__name__}: {error}", "", open_ways, isolation.used_us())
    return Work(problem, sink), Hello("", found, open_ways, isolation.used_us())
