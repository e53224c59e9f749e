"""The desk: where candidates are handed in, and verdicts come back.

One rule: nothing that a candidate or a scorer does is raised here; it is a verdict. A limit that is passed ends the
scorer's process with all that it started; those that were waiting behind the guilty one are scored by a new one.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Self

import msgspec

from firm.errors import NotIsolated, UsageError
from firm.lab.artifact import Program
from firm.lab.candidate import Status
from firm.lab.load import evaluator_hash
from firm.lab.order import Source
from firm.lab.problem import Problem, Stage
from firm.lab.wall.channel import Answer, Request
from firm.lab.wall.process import GRACE_S, START_S, Died, Late, ScorerProcess
from firm.lab.wall.program import Trouble, check_source, run_program
from firm.lab.wall.shape import Unfit, checker, packed
from firm.lab.wall.verdict import Verdict, refused

_STATUS = tuple(Status)


def open_desk(source: Source, problem: Problem) -> "Desk":
    """A desk for a problem; its scorer is started when it is first needed.

    Use it from one thread, which outlives it: on Linux the scorer is killed when the thread that started it ends.
    """
    return Desk(source, problem)


class Desk:
    """Keeps one scorer alive between calls; a context manager."""

    def __init__(self, source: Source, problem: Problem) -> None:
        self._source, self._problem = source, problem
        self._check = checker(problem.artifact)
        self._scorer: ScorerProcess | None = None
        self._ended_us = 0
        self._boxes_us = 0
        self.not_held: tuple[str, ...] = ()
        """What this machine cannot keep from the scorer: 'network', 'memory'; known after the first score."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def cpu_s(self) -> float:
        """Processor seconds of scorers and boxes so far, with all that they started."""
        running_us = self._scorer.cpu_us if self._scorer is not None else 0
        return (self._ended_us + self._boxes_us + running_us) / 1e6

    @property
    def evaluator(self) -> str:
        """Hash of what the scorer has loaded; of what lies there now, where none is running."""
        return self._scorer.hello.evaluator if self._scorer is not None else evaluator_hash(self._source)

    def close(self) -> None:
        """End the scorer; the desk may be used again."""
        if self._scorer is not None:
            self._scorer.end()
            self._ended_us += self._scorer.cpu_us
            self._scorer = None

    def score(self, stage: int, artifacts: Sequence[Any], seeds: Sequence[int]) -> list[Verdict]:
        """Score artifacts at one stage, in order.

        Args:
            stage: Index as in `Problem.stage`.
            artifacts: In JSON form; of a Program what it wrote, of a Prompt `[[input, expected, answer], …]`.
            seeds: One for each; a stage without repeats does not look at them.

        Raises:
            UsageError: no such stage, or not one seed for each artifact. Nothing that a candidate or scorer does.
        """
        if len(seeds) != len(artifacts) or not 0 <= stage <= len(self._problem.stages) + 1:
            raise UsageError(f"stage {stage!r}, {len(artifacts)} artifacts and {len(seeds)} seeds do not fit")
        held = self._problem.stage(stage)
        found, waiting = dict[int, Verdict](), dict[int, bytes]()
        for place, artifact in enumerate(artifacts):
            try:
                waiting[place] = packed(self._check(artifact, held))
            except Unfit as error:
                found[place] = refused(Status.UNREADABLE, str(error))
        alone = False
        while waiting:
            asked = dict(list(waiting.items())[:1]) if alone else waiting
            some = self._ask(stage, asked, {place: seeds[place] for place in asked})
            alone = alone or not some  # it cannot be told which one is guilty: one by one
            found |= some
            waiting = {place: body for place, body in waiting.items() if place not in some}
        return [found[place] for place in range(len(artifacts))]

    def execute(self, stage: int, program: str) -> tuple[Any, Verdict | None]:
        """Run a candidate that is a program in a box, and read what it wrote.

        Gives the value of its `artifact.json`, which is to be scored as data, and None; or None and a verdict that
        says what went wrong. The calling thread must not run an event loop.

        Raises:
            UsageError: the problem's artifact is no Program.
        """
        kind, held = self._problem.artifact, self._problem.stage(stage)
        if not isinstance(kind, Program):
            raise UsageError(
                f"problem {self._problem.name!r} has no programs to run; its artifact is a {type(kind).__name__}"
            )
        try:
            check_source(program, kind.entry)
            made, cpu_us = run_program(program, kind, held)
        except Trouble as error:
            self._boxes_us += error.cpu_us
            return None, replace(refused(error.status, str(error)), cpu_us=error.cpu_us)
        except NotIsolated as error:
            return None, refused(Status.FAILED, str(error))
        self._boxes_us += cpu_us
        return made, None

    def _ask(self, stage: int, bodies: dict[int, bytes], seeds: dict[int, int]) -> dict[int, Verdict]:
        """Verdicts on some of those that are asked for, by place: those the scorer gave, and on one that ended it.

        Nothing at all where it ended, and it cannot be told at which of several.
        """
        held, places, found = self._problem.stage(stage), list(bodies), dict[int, Verdict]()
        try:
            scorer = self._running()
        except (Died, Late) as error:
            why = "the scorer could not be started: " + (
                str(error) or f"it was not ready after {START_S:g} s"
            )
            return {place: refused(Status.FAILED, why) for place in places}
        try:
            scorer.ask(Request(stage, tuple(map(msgspec.Raw, bodies.values())), tuple(seeds.values())))
            while len(found) < len(places):
                for place, answer in zip(
                    places[len(found) :], scorer.answers(held.wall_s + GRACE_S).answers, strict=False
                ):
                    found[place] = _verdict(answer)
        except (Died, Late) as error:
            at, told_us = scorer.at() if len(places) > 1 else 0, scorer.cpu_us
            self.close()
            if len(found) <= at < len(places):
                found[places[at]] = replace(_ended(error, held), cpu_us=scorer.cpu_us - told_us)
        except BaseException:  # its answers, still to come, would be taken for those of the next call
            self.close()
            raise
        return found

    def _running(self) -> ScorerProcess:
        if self._scorer is None:
            self._scorer = ScorerProcess(self._source)
            self.not_held = self._scorer.hello.open
        return self._scorer


