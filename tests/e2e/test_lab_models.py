"""Whole searches in a real firm: what models write and answer, a scorer that misbehaves, and the same rows twice."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from firm import Firm
from firm.kernel.journal import own_key
from firm.lab import search as searching
from firm.lab.artifact import Vector
from firm.lab.candidate import BOOK, Block
from firm.lab.load import source_of
from firm.lab.search import Brief, Finding, search
from firm.model import Request, ScriptedModel
from firm.sandbox import Level, probe

boxed = pytest.mark.skipif(probe().level < Level.BUBBLEWRAP, reason=f"no box: {probe().why}")
Says = Callable[[Request], str]

LAB = '''
import math
import os
import time

from firm.lab import Allowance, Objective, Problem, Program, Prompt, Stage, Vector, problem

SIZES = [4, 8, 1, 4, 2, 1, 7, 3, 6, 4]
START = """
def pack(sizes):
    return [[size] for size in sizes]
"""
HARNESS = """
import json, program
json.dump(program.pack(json.load(open("input.json"))), open("artifact.json", "w"))
"""


def bins(packed):
    assert sorted(size for held in packed for size in held) == sorted(SIZES), "other things were packed"
    assert all(sum(held) <= 10 for held in packed), "a bin is too full"
    return float(len(packed))


@problem
def packing() -> Problem:
    return Problem(
        name="packing",
        question="How few bins hold all?",
        artifact=Program(START, harness=HARNESS, entry="pack", about="sizes -> bins, each a list of sizes"),
        stages=(Stage("bins", bins, input=SIZES, wall_s=10.0),),
        objective=Objective("bins", "min"),
        allowance=Allowance(evaluations=8),
        bound=4.0,
    )


def right(rows):
    return sum(said == wanted for _, wanted, said in rows) / len(rows)


@problem
def asking() -> Problem:
    return Problem(
        name="asking",
        question="Which prompt brings the answer?",
        artifact=Prompt("Say it: {input}"),
        stages=(Stage("right", right, samples=(("a", "A"), ("b", "B"))),),
        holdout=Stage("unseen", right, samples=(("c", "C"),)),
        objective=Objective("right"),
        allowance=Allowance(evaluations=6),
        arms=("chance",),
    )


def moods(x):
    if x[0] > 0.9:
        while True:
            time.sleep(1)
    if x[0] > 0.8:
        return float(len(bytearray(2 << 30)))
    if x[0] > 0.7:
        raise ValueError("no such thing")
    if x[0] > 0.6:
        return math.nan
    if x[0] > 0.5:
        os._exit(3)
    return x[0]


@problem
def moody() -> Problem:
    return Problem(
        name="moody",
        question="How far can one go?",
        artifact=Vector(0.0, 1.0, (1,)),
        stages=(Stage("moods", moods, wall_s=0.2, memory_bytes=256 << 20),),
        objective=Objective("far"),
        allowance=Allowance(evaluations=20),
        arms=("chance",),
    )


def cheap(x):
    return sum(abs(one - 0.35) for one in x)


def bowl(x):
    return sum((one - 0.3) ** 2 for one in x)


@problem
def bowls() -> Problem:
    return Problem(
        name="bowls",
        question="Where is the bottom?",
        artifact=Vector(-1.0, 1.0, (3,)),
        stages=(Stage("cheap", cheap, "surrogate", keep=0.4), Stage("exact", bowl)),
        objective=Objective("depth", "min"),
        allowance=Allowance(evaluations=400),
    )
'''
FIRST_FIT = """
def pack(sizes):
    bins = []
    for size in sorted(sizes, reverse={reverse}):
        for held in bins:
            if sum(held) + size <= 10:
                held.append(size)
                break
        else:
            bins.append([size])
    return bins
