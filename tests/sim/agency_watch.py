"""What must hold of agents in each history, besides the invariants of the kernel and of money.

A1: each turn is asked and answered once, and turns are counted through. A2: no call is made twice, and none that was
refused. A3: what the model is shown is the same in every life, and only grows, or begins from a summary. A4: an answer
counts only if all beside it went well. A5: what the window holds after a replay is what it held live.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random
from typing import Any
from unittest.mock import patch

import msgspec

from firm.agent.compaction import BEGUN
from firm.agent.context import window_of
from firm.agent.loop import Loop
from firm.agent.notes import notes_of
from firm.agent.output import FINAL
from firm.agent.window import STATE, Window
from firm.errors import UsageError
from firm.kernel import current_run, current_step
from firm.kernel.journal import Event, Kind
from firm.kernel.mark import plain
from firm.kernel.status import Status
from firm.model import Reply
from firm.model.message import Message, ToolCall, ToolResult
from firm.model.request import Request
from firm.testing import world
from firm.testing.door import at_once
from firm.testing.history import Place
from firm.testing.invariant import Evidence
from firm.testing.replay import replayed

Messages = tuple[Message, ...]
PREFIXES = 2
"""Of each history, prefixes after which the window is made again."""
_TURN = re.compile(r"(compaction(, try \d+,)? after )?(\d+)")
_reply = msgspec.msgpack.Decoder(Reply).decode


@dataclass(frozen=True)
class Turn:
    """One reply that the journal has."""

    place: Place
    words: tuple[str, ...]
    """The step's journaled arguments."""
    asked: Messages
    reply: Reply

    @property
    def number(self) -> int:
        """As it stands in the words."""
        found = _TURN.fullmatch(self.words[2])
        assert found is not None, self.words
        return int(found[3])

    @property
    def sums_up(self) -> bool:
        """Whether it is a summary."""
        return self.words[2].startswith("compaction")


def held(window: Window) -> tuple[Any, ...]:
    """All that a window is."""
    counts = window.turns, window.tokens, window.compactions, window.results
    return window.mark, counts, window.notes, tuple(window.messages)


class Watch:
    """Looks on at the agents of one history.

    Args:
        answers: What their model says.
    """

    def __init__(self, answers: Callable[[Request], Reply]) -> None:
        self._answers = answers
        self._asking: list[tuple[int, Place, tuple[Any, ...]]] = []
        """When a request was made, in which call, and what the window held."""
        self._ends: dict[tuple[str, int], tuple[Any, ...]] = {}
        """Run, generation -> what the window held when it ended."""

    def answer(self, request: Request) -> Reply:
        """What the model says; called in the step that asks it."""
        run = current_run()
        where = run.id, run.generation, current_step().place
        self._asking.append((world().history.next(), where, held(run.state[STATE])))
        return self._answers(request)

    @contextmanager
    def looking_on(self) -> Iterator[None]:
        """While this lasts it is noted with what each run of an agent ends."""
        go_round, ends = Loop.run, self._ends

        async def run(self: Loop) -> Any:
            here = current_run()
            try:
                return await go_round(self)
            finally:
                if not here.unwinding and not here.replaying:
                    ends[here.id, here.generation] = held(self.window)

        with patch.object(Loop, "run", run):
            yield

    def check(self, evidence: Evidence) -> Iterator[str]:
        """One sentence for each thing that does not hold."""
        asked, wrong = asked_in(evidence)
        yield from wrong
        turns = turns_in(evidence, asked)
        for run, found in turns.items():
            yield from _check_numbers(run, found)
            yield from _check_growth(run, found)
            yield from _check_answer(evidence, run, found)
        yield from _check_calls(evidence, asked)
        yield from self._check_windows(evidence)

    def _check_windows(self, evidence: Evidence) -> Iterator[str]:
        """A5."""
        for (run, generation), ended in sorted(self._ends.items()):
            if generation < evidence.history.generation(run):
                continue
            try:
                window = at_once(window_of(evidence.journal, run))
            except UsageError as error:
                yield f"A5: {error}"
                continue
            if held(window) != ended:
                yield f"A5: the window of run {run!r} is not as it was when it ended"
            kept = msgspec.structs.replace(at_once(notes_of(evidence.journal, run)), untrusted=False)
            if kept != window.notes:
                yield f"A5: run {run!r} has the notes {window.notes}, the founder sees {kept}"
        random = Random(len(self._asking))
        for order, where, before in random.sample(self._asking, min(PREFIXES, len(self._asking))):
            run, generation, place = where
            events = [
                one.event
                for one in evidence.history.events
                if (one.event.run, one.generation) == (run, generation) and one.order < order
            ]
            again, _ = replayed(events)
            if again.broken is not None or held(again.state[STATE]) != before:
                yield f"A5: the window of run {run!r} @{place} is not the same after a replay"
            again.evict()


