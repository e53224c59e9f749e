"""A burst: what one worker does between two records, in a process of its own.

One rule: it knows only its order. The same order gives the same candidates, unless the order is bounded by time; then
it gives the first so many of them.
"""

import time

import numpy as np

from firm.errors import UsageError
from firm.kernel.context import current_step
from firm.kernel.definition import Retry, step
from firm.kernel.journal import Row, own_key
from firm.lab.artifact import Prompt
from firm.lab.candidate import BOOK, Block, block_hash, block_key
from firm.lab.judging import Judge, best_of
from firm.lab.load import evaluator_hash, find_problem
from firm.lab.order import Order, Report, Source
from firm.lab.phenomenon import Phenomenon
from firm.lab.problem import Problem
from firm.lab.proposer import open_proposer
from firm.lab.proposer.protocol import Proposal
from firm.lab.wall.desk import Desk, open_desk

BEST = 16
"""So many of the best of a burst are reported, beside those for the archive's cells."""
LONGEST_S = 3_600.0
"""A burst that takes longer is ended and begun anew; a stage's own limits are far below it."""


class Room:
    """A problem with its scorer, kept by a worker's process between bursts."""

    def __init__(self, source: Source, evaluator: str) -> None:
        self.source = source
        self.evaluator = evaluator
        self.problem = problem_at(source)
        self.desk: Desk = open_desk(source, self.problem)

    def close(self) -> None:
        """End the scorer."""
        self.desk.close()


_rooms: list[Room] = []
"""The room this process last worked in; at most one."""


def problem_at(source: Source) -> Problem:
    """The problem, and no phenomenon.

    Raises:
        UsageError: as `find_problem`, or it is a phenomenon.
    """
    found = find_problem(source)
    if isinstance(found, Phenomenon):
        raise UsageError(f"{source.path}:{source.name} is a phenomenon: it is understood, not searched")
    return found


def room_for(source: Source) -> Room:
    """The problem and its scorer, opened at most once for a state of the problem's files."""
    evaluator = evaluator_hash(source)
    if _rooms and (_rooms[0].source, _rooms[0].evaluator) == (source, evaluator):
        return _rooms[0]
    while _rooms:
        _rooms.pop().close()
    _rooms.append(Room(source, evaluator))
    return _rooms[0]


@step(cpu=True, retry=Retry(attempts=3), timeout_s=LONGEST_S)
def burst(order: Order) -> Report:
    """Make and score candidates as the order says; the block is written together with the report."""
    began, cpu = time.monotonic(), time.process_time()
    try:
        room = room_for(order.source)
    except UsageError as error:
        return Report(order.number, "", evaluator="?", trouble=str(error))
    if room.evaluator != order.evaluator:
        return Report(order.number, "", evaluator=room.evaluator, trouble="the evaluator has changed")
    spent = room.desk.cpu_s
    judge, state = work(order, room.problem, room.desk, began_cpu_s=cpu)
    cpu_s = time.process_time() - cpu + room.desk.cpu_s - spent
    block = Block(
        order.number,
        order.arm,
        order.island,
        order.counter,
        order.seed,
        order.evaluator,
        order.model,
        order.effort,
        round(cpu_s * 1e6),
        tuple(judge.rows),
    ).encode()
    current_step().also(Row(BOOK, own_key(order.run, block_key(order.number)), block))
    return Report(
        order.number,
        block_hash(block),
        len(block),
        len(judge.rows),
        judge.statuses(),
        cpu_s,
        time.monotonic() - began,
        best_of(judge.elites, room.problem, most=BEST),
        judge.nearest if judge.nearest[0] else ("", 0.0),
        judge.tallies(),
        judge.whys(),
        state,
        room.evaluator,
    )


def work(order: Order, problem: Problem, desk: Desk, *, began_cpu_s: float) -> tuple[Judge, bytes]:
    """Ask, score and tell until the order is carried out; the state that the island goes on from.

    Args:
        order: What is to be done.
        problem: What for.
        desk: The scorer.
        began_cpu_s: This process's own clock of processor time when the burst began.
    """
    rng = np.random.Generator(np.random.Philox(key=order.seed))
    judge = Judge(problem, desk, order, rng)
    if order.given or order.model or isinstance(problem.artifact, Prompt):
        kind = problem.artifact
        flat = getattr(kind, "flat", kind.unpack)
        judge.judge([Proposal(flat(packed), parents) for packed, parents in order.given])
        return judge, order.state
    proposer = open_proposer(order.arm, problem, rng, state=order.state, elites=order.elites)
    spent = desk.cpu_s
    while (left := order.size - len(judge.rows)) > 0:
        used = time.process_time() - began_cpu_s + desk.cpu_s - spent
        if order.seconds and used >= order.seconds and judge.rows:
            break
        proposals = proposer.ask(min(left, order.batch))
        if not proposals:
            return judge, b""
        proposer.tell(judge.judge(proposals))
    return judge, proposer.save()
