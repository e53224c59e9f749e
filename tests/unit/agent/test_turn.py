"""What comes of a reply: answers, calls, and what is of no use."""

import msgspec
import pytest

from firm.agent.agent import Agent
from firm.agent.kit import FILES
from firm.agent.output import FINAL, Output
from firm.agent.tool import tool
from firm.agent.toolbox import Toolbox, hand_over
from firm.agent.turn import MAX_CALLS, Act, Finish, Nudge, decide
from firm.errors import UsageError
from firm.model.message import Text, ToolCall
from firm.model.reply import Reply


class Offer(msgspec.Struct):
    fit: float


@tool(risk="read")
async def look(place: str) -> str:
    """Look at a place."""
    return place


WORDS, OFFER = Output(str, "scout"), Output(Offer, "scout")
BOX, TYPED = Toolbox([look], WORDS, "scout"), Toolbox([look], OFFER, "scout")
NONE = Toolbox([], OFFER, "scout")


def said(*parts: Text | ToolCall, stop: str = "stop") -> Reply:
    return Reply(parts, stop=stop)


def call(name: str, arguments: str = '{"place": "x"}') -> ToolCall:
    return ToolCall("c", name, arguments)


def test_words_are_the_answer_where_words_are_asked_for() -> None:
    assert decide(said(Text("at noon")), BOX, WORDS) == Finish("at noon")


def test_words_that_hold_a_typed_answer_are_taken() -> None:
    assert decide(said(Text('Here: {"fit": 0.5}')), TYPED, OFFER) == Finish(Offer(0.5))


def test_words_without_the_typed_answer_are_sent_back_with_the_tool_to_call() -> None:
    found = decide(said(Text("I think it is fine.")), TYPED, OFFER)
    assert isinstance(found, Nudge)
    assert found.what == "output"
    assert FINAL in found.text


def test_without_tools_json_is_asked_for() -> None:
    found = decide(said(Text("fine")), NONE, OFFER)
    assert isinstance(found, Nudge)
    assert "as JSON" in found.text


@pytest.mark.parametrize("text", ["", "  \n "])
def test_an_empty_reply_is_no_answer(text: str) -> None:
    found = decide(said(Text(text)), BOX, WORDS)
    assert isinstance(found, Nudge)
    assert "empty" in found.text


def test_a_reply_that_stops_in_mid_sentence_is_no_answer() -> None:
    found = decide(said(Text("The best of all is"), stop="length"), BOX, WORDS)
    assert isinstance(found, Nudge)
    assert "cut off" in found.text


def test_a_call_is_made() -> None:
    assert decide(said(call("look")), BOX, WORDS) == Act((call("look"),), {})


def test_an_unknown_tool_is_answered_with_the_near_name_and_all_names() -> None:
    found = decide(said(call("loook")), BOX, WORDS)
    assert isinstance(found, Act)
    assert "did you mean 'look'?" in found.refused[0]
    assert "Your tools: look" in found.refused[0]


def test_an_unknown_tool_with_no_near_name_is_answered_with_all_names() -> None:
    found = decide(said(call("rocket")), BOX, WORDS)
    assert isinstance(found, Act)
    assert found.refused[0] == "There is no tool 'rocket'. Your tools: look."


def test_a_group_of_tools_without_a_star_says_so() -> None:
    with pytest.raises(UsageError, match=r"write `\*` before its name"):
        Toolbox([FILES], WORDS, "scout")


def test_a_call_that_was_cut_off_is_not_made() -> None:
    found = decide(said(call("look"), call("look", '{"place": "x'), stop="length"), BOX, WORDS)
    assert isinstance(found, Act)
    assert list(found.refused) == [1]
    assert "cut off" in found.refused[1]


def test_a_final_answer_alone_ends_the_work() -> None:
    assert decide(said(call(FINAL, '{"fit": 1}')), TYPED, OFFER) == Finish(Offer(1.0))


def test_a_wrong_final_answer_is_told_what_is_wrong() -> None:
    found = decide(said(call(FINAL, '{"fit": "much"}')), TYPED, OFFER)
    assert isinstance(found, Act)
    assert "fit" in found.refused[0]


def test_a_final_answer_beside_calls_waits_for_them() -> None:
    found = decide(said(call("look"), call(FINAL, '{"fit": 1}')), TYPED, OFFER)
    assert isinstance(found, Act)
    assert (found.answer, found.answer_at) == (Finish(Offer(1.0)), 1)


def test_more_calls_than_can_be_made_at_once_are_refused() -> None:
    found = decide(said(*[call("look")] * (MAX_CALLS + 2)), BOX, WORDS)
    assert isinstance(found, Act)
    assert list(found.refused) == [MAX_CALLS, MAX_CALLS + 1]


def test_work_is_handed_over_once() -> None:
    other = Agent("other")
    box = Toolbox([hand_over(other)], WORDS, "scout")
    reply = said(*[call("hand_over_to_other", '{"task": "go"}')] * 2)
    found = decide(reply, box, WORDS)
    assert isinstance(found, Act)
    assert list(found.refused) == [1]
