"""Agents at the command line: how they are told what to do, and what is shown of their runs."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from firm.kernel.journal import Standing
from firm.kernel.status import Status
from firm.root.view import RunView, run_view

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Outcome

SHOP = '''
from firm import Agent, tool


@tool(risk="read")
async def stock(thing: str) -> int:
    """How many of a thing are on the shelf."""
    return 3


clerk = Agent("clerk", tools=[stock])
'''
PLAYED = """
from firm.model import ToolCall


def answer(request):
    last = request.messages[-1]
    if "lost" in request.messages[0].text:
        return ToolCall("1", "rocket", "{}")
    if last.role == "tool":
        return "Three are left."
    return ToolCall("1", "stock", '{"thing": "lamp"}')
"""


@pytest.fixture
def shop(firm: "Callable[..., Outcome]", tmp_path: Path) -> "Callable[..., Outcome]":
    (tmp_path / "shop.py").write_text(SHOP)
    (tmp_path / "played.py").write_text(PLAYED)
    (tmp_path / "firm.toml").write_text('[models.default]\nscript = "played.py:answer"\n')
    return firm


def test_a_task_without_quotes_is_refused_with_what_to_type(shop: "Callable[..., Outcome]") -> None:
    outcome = shop("run", "shop.py:clerk", "how", "many", "lamps?")
    assert outcome.code == 2
    assert "`firm run shop.py:clerk 'how many lamps?'`" in outcome.err


@pytest.mark.parametrize("words", [(), ("",), (" ",)])
def test_an_agent_that_is_told_nothing_is_not_begun(
    shop: "Callable[..., Outcome]", words: tuple[str, ...]
) -> None:
    outcome = shop("run", "shop.py:clerk", *words)
    assert outcome.code == 2
    assert "'clerk' is told what to do in one argument, in quotes; it was told nothing" in outcome.err


def test_a_call_of_a_model_is_shown_as_what_it_says_and_calls(shop: "Callable[..., Outcome]") -> None:
    assert shop("run", "shop.py:clerk", "how many?", "--id", "r").code == 0
    rows = [line for line in shop("show", "r").out.splitlines() if "chat('clerk'" in line]
    assert [" ".join(row.split()[3:]) for row in rows] == [
        "1 chat('clerk', '1') stock({\"thing\": \"lamp\"})",
        "3 chat('clerk', '2') \"Three are left.\"",
    ]


def test_an_agent_that_gets_nowhere_says_what_it_was_told_last(shop: "Callable[..., Outcome]") -> None:
    outcome = shop("run", "shop.py:clerk", "get lost", "--id", "r")
    assert outcome.code == 1
    assert "brought nothing; the last time: There is no tool 'rocket'" in outcome.err


def test_other_runs_that_wait_for_an_answer_are_told_from_those_that_only_wait(
    firm: "Callable[..., Outcome]",
) -> None:
    assert firm("run", "work.py:asks", "we").code == 3
    assert firm("run", "work.py:has_asked", "they").code == 3
    outcome = firm("run", "work.py:add", "2")
    assert outcome.code == 0
    assert "2 other runs wait for you: `firm inbox`" in outcome.err
    assert "`firm up`" not in outcome.err


def test_a_run_that_a_crash_has_left_is_said_to_wait_for_a_process(
    firm: "Callable[..., Outcome]", monkeypatch: pytest.MonkeyPatch
) -> None:
    assert firm("run", "work.py:asks", "we").code == 3
    assert "interrupted" not in firm("ps").err

    def left_running(standing: Standing) -> RunView:
        return msgspec.structs.replace(run_view(standing), status=Status.RUNNING)

    monkeypatch.setattr("firm.root.firm.run_view", left_running)
    left = firm("ps").err
    assert "interrupted: nobody carries it just now; it goes on with `firm up`" in left
