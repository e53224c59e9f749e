"""The window: what is in it, what stands for it, and what becomes of it when it is full."""

import msgspec

from firm.agent.compaction import BEGUN, request_of, tail_of
from firm.agent.notes import EMPTY
from firm.agent.shown import MAX_SHOWN_CHARS, shown
from firm.agent.window import Carried, Window
from firm.model.message import Message, Text, ToolCall, ToolResult
from firm.model.reply import Reply
from firm.units import Usage


def made(*, turns: int = 3, chars: int = 10) -> Window:
    window = Window("Be brief.", "Walk.", "seed")
    for number in range(turns):
        window.answered(Reply((ToolCall(f"c{number}", "look", f'{{"place": "{number}"}}'),)))
        window.add(Message("tool", (ToolResult(f"c{number}", "x" * chars, "look"),)))
    return window


def test_the_mark_stands_for_all_that_was_said() -> None:
    assert made().mark == made().mark
    assert len({made(turns=turns, chars=chars).mark for turns in range(4) for chars in (1, 2)}) == 7
    assert Window("a", "b", "seed").mark != Window("a", "b", "other").mark


def test_half_a_surrogate_pair_is_no_obstacle() -> None:
    window = made()
    window.add(Message("tool", (ToolResult("c", "\ud800", "look"),)))
    assert len(window.mark) == 16


def test_tokens_are_those_that_the_provider_counted_and_what_came_since() -> None:
    window = made(turns=0)
    window.answered(Reply((Text("on"),), Usage(500, output=20)))
    assert window.tokens == 520
    window.add(Message("user", "x" * 300))
    assert 610 <= window.tokens <= 650


def test_what_is_carried_makes_the_same_window_again() -> None:
    window = made(turns=3)
    again = Window("Be brief.", "Walk.", "seed", window.carried())
    assert again.messages == window.messages
    assert (again.turns, again.notes) == (3, EMPTY)
    body = msgspec.msgpack.encode(window.carried())
    assert msgspec.msgpack.decode(body, type=Carried) == window.carried()


def test_pieces_name_what_fills_it() -> None:
    found = {piece.what: piece.count for piece in made().pieces()}
    assert found == {"instructions": 1, "task": 1, "calls": 3, "results": 3}


def test_the_record_that_is_summed_up_fits_into_the_room() -> None:
    window = made(turns=200, chars=3_000)
    for room in (1_000, 4_000, 50_000):
        [message] = request_of(window, "Walk.", room)
        assert len(message.text) <= 3 * room + 2_000
        assert "OPEN:" in message.text


def test_a_small_last_turn_stays_word_for_word() -> None:
    tail = tail_of(made(), "all is well", 10_000)
    assert tail[0].text == BEGUN + "all is well"
    assert [message.role for message in tail[1:]] == ["assistant", "tool"]


def test_a_large_last_turn_stays_in_the_summary_only() -> None:
    assert len(tail_of(made(chars=100_000), "all is well", 10_000)) == 1


def test_a_long_result_is_shown_by_both_ends() -> None:
    text, whole = shown("a" * 10_000 + "{path}" + "b" * 10_000)
    assert whole == "a" * 10_000 + "{path}" + "b" * 10_000
    assert text.count("{path}") == 1
    assert text.startswith("aaa")
    assert text.endswith("bbb")
    assert len(text) < MAX_SHOWN_CHARS


def test_results_that_are_no_text_are_shown_as_json() -> None:
    assert shown({"a": [1, None]}) == ('{"a":[1,null]}', "")
    assert shown(None)[0].startswith("(done")
    assert shown({1j})[0] == '["1j"]'
    assert shown("\ud800")[0] == "\ufffd"
