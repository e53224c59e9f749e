"""A model that answers by rule."""

import asyncio

import pytest

from firm.errors import UsageError
from firm.model.message import Message, Text, ToolCall
from firm.model.reply import Reply
from firm.model.request import Delta, Request
from firm.model.scripted import ScriptedModel
from firm.model.target import Abilities
from firm.model.wire.fault import Fault, Kind


def say(model: ScriptedModel, text: str, seen: list[Delta] | None = None) -> Reply:
    """One reply."""
    watch = None if seen is None else seen.append
    return asyncio.run(model.say(Request((Message("user", text),)), Abilities(), watch))


def test_it_answers_by_words_that_stand_in_the_last_message() -> None:
    model = ScriptedModel({"weather": "rain", "time": ToolCall("1", "clock")})
    assert say(model, "the weather?").text == "rain"
    assert say(model, "the time?").tool_calls == (ToolCall("1", "clock"),)
    assert [request.messages[0].text for request in model.requests] == ["the weather?", "the time?"]


def test_it_answers_a_list_in_order_and_then_no_more() -> None:
    model = ScriptedModel(["a", {"x": 1}, Reply((Text("b"),), stop="length")])
    assert [say(model, "?").text for _ in range(2)] == ["a", '{"x":1}']
    assert say(model, "?").stop == "length"
    with pytest.raises(Fault, match=r"no rule of the scripted model fits '\?'; add one"):
        say(model, "?")


def test_it_answers_by_a_function_that_may_wait() -> None:
    async def rule(request: Request) -> str:
        await asyncio.sleep(0)
        return request.messages[-1].text.upper()

    assert say(ScriptedModel(rule), "loud").text == "LOUD"


def test_it_raises_what_it_is_told_to() -> None:
    with pytest.raises(Fault, match="too many requests"):
        say(ScriptedModel([Fault(Kind.RATE, "slow down")]), "?")


def test_who_watches_sees_the_words_come() -> None:
    seen: list[Delta] = []
    assert say(ScriptedModel(["one two three"]), "?", seen).text == "".join(delta.text for delta in seen)
    assert len(seen) > 1


def test_bare_words_are_no_script() -> None:
    with pytest.raises(UsageError, match="give a function, a mapping, or a list"):
        ScriptedModel("hello")
