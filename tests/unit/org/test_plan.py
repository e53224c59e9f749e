"""What is wrong with a plan, told with what would mend it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firm.org.plan import MAX_TASKS, PANEL, Done, Goal, Plan, Task, circle, faults, is_name, order_of

ROLES = {"writer": "agent", "critic": "agent"}
GOAL = Goal(id="g", says="There is a text.")
DONE = Done(says="two words", checks=("words 2 40",))


def task(id: str, **more: Any) -> Task:
    return Task(
        id=id, **({"says": "Do it.", "role": "writer", "makes": id, "done": DONE, "deliver": True} | more)
    )


def told(*tasks: Task, usd: float | None = None, **more: Any) -> str:
    plan = Plan(goals=more.pop("goals", (GOAL,)), tasks=tasks, **more)
    return "\n".join(f"{one.place}: {one.says}" for one in faults(plan, ROLES, usd=usd))


def test_a_plan_without_faults_has_none() -> None:
    assert told(task("a"), task("b", needs=("a",))) == ""


@pytest.mark.parametrize(
    ("tasks", "words"),
    [
        ((), "it has no tasks"),
        ((task("a", deliver=False),), "no task has deliver = true"),
        ((task("a", role="writter"),), "there is no such role; did you mean 'writer'?"),
        ((task("a", done=Done(says="x", reviewer="critik")),), "is reviewed by 'critik'"),
        ((task("a", done=Done(says="x", reviewer="writer")),), "reviewed by 'writer', who makes it"),
        ((task("a", done=Done(says="x")),), "is checked by nobody"),
        ((task("a", done=Done(says=" ", checks=("not empty",))),), "does not say what done means"),
        ((task("a", needs=("b",)),), "needs 'b', which no task makes"),
        ((task("a", needs=("a",)),), "needs 'a', which it makes itself"),
        ((task("a", goal="h"),), "serves the goal 'h', which there is not"),
        ((task("a", says=" "),), "says nothing of what is to be done"),
        ((task("a"), task("a", makes="b")), "2 have the task 'a'"),
        ((task("a"), task("b", makes="a")), "2 have the artifact 'a'"),
        ((task("../a"),), "'../a' cannot name the task"),
        ((task("a", makes="a/b"),), "'a/b' cannot name the artifact"),
        ((task("a", usd=-1.0),), "has usd = -1.0"),
        ((task("a", usd=float("nan")),), "has usd = nan"),
        ((task("a", rounds=21),), "has rounds = 21; give 0 to 20"),
        ((task("a", role=PANEL, kind="decision"),), "needs at least two options"),
        ((task("a", role=PANEL, kind="decision", options=("x", "y"), default="z"),), "none of its options"),
    ],
)
def test_each_fault_is_told_with_what_would_mend_it(tasks: tuple[Task, ...], words: str) -> None:
    assert words in told(*tasks)


def test_tasks_that_wait_for_each_other_are_named_in_their_circle() -> None:
    around = told(task("a", needs=("c",)), task("b", needs=("a",)), task("c", needs=("b",)))
    assert "waits for" in around and all(name in around for name in ("a", "b", "c"))


def test_a_plan_that_is_too_dear_names_what_is_dearest() -> None:
    assert "take up to 5.00 USD together, and the mission has 2.00; the dearest: b 4.00" in told(
        task("a", usd=1.0), task("b", usd=4.0), usd=2.0
    )


def test_a_plan_that_is_too_large_is_to_be_divided_among_units() -> None:
    assert "divide it among units" in told(*(task(f"t{number}") for number in range(MAX_TASKS + 1)))


def test_what_says_that_it_cannot_be_met_has_no_tasks() -> None:
    assert told(cannot="nobody can fly", goals=()) == ""
    assert "and has tasks" in told(task("a"), cannot="nobody can fly")


names = st.sampled_from("abcdefgh")


@given(st.dictionaries(names, st.sets(names)))
def test_a_circle_is_found_exactly_where_there_is_one(waits: dict[str, set[str]]) -> None:
    found = circle(waits)
    if found:
        assert all(after in waits[one] for one, after in zip(found, (*found[1:], found[0]), strict=True))
    else:
        assert not any(_reaches(waits, one, one) for one in waits)


def _reaches(waits: dict[str, set[str]], start: str, goal: str) -> bool:
    seen: set[str] = set()
    todo = list(waits.get(start, ()))
    while todo:
        one = todo.pop()
        if one == goal:
            return True
        if one not in seen:
            seen.add(one)
            todo += waits.get(one, ())
    return False


def test_tasks_are_ordered_behind_what_they_need() -> None:
    plan = Plan(goals=(GOAL,), tasks=(task("c", needs=("b",)), task("b", needs=("a",)), task("a")))
    assert [one.id for one in order_of(plan)] == ["a", "b", "c"]


@pytest.mark.parametrize("name", ["a", "a-b_c.d", "翼型", "x" * 64])
def test_letters_of_any_language_make_a_name(name: str) -> None:
    assert is_name(name)


@pytest.mark.parametrize("name", ["", ".", "..", "-a", ".a", "a/b", "a b", "x" * 65, "a\0"])
def test_what_would_lead_elsewhere_in_a_path_is_no_name(name: str) -> None:
    assert not is_name(name)
