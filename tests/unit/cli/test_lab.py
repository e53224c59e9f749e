"""What is typed for `firm lab`: its settings, its limits, its runs' names, and what it says at the end."""

import asyncio
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from tests.unit.lab.stories import found, nothing, understood

from firm.cli.found import equal_cost, record, success, with_seeds
from firm.cli.lab import allowance_of, read_settings
from firm.cli.wanted import Wanted, extended, round_of
from firm.cli.watch import Watch, preflight
from firm.errors import UsageError
from firm.kernel.journal import Row, own_key
from firm.kernel.status import Status as RunStatus
from firm.lab.artifact import Vector
from firm.lab.candidate import BOOK, Block, Candidate, Judged, Status, block_key
from firm.lab.order import Source
from firm.lab.problem import Allowance, Objective, Problem, Stage
from firm.lab.report.story import Story
from firm.lab.search import Best, Finding

PROBLEM = Problem(
    name="bowl",
    question="Where is its bottom?",
    artifact=Vector(0, 1, (2,)),
    stages=(Stage("depth", sum),),
    objective=Objective("depth", "min"),
    allowance=Allowance(cpu_s=30.0, tokens=500),
)
WANTED = Wanted(
    source=Source("/somewhere/my bowl.py", "bowl", {}),
    stated=PROBLEM,
    allowance=PROBLEM.allowance,
    experiments=0,
    seeds=(0,),
    workers=1,
    until=None,
    models=(),
    against="",
    extend=False,
    folder=None,
    interactive=False,
    patient=True,
    as_json=False,
)


def finding(story: Story) -> Finding:
    best = story.champion and Best(story.champion.artifact, story.champion.value, story.champion.trust)
    return Finding(best or None, {"evaluations": 500.0, "cpu_s": 1.5}, story)


def valued(value: float) -> Story:
    story = found()
    assert story.champion is not None
    return msgspec.structs.replace(
        story, champion=msgspec.structs.replace(story.champion, value=value), seeds=()
    )


# --- what is typed -----------------------------------------------------------------------------------------------


def test_settings_are_names_with_values() -> None:
    assert read_settings(["n=32", "label = a=b "]) == {"n": "32", "label": "a=b"}


@pytest.mark.parametrize("given", [["n"], ["=3"], ["my n=3"], ["n=1", "n=2"]])
def test_what_is_no_setting_is_refused(given: list[str]) -> None:
    with pytest.raises(UsageError, match="--set"):
        read_settings(given)


@pytest.mark.parametrize(
    ("given", "allowance"),
    [
        ({}, Allowance(cpu_s=30.0, tokens=500)),
        ({"evaluations": 100}, Allowance(evaluations=100, tokens=500)),
        ({"cpu_s": 5.0, "wall_s": 9.0}, Allowance(cpu_s=5.0, wall_s=9.0, tokens=500)),
        ({"usd": 0.5}, Allowance(cpu_s=30.0, tokens=500, usd=0.5)),
    ],
)
def test_a_limit_that_is_given_replaces_the_problems_own(given: dict[str, Any], allowance: Allowance) -> None:
    names = ("evaluations", "cpu_s", "wall_s", "usd")
    assert allowance_of(PROBLEM, dict.fromkeys(names) | given) == allowance


def test_a_limit_that_buys_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match="buys nothing"):
        allowance_of(PROBLEM, {"cpu_s": 0.0})


# --- the runs ----------------------------------------------------------------------------------------------------


class Shelf:
    """A firm that knows how runs stand, and what they found."""

    def __init__(self, states: dict[str, str], results: dict[str, Finding] | None = None) -> None:
        self.states, self.results = states, results or {}

    async def runs(self, status: str | None = None, *, limit: int = 0) -> list[Any]:
        return [
            SimpleNamespace(id=name, status=RunStatus(state))
            for name, state in self.states.items()
            if status in (None, state)
        ]

    def run(self, name: str) -> Any:
        async def result() -> Finding:
            return self.results[name]

        return SimpleNamespace(result=result)


def round_with(states: dict[str, str], wanted: Wanted) -> int:
    return asyncio.run(round_of(Shelf(states), wanted))  # type: ignore[arg-type]


def test_the_same_command_goes_on_until_all_its_searches_have_ended() -> None:
    wanted = replace(WANTED, seeds=(3, 4), against="chance")
    first = [wanted.name(part, 1) for part in wanted.parts]
    assert [name.rpartition("-1-")[2] for name in first] == ["seed3", "seed4", "only-chance"]
    assert round_with({}, wanted) == 1
    assert round_with({first[0]: "succeeded", first[1]: "suspended"}, wanted) == 1
    assert round_with(dict.fromkeys(first[:2], "succeeded"), wanted) == 1
    assert round_with(dict.fromkeys(first, "succeeded"), wanted) == 2
    assert round_with({first[0]: "failed"}, wanted) == 2


def test_another_budget_or_setting_is_another_search() -> None:
    names = {
        WANTED.name("seed0", 1),
        replace(WANTED, allowance=Allowance(cpu_s=31.0)).name("seed0", 1),
        replace(WANTED, source=Source("/somewhere/my bowl.py", "bowl", {"n": "3"})).name("seed0", 1),
        replace(WANTED, models=("big",)).name("seed0", 1),
    }
    assert len(names) == 4
    assert all(name.startswith("lab-my-bowl-") for name in names)


