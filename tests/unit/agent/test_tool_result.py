"""What comes back from a tool: results that do not fit, tools that hang or raise oddly, and the spans of it all."""

import asyncio
import math
import time
from typing import Any

import msgspec
import pytest
from tests.unit.agent.commanded import FakeFirm
from tests.unit.kernel.engine import engine

from firm.agent import result
from firm.agent.result import MAX_RESULT_BYTES
from firm.agent.tool import DEFAULT_TIMEOUT_S, invoke_json, tool, tool_of
from firm.errors import UsageError
from firm.kernel import NotDone, workflow
from firm.kernel.context import opened
from firm.kernel.value import BuiltinCodec, Codec
from firm.policy.rule import Rule
from firm.trace import Span, attribute, spans_of

WORLD: dict[str, Any] = {}


@pytest.fixture(autouse=True)
def _clean() -> None:
    WORLD.clear()


def run(main: Any) -> None:
    asyncio.run(asyncio.wait_for(main, 20))


class Offer(msgspec.Struct):
    name: str
    usd: float


@tool(risk="read")
async def offer() -> Offer:
    return WORLD["value"]  # type: ignore[no-any-return]


@tool(risk="read")
async def undeclared():  # type: ignore[no-untyped-def]
    return WORLD["value"]


@tool(risk="read")
async def text() -> str:
    return WORLD["value"]  # type: ignore[no-any-return]


@tool(risk="read")
def in_thread() -> str:
    return WORLD["value"]  # type: ignore[no-any-return]


@tool(risk="send", effect="once")
async def sends() -> str:
    return WORLD["value"]  # type: ignore[no-any-return]


TOOLS = {one.tool.name: one for one in (offer, undeclared, text, in_thread, sends)}  # type: ignore[attr-defined]


@workflow
async def calls(name: str) -> str:
    try:
        return f"came back: {await invoke_json(TOOLS[name], '{}')!r:.60}"
    except Exception as error:
        return f"{type(error).__name__}: {error}"


class Odd:
    def __repr__(self) -> str:
        raise KeyError("no repr")


def shown(name: str, value: Any) -> str:
    found: list[str] = []

    async def main() -> None:
        WORLD["value"] = value
        async with engine(firm=FakeFirm(Rule("allow", tool="sends"))) as one:
            found.append(await one.run(calls, name))

    run(main())
    return found[0]


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        (
            "offer",
            {"name": "x"},
            ("result of tool 'offer'", "dict of 1", "-> Offer", "missing required field"),
        ),
        ("offer", Offer("x", "much"), ("'offer'", "Offer(name='x', usd='much')", "-> Offer", "`float`")),  # type: ignore[arg-type]
        (
            "text",
            7,
            ("'text'", "it returned int 7", "-> str", "return what is declared", "returned (got 7 (int)"),
        ),
        ("sends", None, ("'sends'", "it returned NoneType None", "-> str")),
        ("undeclared", Offer("x", 1), ("'undeclared'", "nothing is declared", "annotate its result")),
        ("undeclared", {1: {2: {Odd()}}}, ("'undeclared'", "dict of 1", "KeyError: 'no repr'")),
        ("undeclared", Odd(), ("'undeclared'", "its repr raised KeyError", "builtins")),
    ],
)
def test_a_result_that_does_not_fit_says_what_came_what_is_declared_and_what_to_do(
    name: str, value: Any, words: tuple[str, ...]
) -> None:
    said = shown(name, value)
    assert said.startswith("UsageError: ") and all(word in said for word in words), said


def test_a_coroutine_that_nobody_awaited_is_said_to_be_one() -> None:
    async def forgotten() -> str:
        return "never"

    assert "write it as `async def`, or await it inside" in shown("in_thread", forgotten())


