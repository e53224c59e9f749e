"""`firm show` tells of calls of tools that failed, took their time, or were answered from memory."""

import json
from pathlib import Path

from .conftest import Firm

CALLING = """
from firm import tool, workflow


@tool(risk="pure", cache=True)
async def spell(word: str) -> list[str]:
    return [*word]


@tool(risk="read")
async def fails(place: str) -> str:
    raise ValueError(f"no {place}")


@workflow
async def calls() -> str:
    await spell("ab")
    await spell("ab")
    try:
        return await fails("sea")
    except ValueError as error:
        return str(error)
"""


def test_a_call_from_memory_and_a_failure_stand_under_their_steps(firm: Firm, tmp_path: Path) -> None:
    (tmp_path / "calling.py").write_text(CALLING)
    assert firm("run", "calling.py:calls", "--id", "r").code == 0
    shown = firm("show", "r").out.splitlines()
    told = [line for line in shown if "execute_tool" in line or "cache hit" in line]
    words = (("execute_tool", "spell"), ("cache hit",), ("execute_tool", "fails", "ValueError"))
    assert len(told) == len(words)
    for line, wanted in zip(told, words, strict=True):
        assert all(word in line for word in wanted), line
    spans = json.loads(firm("show", "r", "--json").out)["spans"]
    assert [span["attributes"]["gen_ai.tool.name"] for span in spans] == ["spell", "fails"]
