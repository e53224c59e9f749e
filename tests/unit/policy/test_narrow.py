"""Handing a charter down, as a function and as a block in workflow code."""

import asyncio
from typing import Any

import pytest
from tests.unit.kernel.engine import engine

from firm.errors import UsageError
from firm.kernel import charter_here, step, workflow
from firm.policy.capability import EMPTY, Capability, Charter
from firm.policy.narrow import MAX_DEPTH, narrow
from firm.policy.within import within
from firm.units import Budget
from firm.units.purse import Limit, Purse


def test_what_is_not_said_stays() -> None:
    charter = narrow(
        EMPTY, agent="ann", unit="sales", goal="more", capabilities=[Capability("find")],
        purses=[Purse("run/a", (Limit("calls", 3),))], deadline_us=9,
    )  # fmt: skip
    assert narrow(charter) == charter
    other = narrow(charter, agent="bob", purses=charter.purses, deadline_us=12)
    assert (other.agent, other.unit, other.goal, other.deadline_us) == ("bob", "sales", "more", 9)
    assert other.agents == (("ann", 1), ("bob", 1))
    assert other.purses == charter.purses


def test_what_may_not_be_delegated_is_left_behind() -> None:
    charter = narrow(
        EMPTY, capabilities=[Capability("find", delegate=False), Capability("s*", delegate=False)]
    )
    assert charter.levels[0][0].delegate is False
    assert narrow(charter).levels == ((Capability("find", until="1970-01-01T00:00:00Z"),),)


def test_counters_without_an_id_are_those_of_the_place() -> None:
    def id_at(place: str) -> str:
        return narrow(EMPTY, capabilities=[Capability("call", calls=1)], place=place).levels[0][0].id

    assert id_at("a#1") == id_at("a#1") != id_at("a#2")
    same = narrow(EMPTY, capabilities=[Capability("call", calls=1), Capability("call", calls=1)])
    assert same.levels[0][0].id != same.levels[0][1].id
    assert narrow(EMPTY, capabilities=[Capability("call", id="mine", calls=1)]).levels[0][0].id == "mine"


@pytest.mark.parametrize("what", ["agent", "capabilities", "budgets"])
def test_depth_has_a_limit(what: str) -> None:
    def deeper(charter: Charter, count: int) -> Charter:
        if what == "agent":
            return narrow(charter, agent=f"a{count}")
        if what == "capabilities":
            return narrow(charter, capabilities=[Capability("*")])
        return narrow(charter, purses=[Purse(f"run/{count}")])

    charter = EMPTY
    for count in range(MAX_DEPTH):
        charter = deeper(charter, count)
    with pytest.raises(UsageError, match="at most 16 are allowed"):
        deeper(charter, MAX_DEPTH)


@pytest.mark.parametrize(
    "capability",
    [
        Capability(""),
        Capability(3),  # type: ignore[arg-type]
        Capability("a", calls=-1),
        Capability("a", calls=True),
        Capability("a", calls=1.5),  # type: ignore[arg-type]
        Capability("a", usd=-0.01),
        Capability("a", usd=float("inf")),
        Capability("a", usd=1e12),
        Capability("a", to="ann"),  # type: ignore[arg-type]
        Capability("a", to=(1,)),  # type: ignore[arg-type]
        Capability("a", where={"x": float("nan")}),
        Capability("a", where=[]),  # type: ignore[arg-type]
        Capability("a", until="tomorrow"),
        Capability("a", until="2027-01-01T00:00:00"),
        Capability("a", per="to"),
        Capability("a", delegate=1),  # type: ignore[arg-type]
    ],
)
def test_a_capability_that_cannot_be_is_refused(capability: Capability) -> None:
    with pytest.raises(UsageError):
        narrow(EMPTY, capabilities=[capability])


@pytest.mark.parametrize("given", ["find", [{"tool": "find"}], Capability("find")])
def test_only_capabilities_are_taken(given: Any) -> None:
    with pytest.raises(UsageError, match="give a list of Capability"):
        narrow(EMPTY, capabilities=given)


# --- the block -------------------------------------------------------------------------------------------------------


def here() -> list[Any]:
    charter = Charter.decode(charter_here())
    return [
        charter.agent,
        [[one.tool for one in level] for level in charter.levels],
        [purse.id for purse in charter.purses],
        charter.depth,
        charter.late,
    ]


@step
async def look() -> list[Any]:
    return here()


@workflow
async def child() -> list[Any]:
    return here()


@workflow
async def parent() -> list[Any]:
    with within(agent="ann", capabilities=[Capability("find"), Capability("seek", delegate=False)], budget=2):
        first = [await look(), await child()]
        with within(budget=Budget(calls=3)):
            first.append(await child())
    with within(agent="bob"):
        first.append(await child())
    return [*first, here()]


def test_a_block_holds_for_what_is_called_inside_it() -> None:
    async def main() -> Any:
        async with engine() as at:
            return await at.run(parent)

    tools = [["find", "seek"]]
    assert asyncio.run(main()) == [
        ["ann", tools, ["run/run-1#1"], 1, False],
        ["ann", tools, ["run/run-1#1"], 1, False],
        ["ann", tools, ["run/run-1#1", "run/run-1#2"], 1, False],
        ["bob", [], [], 1, False],
        ["", [], [], 0, False],
    ]


@workflow
async def tainted() -> list[Any]:
    from firm.kernel import current_run

    current_run().mark("untrusted")
    with within(capabilities=[Capability("mail", to=("ann",))]):
        return here()


def test_what_a_tainted_run_writes_is_late() -> None:
    async def main() -> Any:
        async with engine() as at:
            return await at.run(tainted)

    assert asyncio.run(main()) == ["", [["mail"]], [], 1, True]


@step
async def opens() -> None:
    with within(agent="ann"):
        pass


@workflow
async def steps_inside() -> None:
    await opens()


def test_a_step_opens_no_block() -> None:
    async def main() -> None:
        async with engine() as at:
            with pytest.raises(UsageError, match=r"within\(\) inside the step 'opens'"):
                await at.run(steps_inside)

    asyncio.run(main())


def test_outside_any_run_a_block_holds_too() -> None:
    with within(agent="ann", capabilities=[Capability("find")], budget=Budget(wall_s=60)) as charter:
        assert here()[:2] == ["ann", [["find"]]]
        assert charter.deadline_us > 1_700_000_000_000_000
        assert charter.purses == ()
    assert here() == ["", [], [], 0, False]
