"""Arguments as models write them: read in one pass, and answered with words that a small model can act on."""

import asyncio
import json
from typing import Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.agent.commanded import FakeFirm
from tests.unit.kernel.engine import engine

from firm.agent.said import MAX_CHARS
from firm.agent.tool import invoke_json, tool, tool_of
from firm.errors import UsageError
from firm.kernel import workflow
from firm.kernel.value import show_input


class Line(msgspec.Struct):
    what: str
    usd: float


@tool(risk="write")
async def order(
    payee: str,
    usd: float,
    speed: Literal["slow", "fast"] = "slow",
    lines: list[Line] = [],  # noqa: B006
    note: str | None = None,
) -> str:
    """Order something."""
    return f"{payee} {usd:g} {speed} {[line.what for line in lines]} {note}"


@tool(risk="read")
async def today() -> str:
    return "Monday"


@tool(risk="read")
async def narrow(place: str, *, count: int = 3) -> str:
    return f"{place} {count}"


TOOLS: dict[str, Any] = {"order": order, "today": today, "narrow": narrow}


@workflow
async def says(name: str, text: str) -> str:
    return await invoke_json(TOOLS[name], text)


@pytest.mark.parametrize(
    ("name", "text", "result"),
    [
        ("order", '{"payee": "Ann", "usd": 2}', "Ann 2 slow [] None"),
        (
            "order",
            '{"payee":"A","usd":1.5,"lines":[{"what":"tea","usd":1}],"note":"x"}',
            "A 1.5 slow ['tea'] x",
        ),
        ("order", json.dumps('{"payee": "Ann", "usd": 2}'), "Ann 2 slow [] None"),
        ("order", json.dumps(json.dumps({"payee": "Ann", "usd": 2})), "Ann 2 slow [] None"),
        ("today", "", "Monday"),
        ("today", " \n", "Monday"),
        ("today", "{}", "Monday"),
        ("narrow", '{"count": 5, "place": "sea"}', "sea 5"),
    ],
)
def test_what_a_model_wrote_becomes_a_call(name: str, text: str, result: str) -> None:
    async def main() -> None:
        async with engine(firm=FakeFirm()) as one:
            assert await one.run(says, name, text) == result
            events = await one.journal.read("run-1")
            assert [event.name for event in events[1:-1]] == [name]
            if name == "narrow":  # one argument has to be given by its name
                assert show_input(events[1].input) == "(count=5, place='sea')"

    asyncio.run(asyncio.wait_for(main(), 20))


TAKES = "It takes payee (text), usd (number), speed (one of "


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"payee": "Ann"}', ("argument 'usd' is missing (number)", TAKES)),
        (
            '{"payee": 1, "usd": "2 USD"}',
            ("'payee' must be text, got the whole number 1", "'usd' must be number, got"),
        ),
        (
            '{"payes": "Ann", "usd": 2}',
            ("no argument 'payes', did you mean 'payee'?", "argument 'payee' is missing"),
        ),
        (
            '{"payee": "Ann", "usd": 2, "zzz": 1}',
            ("there is no argument 'zzz'. ", "note (text or null, may be left out)"),
        ),
        ('{"payee": "Ann", "usd": null}', ("argument 'usd' must be number, got null",)),
        (
            '{"payee": "A", "usd": 1, "speed": "warp"}',
            ("'speed' must be one of fast, slow, got the text \"warp\"",),
        ),
        ('{"payee": "A", "usd": 1, "lines": [{"what": "tea"}]}', ("'lines' does not fit: ", "`usd` at [0]")),
        ('{"payee": "A", "usd": 1, "lines": {"what": "tea"}}', ("'lines' must be list", "the object {")),
        ('[{"payee": "Ann"}]', ("the arguments are the list [", "not an object")),
        ("null", ("the arguments are null, not an object",)),
        ('"Ann"', ('the arguments are the text "Ann", not an object',)),
        ('{"payee": "Ann", "us', ("not JSON (they end in the middle)", '{"payee": "Ann", "us', TAKES)),
        ('{"payee": "\\ud83d"}', ("half a surrogate pair",)),
        ("payee=Ann, usd=2", ("not JSON (JSON is malformed", "payee=Ann, usd=2", "one JSON object")),
        ("{'payee': 'Ann'}", ("not JSON", "double quotes")),
        ('```json\n{"payee": "Ann", "usd": 2}\n```', ("not JSON", "nothing around it")),
        ('{"payee": "Ann", "usd": 2}}', ("trailing characters",)),
        ("[" * 100_000, ("not JSON",)),
        ('{"payee": "' + "x" * MAX_CHARS + '"}', ("1,000,013 characters", "give its path")),
    ],
)
def test_what_does_not_fit_is_said_so_that_a_model_can_do_better(text: str, words: tuple[str, ...]) -> None:
    with pytest.raises(UsageError) as caught:
        invoke_json(order, text)
    said = str(caught.value)
    assert said.startswith("tool 'order': ") and all(word in said for word in words), said
    assert len(said) < 1_000


def test_a_tool_without_arguments_says_what_to_send() -> None:
    with pytest.raises(UsageError, match=r"no argument 'day'. It takes no arguments: send \{\}"):
        invoke_json(today, '{"day": 1}')


def test_a_string_in_a_string_without_end_is_refused() -> None:
    text = "{}"
    for _ in range(6):
        text = json.dumps(text)
    with pytest.raises(UsageError, match="not an object"):
        invoke_json(order, text)


@given(
    st.text(max_size=60)
    | st.recursive(st.none() | st.text() | st.integers() | st.floats(), st.lists).map(json.dumps)
)
def test_whatever_a_model_writes_is_read_or_refused_with_a_usage_error(text: str) -> None:
    try:
        args, _ = tool_of(order).arguments.said(text)
    except UsageError as error:
        assert str(error).startswith("tool 'order': ")
    else:
        assert len(args) == 5


def test_a_default_that_can_be_changed_is_a_new_one_each_time() -> None:
    first, _ = tool_of(order).arguments.said('{"payee": "Ann", "usd": 2}')
    first[3].append("spoiled")
    second, _ = tool_of(order).arguments.said('{"payee": "Ann", "usd": 2}')
    assert second[3] == []
