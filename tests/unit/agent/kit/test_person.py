"""Tools that ask the founder, tell him something, wait, and note: called by agents, and by workflow code."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from firm import Agent, Firm, current_run, workflow
from firm.agent.kit.notes import NOTES, note, todo
from firm.agent.kit.person import PERSON, ask_person, report_progress
from firm.agent.kit.time import TIME, current_time, seconds_until, wait_until
from firm.agent.notes import EMPTY, MAX_NOTES, NOTED, Notes, TodoItem, fold, notes_here
from firm.agent.tool import invoke_json, tool_of
from firm.errors import UsageError
from firm.kernel.status import Status
from firm.model import ScriptedModel, ToolCall
from firm.model.message import ToolResult
from firm.model.request import Request
from firm.policy.capability import Capability

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _no_home_around(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("FIRM_HOME", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "firm.toml").write_text("[engine]\nidle_s = 0.05\n")


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[timedelta], None]]:
    """Puts the clock forward; it goes on from there."""
    real, ahead = time.time_ns, [0]
    monkeypatch.setattr(time, "time_ns", lambda: real() + ahead[0])
    yield lambda by: ahead.__setitem__(0, ahead[0] + round(by.total_seconds() * 1e9))


def in_firm(rule: Any, work: Callable[[Firm], Awaitable[Any]]) -> Any:
    async def main() -> Any:
        async with Firm.open("home", models={"default": ScriptedModel(rule)}) as firm:
            return await asyncio.wait_for(work(firm), 20)

    return asyncio.run(main())


async def question_in(firm: Firm) -> Any:
    while not (inbox := await firm.inbox()):
        await asyncio.sleep(0.005)
    (question,) = inbox
    return question


def call(name: str, **arguments: Any) -> ToolCall:
    return ToolCall(f"c-{name}", name, msgspec.json.encode(arguments).decode())


def last_result(request: Request) -> ToolResult | None:
    found = [part for part in request.messages[-1].parts if isinstance(part, ToolResult)]
    return found[-1] if found else None


# --- an agent that asks ---------------------------------------------------------------------------------------


def buyer_says(request: Request) -> Any:
    """Notes what it wants, asks which colour, and answers with what it was told."""
    result = last_result(request)
    if result is None:
        return call("note", text="lamps come in red and blue")
    if result.name == "note":
        return call(
            "ask_person", question="Which lamp?", options=["red", "blue"], one_way=True, waiting="2 USD"
        )
    return f"bought the {result.text} lamp"


buyer = Agent("buyer", "Buy a lamp.", tools=[*PERSON, *TIME, *NOTES], capabilities=[Capability("buy")])


def test_an_agent_asks_the_firm_is_closed_and_two_days_later_the_first_valid_answer_brings_it_on(
    later: Callable[[timedelta], None],
) -> None:
    async def ask_and_go(firm: Firm) -> str:
        run = await firm.start(buyer, "a lamp", id="lamp-1")
        question = await question_in(firm)
        assert (question.text, question.options, question.kind) == ("Which lamp?", ["red", "blue"], "ask")
        assert (question.one_way, question.if_unanswered, question.waiting) == (True, "waits", "2 USD")
        while await run.status() is not Status.SUSPENDED:
            await asyncio.sleep(0.01)
        return str(question.id)

    async def come_back(firm: Firm) -> None:
        with pytest.raises(UsageError, match="takes one of"):
            await firm.answer(question, "green")
        both = await asyncio.gather(
            firm.answer(question, "blue"), firm.answer(question, "red"), return_exceptions=True
        )
        assert both[0] is None and "answered already, by somebody who has not logged in" in str(both[1])
        assert await firm.run("lamp-1").result() == "bought the blue lamp"
        events = await firm.run("lamp-1").events()
        assert events[-1].at - events[0].at > timedelta(days=2)
        assert [event.name for event in events if event.kind == "done"].count("chat") == 3
        with pytest.raises(UsageError, match="answered already"):
            await firm.question(question)

    question = in_firm(buyer_says, ask_and_go)
    later(timedelta(days=2))
    in_firm(buyer_says, come_back)


@workflow
async def marked_agent_asks() -> str:
    current_run().mark("untrusted")
    return await ask_person("Pay the deposit to X?")


def test_the_gate_asks_nothing_for_a_question_and_says_when_strangers_may_have_written_it() -> None:
    async def story(firm: Firm) -> None:
        run = await firm.start(marked_agent_asks, id="r")
        question = await question_in(firm)
        assert (question.kind, question.untrusted, question.options) == ("ask", True, None)
        await firm.answer(question.id, {"no": 1})
        assert await run.result() == '{"no": 1}', "an answer is text for the model"

    in_firm([], story)


@workflow
async def tells_and_notes() -> list[str]:
    found = [await report_progress("half way"), await note(" first "), await note("second")]
    found.append(await todo([TodoItem("a", done=True), TodoItem("b")]))
    found.append(await todo([TodoItem("b", done=True)]))
    return [*found, await current_time()]


def test_what_is_told_and_noted_is_there_for_the_founder_and_costs_no_question() -> None:
    async def story(firm: Firm) -> None:
        run = await firm.start(tells_and_notes, id="r", capabilities=[Capability("nothing else")])
        *said, today = await run.result()
        assert said == ["told", NOTED, NOTED, "1 of 2 done", "1 of 1 done"]
        assert str(datetime.now(UTC).year) in today
        assert [told.text for told in await firm.reports("r")] == ["half way"]
        notes = await firm.notes("r")
        assert notes is not None and notes.notes == ["first", "second"]
        assert (notes.todo, notes.untrusted) == ([{"text": "b", "done": True}], False)
        assert await firm.inbox() == []
        assert await firm.notes("another") is None

    in_firm([], story)


@pytest.mark.parametrize(
    "bad",
    [
        lambda: note("  "),
        lambda: note("x" * 4_001),
        lambda: todo([TodoItem("x")] * 101),
        lambda: todo([TodoItem(" ")]),
        lambda: todo([TodoItem("x" * 501)]),
    ],
)
def test_notes_that_cannot_be_are_refused_with_what_to_do(bad: Any) -> None:
    with pytest.raises(UsageError, match="give|put"):
        asyncio.run(bad())


def test_what_a_model_writes_fits_the_tools() -> None:
    written = {"items": [{"text": "a"}, {"text": "b", "done": True}]}
    assert asyncio.run(invoke_json(todo, json.dumps(written))) == "1 of 2 done"
    schemas = {one.tool.name: one.tool.spec.parameters for one in (*PERSON, *TIME, *NOTES)}  # type: ignore[attr-defined]
    assert schemas["ask_person"]["required"] == ["question"]
    assert set(schemas) == {"ask_person", "report_progress", "current_time", "wait_until", "note", "todo"}
    assert all(tool_of(one).risk == "pure" for one in (*PERSON, *TIME, *NOTES))


# --- folding --------------------------------------------------------------------------------------------------


def test_notes_are_rebuilt_from_calls_and_their_results() -> None:
    notes = fold(EMPTY, "note", {"text": " a "}, NOTED)
    notes = fold(notes, "todo", {"items": [{"text": "x"}, {"text": "y", "done": True}]}, "1 of 2 done")
    assert notes == Notes(("a",), (TodoItem("x"), TodoItem("y", True)))
    assert notes.words() == "To do:\n- [ ] x\n- [x] y\nNotes:\n- a"
    assert EMPTY.words() == ""
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(notes), type=Notes) == notes


@pytest.mark.parametrize(
    ("name", "arguments", "result"),
    [
        ("look", {"text": "a"}, "seen"),
        ("note", {"text": "a"}, "something else"),
        ("todo", {"items": 3}, "0 of 0 done"),
        ("todo", {}, "ok"),
        ("todo", {"items": []}, {"a": "dict"}),
    ],
)
def test_results_of_other_tools_note_nothing(name: str, arguments: dict[str, Any], result: Any) -> None:
    assert fold(EMPTY, name, arguments, result) is EMPTY


def test_a_long_list_of_notes_keeps_the_newest_and_says_how_many_are_left_out() -> None:
    notes = EMPTY
    for number in range(MAX_NOTES + 3):
        notes = fold(notes, "note", {"text": str(number)}, NOTED)
    assert (len(notes.notes), notes.dropped, notes.notes[0]) == (MAX_NOTES, 3, "3")
    assert "(3 older ones are left out)" in notes.words()


@workflow
async def looks_at_its_notes() -> bool:
    current_run().state["agent.notes"] = Notes(("here",))
    return notes_here().notes == ("here",)


def test_code_in_a_run_finds_the_notes_of_its_agent() -> None:
    async def story(firm: Firm) -> None:
        assert await (await firm.start(looks_at_its_notes)).result()

    in_firm([], story)
    with pytest.raises(UsageError, match="outside any run"):
        notes_here()


# --- time -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("when", "seconds"),
    [
        ("2026-11-23T12:00:30Z", 30),
        (" 2026-11-23T14:00:00+01:00 ", 3600),
        ("90", 90),
        (1.5, 1.5),
        ("2026-11-23T11:00:00Z", -3600),
        (-3, -3),
    ],
)
def test_a_time_is_iso_8601_with_a_zone_or_seconds(when: Any, seconds: float) -> None:
    assert seconds_until(when, NOW) == seconds


@pytest.mark.parametrize(
    ("when", "says"),
    [
        ("tomorrow", "is no time; give ISO 8601"),
        ("in 3 hours", "is no time; give ISO 8601"),
        ("2026-11-23T12:00:30", "has no time zone; write 2026-11-23T12:00:30Z"),
        ("nan", "within a year"),
        ("inf", "within a year"),
        ("2028-01-01T00:00:00Z", "within a year"),
        ("", "is no time"),
    ],
)
def test_anything_else_is_refused_with_what_to_write(when: Any, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        seconds_until(when, NOW)


@workflow
async def waits(when: str) -> str:
    return await wait_until(when)


def test_a_wait_costs_nothing_and_outlives_the_firm(later: Callable[[timedelta], None]) -> None:
    async def begin(firm: Firm) -> None:
        at = datetime.fromtimestamp(time.time_ns() / 1e9, UTC) + timedelta(days=30)
        run = await firm.start(waits, at.isoformat(), id="r")
        while await run.status() is not Status.SUSPENDED:
            await asyncio.sleep(0.01)

    async def go_on(firm: Firm) -> str:
        return str(await firm.run("r").result())

    in_firm([], begin)
    later(timedelta(days=31))
    woke = in_firm([], go_on)
    assert woke.startswith((datetime.now(UTC) + timedelta(days=31)).strftime("%Y-%m-%d"))