def asked_in(evidence: Evidence) -> tuple[dict[Place, Messages], list[str]]:
    """What the model was shown in each call; A3 where it was shown different things in one."""
    asked: dict[Place, Messages] = {}
    by_words: dict[tuple[str, Any], Messages] = {}
    wrong = []
    for done in evidence.history.ledger:
        if done.name != "chat":
            continue
        assert isinstance(done.value, dict)
        said: Messages = tuple(done.value["asked"].messages)
        if asked.setdefault(done.where, said) != said:
            wrong.append(
                f"A3: the model of run {done.run!r} was shown something else @{done.place} in a later life"
            )
        for record in evidence.at[done.where][:1]:
            words = done.run, _words(record.event)
            if by_words.setdefault(words, said) != said:
                wrong.append(f"A3: {words!r} stands for two conversations")
        wrong += [f"A3: run {done.run!r} @{done.place}: {text}" for text in _malformed(said)]
    return asked, wrong


def _words(event: Event) -> tuple[str, ...]:
    """The journaled arguments of a call to a model."""
    return tuple(msgspec.msgpack.decode(event.input))


def turns_in(evidence: Evidence, asked: dict[Place, Messages]) -> dict[str, list[Turn]]:
    """The replies that the journal has, by run."""
    turns: dict[str, list[Turn]] = defaultdict(list)
    for where in sorted(evidence.at):
        for one in evidence.at[where]:
            if one.event.kind == Kind.DONE and one.event.name == "chat":
                reply = _reply(plain(one.event.body))
                turns[where[0]].append(Turn(where, _words(one.event), asked.get(where, ()), reply))
    return turns


def _check_numbers(run: str, turns: list[Turn]) -> Iterator[str]:
    """A1."""
    wanted = 1
    for turn in turns:
        if turn.number != wanted:
            yield f"A1: run {run!r} asked for turn {turn.number} @{turn.place}, after {wanted - 1} turns"
            return
        wanted += not turn.sums_up


def _check_growth(run: str, turns: list[Turn]) -> Iterator[str]:
    """A3."""
    before: Turn | None = None
    summary: str | None = None
    for turn in turns:
        if turn.sums_up:
            summary = turn.reply.text
            continue
        shown = turn.asked
        if before is None:
            fine = len(shown) == 2
        elif summary is None:
            grown = (*before.asked, before.reply.message)
            fine = shown[: len(grown)] == grown and len(shown) == len(grown) + 1
        else:
            fine = shown[:2] == turns[0].asked[:2] and _begins(shown[2:], summary, before.reply.message)
        if not fine:
            yield f"A3: what run {run!r} shows its model @{turn.place} does not go on from what was said"
        before, summary = turn, None


def _begins(rest: Messages, summary: str, last: Message) -> bool:
    """Whether a window begins from a summary, and perhaps the last turn."""
    if not rest or not rest[0].text.startswith(BEGUN) or summary.strip() not in rest[0].text:
        return False
    return len(rest) == 1 or (len(rest) == 3 and rest[1] == last)


def _malformed(messages: Messages) -> Iterator[str]:
    """A3: each call has its result, in the order of the calls, and there are no others."""
    open_: list[ToolCall] = []
    for message in messages:
        results = [part for part in message.parts if isinstance(part, ToolResult)]
        if [result.id for result in results] != [call.id for call in open_]:
            yield f"calls {[call.id for call in open_]}, results {[result.id for result in results]}"
            return
        for call, result in zip(open_, results, strict=True):
            label = _label(call)
            if label and not result.error and f"{label}" not in result.text:
                yield f"{call.name} {label} came to {result.text[:40]!r}"
        open_ = [part for part in message.parts if isinstance(part, ToolCall)]


def _label(call: ToolCall) -> str:
    return str(msgspec.json.decode(call.arguments).get("label", ""))


def _check_calls(evidence: Evidence, asked: dict[Place, Messages]) -> Iterator[str]:
    """A2."""
    made: dict[tuple[str, str, str], set[Place]] = defaultdict(set)
    for done in evidence.history.ledger:
        if isinstance(done.value, dict) and "label" in done.value.get("args", {}):
            made[done.run, done.name, done.value["args"]["label"]].add(done.where)
    for (run, name, label), places in made.items():
        if len(places) > 1:
            yield f"A2: {name} {label} of run {run!r} was called at {sorted(places)}"
    for (run, _, _), messages in asked.items():
        calls = {call.id: call for one in messages for call in one.parts if isinstance(call, ToolCall)}
        for one in messages:
            for result in one.parts:
                if (
                    isinstance(result, ToolResult)
                    and result.error
                    and result.text.startswith("Not done: at most")
                ):
                    call = calls.get(result.id)
                    if call is not None and (run, call.name, _label(call)) in made:
                        yield f"A2: {call.name} {_label(call)} of run {run!r} was refused, and made all the same"


def _check_answer(evidence: Evidence, run: str, turns: list[Turn]) -> Iterator[str]:
    """A4."""
    last = turns[-1]
    names = [call.name for call in last.reply.tool_calls]
    if evidence.standings[run].status is not Status.SUCCEEDED or FINAL not in names:
        return
    beside = [one for where in evidence.at for one in evidence.at[where] if _follows(where, last.place)]
    for one in beside:
        if one.event.kind == Kind.FAILED:
            yield f"A4: run {run!r} took the answer of turn {last.number}, though {one.event.name} beside it failed"


def _follows(where: Place, place: Place) -> bool:
    return where[:2] == place[:2] and where[2] > place[2]