@pytest.mark.parametrize("name", ["text", "undeclared", "in_thread", "sends"])
def test_fifty_megabytes_are_refused_without_being_encoded_once(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    large: list[int] = []
    for codec in (Codec, BuiltinCodec):

        def counting(self: Any, value: object, encode: Any = codec.encode) -> bytes:
            large.extend([len(value)] if isinstance(value, str) and len(value) > MAX_RESULT_BYTES else [])
            return encode(self, value)  # type: ignore[no-any-return]

        monkeypatch.setattr(codec, "encode", counting)
    said = shown(name, "x" * 50_000_000)
    assert f"result of tool {name!r} is too large: 50,000,000 characters" in said
    assert "write it to a file and return the path" in said and not large


def test_what_is_only_too_large_once_encoded_is_refused_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(result, "MAX_RESULT_BYTES", 1000)
    assert "is too large: 1,200 bytes" not in shown("text", "é" * 400)
    assert "is too large: 1,803 bytes (str)" in shown("text", "é" * 900)
    assert "bytes (list)" in shown("undeclared", [["x"]] * 1000)


def test_an_effect_with_a_result_that_does_not_fit_is_over_and_not_in_doubt() -> None:
    async def main() -> None:
        WORLD["value"] = 7
        async with engine(firm=FakeFirm(Rule("allow", tool="sends"))) as one:
            assert "-> str" in await one.run(calls, "sends")
            assert not await one.journal.questions(open_only=False)

    run(main())


# --- tools that raise ----------------------------------------------------------------------------------------------


@tool(risk="read")
async def raises() -> str:
    raise WORLD["raise"]


@tool(risk="read")
def raises_in_thread() -> str:
    raise WORLD["raise"]


TOOLS |= {"raises": raises, "raises_in_thread": raises_in_thread}


@pytest.mark.parametrize("name", ["raises", "raises_in_thread"])
@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ValueError("x" * 1_000_000), "ValueError: xxxx"),
        (SystemExit(3), "StepFailed"),
        (StopIteration(1), "RuntimeError"),
        (GeneratorExit(), "StepFailed"),
        (UnicodeEncodeError("utf-8", "\ud800", 0, 1, "odd"), "UnicodeEncodeError"),
    ],
)
def test_whatever_a_tool_raises_is_an_error_of_its_call(name: str, error: BaseException, words: str) -> None:
    found: list[str] = []

    async def main() -> None:
        WORLD["raise"] = error
        async with engine(firm=FakeFirm()) as one:
            found.append(await one.run(calls, name))

    run(main())
    assert found[0].startswith(words) and len(found[0]) < 30_000


# --- tools that hang -----------------------------------------------------------------------------------------------


@tool(risk="read")
async def hangs() -> str:
    await asyncio.Event().wait()
    return ""


@tool(risk="read", timeout_s=math.inf)
async def patient() -> str:
    return "at last"


@tool(risk="read", timeout_s=0.02)
async def stubborn() -> str:
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        return "all the same"
    return ""


@tool(risk="read", timeout_s=0.02)
async def untidy() -> str:
    try:
        await asyncio.Event().wait()
    finally:
        WORLD["cleaned"] = True
    return ""


@tool(risk="read")
@workflow
async def waits() -> str:
    return "done"


TOOLS |= {"hangs": hangs, "patient": patient, "stubborn": stubborn, "untidy": untidy}


def test_what_gives_no_time_out_has_one_and_a_workflow_has_none() -> None:
    assert tool_of(hangs).timeout_s == DEFAULT_TIMEOUT_S == 600
    assert tool_of(patient).timeout_s is None and tool_of(waits).timeout_s is None
    assert tool_of(stubborn).timeout_s == 0.02


