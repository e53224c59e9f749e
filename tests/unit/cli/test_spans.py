"""`firm show` tells what models were asked in a run."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from firm.cli.spans import _ms, money, under_events
from firm.root.view import EventView, SpanView

from .conftest import Firm

ASKING = """
import asyncio
from firm import first, sleep, step, workflow
from firm.errors import RetryableError
from firm.kernel import Retry, current_step
from firm.trace import Moment, Recorder, Span, attribute as a

recorder = Recorder()
T = 1_790_000_000_000_000


def record(model, error="", *moments, **more):
    attributes = {a.REQUEST_MODEL: model, a.ENDPOINT: "main", a.INPUT_TOKENS: 1500, a.OUTPUT_TOKENS: 290}
    recorder.record(Span("chat", T, 830_000, attributes | more, error, moments))


@step(retry=Retry(attempts=2, first_s=0))
async def call(model: str) -> str:
    if current_step().attempt == 1:
        record(model, "ModelBusy")
        raise RetryableError("busy")
    record(
        model,
        "",
        Moment("firm.retry", T + 1, {a.HTTP_STATUS: 429, a.REASON: "no \\x1b[31mred\\nline", a.WAIT_S: 1.5}),
        Moment("firm.fallback", T + 2, {a.REQUEST_MODEL: "other\\u202e", a.ENDPOINT: "spare", "x": [1]}),
        Moment("firm.cache_hit", T + 3),
        **{
            a.RESPONSE_MODEL: "gpt-x-2026",
            a.CACHE_READ_TOKENS: 300,
            a.REASONING_TOKENS: 40,
            a.COST_USD: 0.00123,
            a.TIME_TO_FIRST_TOKEN_S: 0.21,
            a.QUEUE_S: 2,
        },
    )
    return "answer"


@step
async def slow() -> None:
    try:
        await asyncio.sleep(60)
    finally:
        record("slow", "CancelledError")


@workflow
async def asks(model: str) -> str:
    await first(slow(), sleep(0.01))
    answer = await call(model)
    await sleep(0.01)
    return answer


@workflow
async def family(model: str) -> str:
    return await asks(model)
"""


@pytest.fixture(autouse=True)
def _asking(firm: Firm, tmp_path: Path) -> None:
    (tmp_path / "asking.py").write_text(ASKING)


def lines_of(out: str) -> list[list[str]]:
    """The table under its header: cells of each line."""
    lines = out.splitlines()
    begin = next(number for number, line in enumerate(lines) if line.startswith("AT "))
    return [line.split() for line in lines[begin + 1 :]]


def test_calls_stand_under_the_outcome_of_their_attempt(firm: Firm) -> None:
    assert firm("run", "asking.py:asks", "gpt-x\x1b[1m", "--id", "r").out == '"answer"\n'
    shown = firm("show", "r")
    told = lines_of(shown.out)
    assert "\x1b" not in shown.out and "\u202e" not in shown.out
    [attempt] = [n for n, line in enumerate(told) if "attempt" in line and "call('gpt-x" in " ".join(line)]
    assert "chat" in told[attempt + 1] and "ModelBusy," in told[attempt + 1]
    [done] = [n for n, line in enumerate(told) if "done" in line and "call('gpt-x" in " ".join(line)]
    assert " ".join(told[done + 1]).endswith(
        "chat gpt-x (gpt-x-2026) at main 1,500 → 290 tokens (300 cached, 40 reasoning), $0.00123, 830 ms, "
        "first token 210 ms, queued 2 s"
    )
    assert " ".join(told[done + 2]).endswith("retry 429 no red line, waited 1.5 s")
    assert " ".join(told[done + 3]).endswith("fallback at spare, on to other, x=[1]")
    assert " ".join(told[done + 4]).endswith("cache hit")


def test_calls_that_were_given_up_stand_at_the_end(firm: Firm) -> None:
    firm("run", "asking.py:asks", "m", "--id", "r")
    out = firm("show", "r").out
    assert out.index("given up") > out.index("ended")
    assert "slow at main" in out.partition("given up")[2]
    assert "CancelledError" in out.partition("given up")[2]


def test_json_has_all_of_it(firm: Firm) -> None:
    firm("run", "asking.py:asks", "m", "--id", "r")
    found = json.loads(firm("show", "r", "--json").out)
    assert [(span["place"], span["attempt"], span["error"]) for span in found["spans"]] == [
        (1, 1, "CancelledError"),
        (2, 1, "ModelBusy"),
        (2, 2, ""),
    ]
    last = found["spans"][-1]
    assert (last["name"], last["operation"], last["duration_ms"]) == ("chat m", "chat", 830.0)
    assert last["attributes"]["gen_ai.usage.cache_read.input_tokens"] == 300
    assert [moment["name"] for moment in last["moments"]] == ["firm.retry", "firm.fallback", "firm.cache_hit"]


def test_spans_of_a_child_are_the_childs_and_go_with_it(firm: Firm) -> None:
    firm("run", "asking.py:family", "m", "--id", "r")
    assert json.loads(firm("show", "r", "--json").out)["spans"] == []
    assert len(json.loads(firm("show", "r/1", "--json").out)["spans"]) == 3
    assert firm("gc", "--older-than", "0s").code == 0
    assert json.loads(firm("show", "r/1", "--json").out)["spans"] == []


AT = datetime(2026, 1, 1, tzinfo=UTC)


def event(seq: int, kind: str, place: int = 0, attempt: int = 0) -> EventView:
    return EventView(seq=seq, kind=kind, place=place, name="", at=AT, attempt=attempt)


def call_of(generation: int, place: int, attempt: int) -> SpanView:
    common: dict[str, Any] = {"name": "", "operation": "chat", "at": AT, "duration_ms": 1.0, "error": ""}
    return SpanView(generation=generation, place=place, attempt=attempt, attributes={}, moments=[], **common)


def test_a_span_belongs_to_the_generation_and_the_attempt_that_made_it() -> None:
    events = [
        event(0, "started"),
        event(1, "intent", 1),
        event(2, "asked", 1),
        event(3, "answered", 1),
        event(4, "attempt", 1, 1),
        event(5, "attempt", 1, 2),
        event(6, "done", 1),
        event(7, "started"),
        event(8, "failed", 1),
    ]
    spans = [call_of(1, 1, 1), call_of(1, 1, 2), call_of(1, 1, 3), call_of(2, 1, 1), call_of(2, 2, 1)]
    found, given_up = under_events(events, spans)
    assert found == {2: spans[:1], 5: [spans[1]], 6: [spans[2]], 8: [spans[3]]}
    assert given_up == [spans[4]]


@pytest.mark.parametrize(
    ("usd", "shown"),
    [(0, "$0.00"), (12.5, "$12.50"), (0.00123, "$0.00123"), (1e-9, "<$0.000001"), (1234, "$1,234.00")],
)
def test_money_is_shown_with_the_digits_that_it_needs(usd: float, shown: str) -> None:
    assert money(usd) == shown


def test_what_rounds_to_a_second_is_shown_as_one() -> None:
    assert [_ms(seconds) for seconds in (0.99964, 0.9994, 0.0123, 2.0)] == ["1 s", "999 ms", "12.3 ms", "2 s"]