def test_a_search_is_extended_with_what_the_last_one_kept() -> None:
    from firm.lab.candidate import Elite

    kept = msgspec.structs.replace(finding(found()), elites=(Elite(7, b"12345678", 1.0, 0),))
    name = WANTED.name("seed0", 1)
    alone = WANTED.name("only-chance", 1)
    shelf = Shelf({alone: "succeeded", name: "succeeded"}, {name: kept})
    assert asyncio.run(extended(shelf, WANTED)).start == ((b"12345678", ()),)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="'my bowl.py' with these settings has finished here"):
        asyncio.run(extended(Shelf({name: "suspended"}), WANTED))  # type: ignore[arg-type]


# --- what is said ------------------------------------------------------------------------------------------------


def test_the_first_line_says_what_the_budget_buys() -> None:
    said = preflight(0.0032, Allowance(cpu_s=120))
    assert said == (
        "to score a candidate of pure chance costs about 3.2 ms; 2 min of processor time buy at most 38,000 of those, "
        "fewer where making them takes long"
    )
    assert preflight(0.5, Allowance(evaluations=10)).endswith("10 of them take at least 5 s")
    assert preflight(0.5, Allowance(cpu_s=0.1)).endswith(
        "buy at most 0 of those, fewer where making them takes long"
    )
    assert preflight(0.0, Allowance(cpu_s=1)) == "to score a candidate of pure chance costs next to nothing"


def test_progress_counts_each_block_once_and_only_what_is_valid() -> None:
    def row(number: int, *values: tuple[Status, float]) -> Row:
        made = tuple(Candidate(b"", b"", (), status, (Judged(value),)) for status, value in values)
        block = Block(number, "chance", 0, 0, 0, "e", "", "", 500_000, made)
        return Row(BOOK, own_key("r", block_key(number)), block.encode())

    rows = [
        row(1, (Status.VALID, 5.0), (Status.INVALID, 0.0)),
        row(2, (Status.VALID, 4.0), (Status.VALID, 6.0)),
    ]

    class Home:
        async def rows(self, book: str, *, prefix: str, after: str, limit: int) -> list[Row]:
            return [row for row in rows if row.key > after and row.key.startswith(prefix)]

    async def events() -> list[Any]:
        return []

    run: Any = SimpleNamespace(id="r", events=events)
    watch = Watch(Home(), run, Allowance(cpu_s=4.0), PROBLEM)  # type: ignore[arg-type]

    async def look_twice() -> None:
        await watch.look()
        await watch.look()

    asyncio.run(look_twice())
    assert (watch.made, watch.cpu_s, watch.best) == (4, 1.0, 4.0)
    assert watch.share(0.0) == 0.25
    assert watch.line() == "[#####···············]  25%  best 4  4 candidates  1 s of processor time"


def test_json_ends_with_best_and_cost() -> None:
    said = record(found(seeds=()), "lab-1", finding(found()), "/r/report.html")
    assert said["best"] == {
        "artifact": [0.1213, 0.44, -0.052],
        "score": 185.2134,
        "trust": "second solver",
        "standing": "verified",
    }
    assert said["cost"] == {"evaluations": 500, "cpu_s": 1.5}
    assert said["report"] == "/r/report.html"


def test_json_says_null_where_nothing_was_found() -> None:
    said = record(nothing(), "lab-1", finding(nothing()), "r")
    assert said["best"] is None
    assert said["claim"].startswith("No valid candidate was found")


def test_success_over_seeds_goes_by_the_target_else_by_the_best_known() -> None:
    ends: Any = [(SimpleNamespace(id=str(value)), finding(valued(value))) for value in (184.0, 185.0, 186.0)]
    ends.append((SimpleNamespace(id="none"), finding(nothing())))
    wanted = replace(WANTED, seeds=(0, 1, 2, 3))
    story = with_seeds(valued(186.0), ends, wanted)
    assert [row.reached for row in story.seeds] == [False, True, True, False]
    assert success(story) == "2 of 4 seeds reached 185 (95 % interval: 15 % to 85 %)"
    story = with_seeds(valued(186.0), ends, replace(wanted, until=184.0))
    assert [row.reached for row in story.seeds] == [True, True, True, False]
    assert with_seeds(valued(1.0), ends[:1], WANTED).seeds == ()


def test_a_search_by_chance_that_found_nothing_stands_there_as_that() -> None:
    assert equal_cost("chance", nothing()).value is None
    assert equal_cost("cma", found()).name == "cma alone"


def test_reports_of_laws_are_told_like_others(tmp_path: Path) -> None:
    law: Any = SimpleNamespace(best=None, cost={"experiments": 118.0}, law="period = 1", reason="it held")
    said = record(understood(), "lab-1", law, str(tmp_path))
    assert said["law"] == {"verdict": "found", "law": "period = 1", "why": "it held"}
    assert said["cost"] == {"experiments": 118}