def test_a_tool_that_hangs_ends_in_an_error_after_the_default_time(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        tool_of(hangs).timeout_s = 0.02
        async with engine(firm=FakeFirm()) as one:
            said = await one.run(calls, "hangs")
            assert said.startswith(
                "TimeoutError: tool 'hangs' took longer than its timeout_s=0.02, which holds where"
            )
            assert "math.inf" in said
            assert await one.run(calls, "patient", id="run-2") == "came back: 'at last'"

    run(main())


def test_a_tool_that_takes_no_notice_of_being_cancelled_still_gives_its_result() -> None:
    async def main() -> None:
        async with engine(firm=FakeFirm()) as one:
            assert await one.run(calls, "stubborn") == "came back: 'all the same'"
            assert "timeout_s=0.02" in await one.run(calls, "untidy", id="run-2")
            assert WORLD["cleaned"]

    run(main())


@tool(risk="read", timeout_s=0.03)
async def nap(number: int) -> int:
    if number % 10 == 0:
        await asyncio.Event().wait()
    return number


@workflow
async def naps(count: int) -> int:
    found = await asyncio.gather(*(nap(number) for number in range(count)), return_exceptions=True)
    return sum(isinstance(one, TimeoutError) for one in found)


def test_of_many_calls_at_once_those_that_hang_are_ended_and_no_others() -> None:
    async def main() -> None:
        async with engine(firm=FakeFirm()) as one:
            assert await one.run(naps, 50) == 5
            assert await one.run(naps, 20, id="run-2") == 2

    run(main())


def test_in_an_open_firm_outside_of_runs_the_time_out_holds_too() -> None:
    async def main() -> None:
        opened.set(FakeFirm())
        with pytest.raises(TimeoutError, match="'untidy' took longer"):
            await untidy()

    run(main())


async def not_done(key: str) -> NotDone:
    return NotDone()


@tool(risk="send", timeout_s=0.02, reconcile=not_done)
async def sends_slowly() -> str:
    WORLD["tries"] = WORLD.get("tries", 0) + 1
    if WORLD["tries"] == 1:
        await asyncio.Event().wait()
    return "sent"


TOOLS["sends_slowly"] = sends_slowly


def test_an_effect_whose_time_is_over_is_in_doubt_and_its_reconciler_decides() -> None:
    async def main() -> None:
        async with engine(firm=FakeFirm(Rule("allow", tool="sends_slowly"))) as one:
            assert await one.run(calls, "sends_slowly") == "came back: 'sent'"
            assert WORLD["tries"] == 2

    run(main())


# --- spans ---------------------------------------------------------------------------------------------------------


@tool(risk="read")
async def works() -> int:
    until_s = time.perf_counter() + 0.002
    while time.perf_counter() < until_s:
        pass
    return 1


TOOLS |= {"works": works}


async def spans(one: Any, name: str, id: str) -> list[Span]:
    await one.run(calls, name, id=id)
    return [kept.span for kept in await spans_of(one.journal, id)]


def test_calls_that_fail_or_take_their_time_leave_a_span_and_short_ones_leave_none() -> None:
    async def main() -> None:
        WORLD["raise"], WORLD["value"] = ValueError("odd"), "fine"
        async with engine(firm=FakeFirm(Rule("allow"))) as one:
            [span] = await spans(one, "works", "run-1")
            assert span.name == "execute_tool works" and span.duration_us >= 2_000 and not span.error
            assert span.attributes[attribute.TOOL_NAME] == "works"
            for number, name in enumerate(("raises", "raises_in_thread")):
                [span] = await spans(one, name, f"failed-{number}")
                assert (span.name, span.error) == (f"execute_tool {name}", "ValueError")
            [span] = await spans(one, "untidy", "late")
            assert span.error == "TimeoutError" and span.duration_us >= 20_000
            short = [await spans(one, "patient", f"short-{number}") for number in range(10)]
            assert [] in short, "on a busy machine one may take its time, not all of them"

    run(main())


# --- what can be a tool --------------------------------------------------------------------------------------------


class Shop:
    async def buy(self, what: str) -> str:
        return what

    async def __call__(self, what: str) -> str:
        return what

    @staticmethod
    async def show(what: str) -> str:
        return what


async def generator(what: str) -> Any:
    yield what


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (Shop().buy, "a method cannot be a tool"),
        (Shop.buy, "'Shop.buy': it is a method"),
        (Shop(), "only a function can be a tool"),
        (Shop, "only a function can be a tool"),
        (len, "only a function can be a tool"),
        (staticmethod(Shop.show), "a method cannot be a tool"),
        (lambda what: what, "on a lambda"),
        (generator, "a generator cannot be a tool"),
        ("look", "only a function can be a tool"),
    ],
)
def test_what_is_no_function_by_itself_is_refused_with_what_to_write_instead(
    function: Any, words: str
) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        tool(risk="read")(function)
    assert "write a function around it" in str(caught.value) or "return a list" in str(caught.value)


def test_a_static_method_of_a_class_can_be_a_tool() -> None:
    assert tool_of(tool(risk="read")(Shop.show)).name == "show"
