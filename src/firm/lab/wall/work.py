"""Scoring, in the scorer's process: from a request to its verdicts.

One rule: all that the founder's code raises is a verdict on the artifact at which it did, and never the end of the
others.
"""

import mmap
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from firm.lab.problem import Problem, Stage
from firm.lab.wall import isolation
from firm.lab.wall.channel import AT, FLUSH_S, PLACE, Answer, Answers, Request, framed
from firm.lab.wall.verdict import NoNumber, Verdict, judged, pooled, raised


class Work:
    """Scores artifacts and sends the verdicts, several at a time where they are cheap."""

    def __init__(self, problem: Problem, sink: Any) -> None:
        self._problem, self._sink = problem, sink
        self._loaded_bytes = isolation.data_bytes()
        self._held_bytes = 0
        self._pid = os.getpid()
        self._answers: list[Answer] = []
        self._sent = time.monotonic()
        with open(AT, "r+b") as file:
            self._at = mmap.mmap(file.fileno(), PLACE.size)

    def answer(self, request: Request) -> None:
        """Score what is asked for, in order."""
        stage = self._problem.stage(request.stage)
        if stage.memory_bytes != self._held_bytes:
            self._held_bytes = stage.memory_bytes
            isolation.hold_memory(self._loaded_bytes + stage.memory_bytes)
        self._sent = time.monotonic()
        if stage.batch:
            self._answer_batch(stage, request)
        else:
            self._answer_each(stage, request)
        self._send()

    def _answer_each(self, stage: Stage, request: Request) -> None:
        decode = msgspec.msgpack.decode
        for place, (artifact, seed) in enumerate(zip(request.artifacts, request.seeds, strict=True)):
            PLACE.pack_into(self._at, 0, place)
            self._add([_score(stage, decode(artifact), seed, len(self._problem.axes))])

    def _answer_batch(self, stage: Stage, request: Request) -> None:
        artifacts = [msgspec.msgpack.decode(artifact) for artifact in request.artifacts]
        PLACE.pack_into(self._at, 0, 0 if len(artifacts) == 1 else -1)
        verdicts = _score_batch(stage, artifacts, request.seeds, len(self._problem.axes))
        if verdicts is not None:
            self._add(verdicts)
            return
        for artifact, seed in zip(artifacts, request.seeds, strict=True):  # find out at which one it raised
            alone = _score_batch(stage, [artifact], (seed,), len(self._problem.axes))
            self._add(alone or [])

    def _add(self, verdicts: Sequence[Verdict]) -> None:
        for each in verdicts:
            self._answers.append(
                Answer(
                    int(each.status), each.value, each.slack, each.missed, each.nearest, each.why,
                    each.descriptors, each.others, each.said, each.cpu_us,
                )
            )  # fmt: skip
        if time.monotonic() - self._sent > FLUSH_S:
            self._send()

    def _send(self) -> None:
        if os.getpid() != self._pid:  # a scorer has started a copy of itself that came back
            os._exit(0)
        if not self._answers:
            return
        left = memoryview(framed(Answers(tuple(self._answers), isolation.used_us())))
        while left:
            left = left[self._sink.write(left) :]
        self._answers.clear()
        self._sent = time.monotonic()


def _score(stage: Stage, artifact: Any, seed: int, axes: int) -> Verdict:
    """One artifact, once or as often as the stage says."""
    if stage.repeats == 1:
        return _draw(lambda: stage.score(artifact), axes)
    return pooled([_draw(lambda n=n: stage.score(artifact, seed + n), axes) for n in range(stage.repeats)])  # type: ignore[misc]


def _draw(score: Callable[[], Any], axes: int) -> Verdict:
    began = isolation.used_us()
    try:
        verdict = judged(score(), axes=axes)
    except (Exception, SystemExit, KeyboardInterrupt, GeneratorExit) as error:  # all of it is a verdict
        verdict = raised(error)
    return replace(verdict, cpu_us=isolation.used_us() - began)


def _score_batch(stage: Stage, artifacts: list[Any], seeds: Sequence[int], axes: int) -> list[Verdict] | None:
    """All of a batch; None where it raised or gave too few, and there are several that may be guilty."""
    began = isolation.used_us()
    draws: list[list[Verdict]] = [[] for _ in artifacts]
    try:
        for n in range(stage.repeats):
            more = ([seed + n for seed in seeds],) if stage.repeats > 1 else ()
            answer: Any = stage.score(list(artifacts), *more)
            results = list(answer)
            if len(results) != len(artifacts):
                raise NoNumber(f"the scorer gave {len(results)} results for {len(artifacts)} artifacts")
            for place, result in enumerate(results):
                draws[place].append(judged(result, axes=axes))
    except (Exception, SystemExit, KeyboardInterrupt, GeneratorExit) as error:  # all of it is a verdict
        if len(artifacts) > 1:
            return None
        draws = [[raised(error)]]
    each_us = (isolation.used_us() - began) // len(artifacts)
    return [replace(some[0] if len(some) == 1 else pooled(some), cpu_us=each_us) for some in draws]