"""


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    """The file with the problems."""
    path = tmp_path / "lab.py"
    path.write_text(LAB)
    return path


def found(lab: Path, name: str, *, say: Says | None = None, home: str = "home", **brief: Any) -> Finding:
    """What a search comes to."""

    async def main() -> Finding:
        models = {"default": ScriptedModel(say)} if say is not None else {}
        async with Firm.open(lab.parent / home, models=models) as firm:
            wanted = Brief(source=source_of(f"{lab}:{name}", {}), answer_s=0.1, **brief)
            return await (await firm.start(search, wanted, id=name)).result()

    return asyncio.run(main())


def blocks(lab: Path, name: str, home: str = "home") -> list[Block]:
    """All rows of a search."""

    async def look() -> list[Block]:
        async with Firm.visit(lab.parent / home) as firm:
            return [Block.decode(row.value) for row in await firm.rows(BOOK, prefix=own_key(name))]

    return asyncio.run(look())


@boxed
def test_a_model_that_writes_better_programs_wins_with_its_name_in_the_lineage(lab: Path) -> None:
    asked: list[str] = []

    def say(request: Request) -> str:
        asked.append(request.messages[-1].text)
        if len(asked) == 1:
            return "```python\ndef pack(sizes:\n```"  # does not parse: one turn of repair
        return f"```python{FIRST_FIT.format(reverse=len(asked) > 2)}```"

    finding = found(lab, "packing", say=say, models=("default",))
    assert finding.best is not None and (finding.best.score, finding.best.trust) == (4.0, "exact")
    assert finding.story.ended_by == "bound"
    assert "cannot be taken" in asked[1]
    last = finding.story.lineage[-1]
    assert last.arm.startswith("model-") and last.model == "default" and last.value == 4.0
    written = [arm for arm in finding.story.arms if arm.arm.startswith("model-")]
    assert sum(arm.tokens for arm in written) == finding.cost["tokens"] > 0
    rows = [row for block in blocks(lab, "packing") for row in block.candidates]
    assert len(rows) == finding.cost["evaluations"] <= 8
    assert any(row.parents for row in rows)


@boxed
def test_of_what_differs_in_form_alone_one_is_paid_for(lab: Path) -> None:
    count = 0

    def say(request: Request) -> str:
        nonlocal count
        count += 1
        return f"```python\n# try {count}{FIRST_FIT.format(reverse=False)}```"

    finding = found(lab, "packing", say=say, models=("default",))
    made = [row for block in blocks(lab, "packing") if block.model for row in block.candidates]
    assert len(made) == 1 and count > 1
    assert finding.best is not None and finding.best.score == 5.0


def test_a_prompt_is_searched_by_what_a_model_answers_and_its_answers_are_paid(lab: Path) -> None:
    answered: list[str] = []

    def say(request: Request) -> str:
        text = request.messages[-1].text
        if "candidate" in text.lower() or "```" in text:
            return f"```text\nShout number {len(answered)}: {{input}}\n```"
        answered.append(text.strip())
        return answered[-1][-1].upper() if text.startswith("Shout") else answered[-1][-1]

    finding = found(lab, "asking", say=say, models=("default",))
    assert finding.best is not None and finding.best.score == 1.0
    assert finding.best.artifact.startswith("Shout") and "{input}" in finding.best.artifact
    champion = finding.story.champion
    assert champion is not None and champion.holdout is not None and champion.holdout.value == 1.0
    assert answered.count("Say it: a") >= 1 and any(text.endswith(": c") for text in answered)
    assert finding.cost["tokens"] > 0
    scored = [row for block in blocks(lab, "asking") for row in block.candidates if row.stages]
    assert {row.stages[0].value for row in scored} == {0.0, 1.0}


def test_a_prompt_is_searched_without_a_model_that_writes(lab: Path) -> None:
    finding = found(lab, "asking", say=lambda request: "A")
    assert finding.best is not None and finding.best.score == 0.5
    assert [arm.arm for arm in finding.story.arms if arm.candidates] == ["given", "chance"]


def test_a_scorer_that_hangs_leaks_raises_and_lies_costs_no_more_than_its_candidates(lab: Path) -> None:
    moods = tuple((Vector(0.0, 1.0, (1,)).pack([x]), ()) for x in (0.95, 0.85, 0.75, 0.65, 0.55))
    finding = found(lab, "moody", start=moods)
    assert finding.best is not None
    (x,) = finding.best.artifact
    assert finding.best.score == x <= 0.5
    rows = [row for block in blocks(lab, "moody") for row in block.candidates]
    assert len(rows) == finding.cost["evaluations"] == 20
    assert all((row.stages[0].value is not None) == (not row.why) for row in rows)
    said = {one.why for one in finding.story.rejected if one.why}
    for why in ("longer than 0.2 s", "memory", "ValueError: no such thing", "the score is nan", "ended"):
        assert any(why in one for one in said), (why, said)


def table(lab: Path, home: str, seed: int) -> list[Any]:
    """Every row of a search for the bottom, without what it took."""
    found(lab, "bowls", home=home, seed=seed)
    return [
        (
            *(block.number, block.arm, block.island, block.counter, block.seed),
            [(row.hash, row.parents, row.status, row.why, row.audit) for row in block.candidates],
            [[(said.value, said.slack) for said in row.stages] for row in block.candidates],
        )
        for block in blocks(lab, "bowls", home)
    ]


def test_the_same_seed_gives_the_same_rows_twice_and_another_seed_others(lab: Path) -> None:
    first = table(lab, "one", 1)
    assert sum(len(rows) for *_, rows, _ in first) == 400
    assert len({arm for _, arm, *_ in first}) > 2
    assert table(lab, "two", 1) == first
    assert table(lab, "three", 2) != first


def test_a_search_of_many_generations_has_the_rows_of_one_that_has_a_single_one(
    lab: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = table(lab, "one", 1)
    monkeypatch.setattr(searching, "MOST_STEPS", 7)
    assert len(whole) > 3 * 7
    assert table(lab, "many", 1) == whole
