"""The first look at a problem: what scores it, what that costs, what its baselines are worth.

One rule: it is paid for like the rest of the search, recorded once, and refuses what cannot end well before more is
paid.
"""

import time
from contextlib import suppress

import numpy as np

from firm.errors import UsageError
from firm.kernel.context import current_step
from firm.kernel.definition import Retry, step
from firm.kernel.journal import Row, own_key
from firm.lab.artifact import Prompt, Vector
from firm.lab.burst import LONGEST_S, problem_at
from firm.lab.candidate import BOOK, Block, Status, block_key
from firm.lab.checking import score_one
from firm.lab.commission import model_arms
from firm.lab.judging import Judge
from firm.lab.load import evaluator_hash, evaluator_parts
from firm.lab.order import Order, Source
from firm.lab.problem import Problem
from firm.lab.proposer import arms_for, open_proposer
from firm.lab.proposer.protocol import Proposal
from firm.lab.survey import BaselineFacts, Form, StageFacts, Survey, known_of
from firm.lab.wall.desk import open_desk

TRIED = 8
"""So many candidates are made by chance and scored, of expensive ones fewer."""
DEAR_S = 1.0
"""Where the first takes so many processor seconds, it is the only one."""


@step(cpu=True, retry=Retry(attempts=3), timeout_s=LONGEST_S)
def look(source: Source, seed: int, run: str, models: tuple[str, ...] = (), number: int = 0) -> Survey:
    """Read the problem, and score a few candidates, which are kept as the block of this number.

    Raises:
        UsageError: the problem cannot be meant, or its scorer fails on everything with the same error.
    """
    began = time.process_time()
    problem = problem_at(source)
    evaluator = evaluator_hash(source)
    with open_desk(source, problem) as desk:
        order = Order(run, number, source, evaluator, "chance", seed=seed, size=TRIED, audit=1.0)
        rng = np.random.Generator(np.random.Philox(key=seed))
        judge = Judge(problem, desk, order, rng)
        _try_some(problem, judge)
        _refuse_broken(problem, judge)
        tallies = judge.tallies()
        stages = tuple(
            StageFacts(
                stage.name, stage.trust, stage.keep, tally.cpu_s / tally.scored if tally.scored else None
            )
            for stage, tally in zip(problem.stages, tallies, strict=True)
        )
        cpu_s = time.process_time() - began + desk.cpu_s
    rows = tuple(judge.rows)
    block = Block(number, "chance", 0, 0, seed, evaluator, "", "", round(cpu_s * 1e6), rows).encode()
    current_step().also(Row(BOOK, own_key(run, block_key(number)), block))
    final = problem.final
    return Survey(
        problem.name,
        problem.question,
        Form.of(problem.artifact),
        problem.objective,
        problem.others,
        problem.axes,
        stages,
        StageFacts(final.name, final.trust, 1.0),
        problem.holdout.name if problem.holdout else "",
        evaluator,
        evaluator_parts(source),
        problem.arms or arms_for(problem),
        problem.allowance,
        problem.burst_s,
        problem.burst,
        problem.bound,
        known_of(problem),
        problem.too_good,
        tuple(BaselineFacts(one.name, one.value, one.source) for one in problem.baselines),
        source.path.rpartition("/")[2],
        model_arms(problem, models),
        _start(problem),
        len(judge.rows),
        judge.statuses()[Status.VALID],
        cpu_s,
    )


def _try_some(problem: Problem, judge: Judge) -> None:
    """A few candidates by chance; of a prompt none, for a model would have to answer."""
    kind = problem.artifact
    if isinstance(kind, Prompt):
        return
    if not isinstance(kind, Vector):
        judge.judge([Proposal(kind.start)])
        return
    proposer = open_proposer("chance", problem, judge.rng, state=b"", elites=())
    began = time.process_time() + judge.desk.cpu_s
    while len(judge.rows) < TRIED and time.process_time() + judge.desk.cpu_s - began < DEAR_S * (
        len(judge.rows) or 1
    ):
        proposals = proposer.ask(1)
        if not proposals:
            return
        proposer.tell(judge.judge(proposals))


def _start(problem: Problem) -> tuple[tuple[bytes, tuple[int, ...]], ...]:
    """What the search begins with: the first text, and what baselines are made of."""
    kind = problem.artifact
    first = [] if isinstance(kind, Vector) else [kind.start]
    found: dict[bytes, tuple[int, ...]] = {}
    for artifact in (*first, *(one.artifact for one in problem.baselines if one.artifact is not None)):
        with suppress(ValueError, TypeError):  # a baseline of another shape is shown, and not begun with
            found[kind.pack(artifact)] = ()
    return tuple(found.items())


def _refuse_broken(problem: Problem, judge: Judge) -> None:
    """A scorer that fails on everything it was given is a mistake in the problem's file, not a hard problem."""
    failed = [row for row in judge.rows if row.status is Status.FAILED]
    if (
        failed
        and len(failed) == len(judge.rows)
        and len({row.why for row in failed}) == 1
        and len(failed) > 1
    ):
        raise UsageError(
            f"the scorer of {problem.name!r} failed on all of {len(failed)} candidates: {failed[0].why}; "
            "mend the scorer, or raise Invalid where an artifact is no solution"
        )


@step(cpu=True, retry=Retry(attempts=3), timeout_s=LONGEST_S)
def score_baselines(source: Source, evaluator: str, seed: int) -> list[BaselineFacts]:
    """Each baseline with an artifact, by what verifies and by the hold-out; the others as they are known."""
    problem = problem_at(source)
    found: list[BaselineFacts] = []
    count = len(problem.stages)
    with open_desk(source, problem) as desk:
        for one in problem.baselines:
            if one.artifact is None or isinstance(problem.artifact, Prompt):
                found.append(BaselineFacts(one.name, one.value, one.source))
                continue
            said = score_one(problem, desk, count, one.artifact, seed)
            good = said.status is Status.VALID
            holdout = score_one(problem, desk, count + 1, one.artifact, seed) if problem.holdout else None
            found.append(
                BaselineFacts(
                    one.name,
                    said.value if good else None,
                    one.source,
                    holdout.value if holdout and holdout.status is Status.VALID else None,
                    "" if good else said.why,
                )
            )
    return found