def _verdict(answer: Answer) -> Verdict:
    return Verdict(
        _STATUS[answer.status], answer.value, answer.slack, answer.missed, answer.nearest, answer.why,
        answer.descriptors, answer.others, answer.said, answer.cpu_us,
    )  # fmt: skip


def _ended(error: Died | Late, stage: Stage) -> Verdict:
    """The verdict on the artifact at which the scorer was killed or died."""
    if isinstance(error, Late):
        return refused(Status.KILLED, f"time: the scorer took longer than {stage.wall_s:g} s (wall_s)")
    why = str(error)
    if "SIGKILL" in why or "bad_alloc" in why or "MemoryError" in why:
        return refused(
            Status.KILLED, f"memory: {why}; its stage may have {stage.memory_bytes:,} bytes (memory_bytes)"
        )
    return refused(Status.FAILED, why)


def rescore(source: Source, problem: Problem, stage: int, artifact: Any, *, seed: int = 0) -> Verdict:
    """Score one candidate once more, in a process of its own that has scored nothing else.

    A score that depends on what was scored before, or on the time, comes out differently here (see `agree`).

    Args:
        source: Where the problem is stated.
        problem: The same, loaded.
        stage: Index as in `Problem.stage`.
        artifact: In JSON form; of a Program its source, which is run again.
        seed: As it was scored with.
    """
    with open_desk(source, problem) as desk:
        if isinstance(problem.artifact, Program):
            artifact, trouble = desk.execute(stage, artifact)
            if trouble is not None:
                return trouble
        return desk.score(stage, [artifact], [seed])[0]
