"""An order to a model, with a model that answers by rule."""

import asyncio
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from firm import Firm, workflow
from firm.errors import UsageError
from firm.lab.artifact import Program, Prompt, Text, Vector
from firm.lab.author import Said, Written, answers, arms_of, compose, drive
from firm.lab.candidate import Elite
from firm.lab.order import Order, Source
from firm.lab.problem import Allowance, Objective, Problem, Score, Stage
from firm.model import Models, Request, ScriptedModel
from firm.sandbox import Level, probe

SOURCE = Source("/nowhere.py", "p")
BOXES = probe().level >= Level.BUBBLEWRAP
boxed = pytest.mark.skipif(not BOXES, reason="this machine has no bubblewrap")
HARNESS = (
    "import json, program\njson.dump(program.f(json.load(open('input.json'))), open('artifact.json', 'w'))\n"
)
OPERATORS = """import numpy as np
def propose(rng):
    return rng.random(3)
def improve(rng, x):
    return np.minimum(x * 2, 7.0)
def perturb(rng, x, reach):
    return x + reach * rng.normal(size=3)
"""


def score(artifact: Any) -> Score:
    return Score(1.0)


def problem_of(artifact: Any, **stage: Any) -> Problem:
    return Problem(
        name="p",
        question="Which is best?",
        artifact=artifact,
        stages=(Stage("first", score, wall_s=10.0, **stage),),
        objective=Objective("value"),
        allowance=Allowance(evaluations=10),
    )


PROGRAM = problem_of(Program("def f(x):\n    return x\n", harness=HARNESS, entry="f"), input=20)
TEXT = problem_of(Text("start"))
VECTOR = problem_of(Vector(0.0, 1.0, (3,)))


def order(arm: str, **given: Any) -> Order:
    return Order(run="r", number=1, source=SOURCE, evaluator="hash", arm=arm, **given)


def block(text: str, language: str = "python") -> str:
    return f"Here it is:\n```{language}\n{text}\n```"


def ask(
    arm: str, problem: Problem, replies: list[Any], said: tuple[Said, ...] = (), **given: Any
) -> tuple[Written, ScriptedModel]:
    model = ScriptedModel(replies)

    async def main() -> Written:
        async with Models({"default": model, "big": model}):
            return await compose(order(arm, **given), problem, said=said)

    return asyncio.run(main()), model


@boxed
def test_a_rewrite_is_tried_in_a_box_and_names_its_parents() -> None:
    said = (Said(7, "def f(x): return 1", 1.0), Said(9, "def f(x): return 2", 2.0))
    written, model = ask("rewrite", PROGRAM, [block("def f(x):\n    return x + 1")], said)
    ((text, parents),) = written.given
    assert text == "def f(x):\n    return x + 1\n"
    assert sorted(parents) == [7, 9]
    assert (written.calls, written.troubles) == (1, ())
    assert written.tokens > 0
    assert written.box_s > 0
    assert "return 2" in model.requests[0].messages[0].text


@boxed
@pytest.mark.parametrize(
    ("first", "why"),
    [
        ("def f(x:\n", "cannot be taken: line 1"),
        ("def g(x): pass", "it defines no function 'f'"),
        ("def f(x): return 1/0", "ZeroDivisionError"),
        ("def f(x): return {1}", "exit code 1"),
        ("import os\ndef f(x): os._exit(0)", "wrote no artifact.json"),
    ],
)
def test_what_fails_is_told_once_and_put_right(first: str, why: str) -> None:
    written, model = ask("rewrite", PROGRAM, [block(first), block("def f(x): return 3")])
    assert [text for text, _ in written.given] == ["def f(x): return 3\n"]
    assert written.calls == 2
    assert why in model.requests[1].messages[-1].text
    assert model.requests[1].messages[1].role == "assistant"


def test_a_second_failure_is_given_up_and_still_paid() -> None:
    written, model = ask("rewrite", PROGRAM, ["no block", "none again"])
    assert written.given == ()
    assert written.calls == len(model.requests) == 2
    assert "no block" in written.troubles[0]
    assert written.tokens > 0


def test_a_model_that_cannot_do_it_is_a_trouble_of_the_arm() -> None:
    written, _ = ask("rewrite", TEXT, [])
    assert written.given == ()
    assert "no rule of the scripted model fits" in written.troubles[0]


def test_a_change_is_applied_to_its_parent_alone() -> None:
    said = (Said(4, "one\ntwo\n", 1.0),)
    change = "<<<<<<< SEARCH\ntwo\n=======\nthree\n>>>>>>> REPLACE"
    written, _ = ask("diff", TEXT, [change], said)
    assert written.given == (("one\nthree\n", (4,)),)


def test_a_change_that_does_not_match_is_told_to_the_model() -> None:
    said = (Said(4, "one\ntwo\n", 1.0),)
    wrong = "<<<<<<< SEARCH\nfour\n=======\nthree\n>>>>>>> REPLACE"
    written, model = ask("diff", TEXT, [wrong, wrong.replace("four", "two")], said)
    assert written.given == (("one\nthree\n", (4,)),)
    assert "SEARCH does not occur in the candidate" in model.requests[1].messages[-1].text


def test_a_crossover_has_two_parents() -> None:
    said = tuple(Said(place, f"text {place}", float(place)) for place in range(5))
    written, model = ask("crossover", TEXT, [block("child", "text")], said)
    ((text, parents),) = written.given
    assert text == "child\n"
    assert len(set(parents)) == 2
    assert all(f"text {parent}" in model.requests[0].messages[0].text for parent in parents)


def test_a_copy_of_a_parent_is_no_candidate() -> None:
    written, _ = ask("rewrite", TEXT, [block("one", "text")], (Said(4, "one\n", 1.0),))
    assert written.given == ()
    assert written.troubles == ("it is the same as its parent",)


def test_an_order_of_several_asks_for_different_drafts() -> None:
    written, model = ask("rewrite", TEXT, [block(f"t{place}", "text") for place in range(3)], size=3)
    assert sorted(text for text, _ in written.given) == ["t0\n", "t1\n", "t2\n"]
    assert len({request.messages[0].text for request in model.requests}) == 3


def test_a_prompt_has_to_have_its_input_once() -> None:
    prompt = problem_of(Prompt("Solve {input}"), samples=(("1", "1"),))
    written, model = ask("rewrite", prompt, [block("Solve it", "text"), block("Do {input} now", "text")])
    assert [text for text, _ in written.given] == ["Do {input} now\n"]
    assert "'{input}' 0 times" in model.requests[1].messages[-1].text


def test_an_arm_that_does_not_fit_is_refused_before_anything_is_paid() -> None:
    assert arms_of(VECTOR) == ("operators",)
    with pytest.raises(UsageError, match="arm 'rewrite' does not write a Vector; give one of operators"):
        ask("rewrite", VECTOR, [])


@boxed
def test_operators_are_driven_in_the_box_and_make_vectors_within_bounds() -> None:
    elite = Elite(5, VECTOR.artifact.pack([0.1, 0.2, 0.3]), 1.0, 0)
    written, _ = ask("operators", VECTOR, [block(OPERATORS)], size=12, seconds=2.0, elites=(elite,))
    assert 8 <= len(written.given) <= 12  # what is made twice is kept once
    assert written.program.startswith("import numpy")
    assert written.packed(VECTOR)[0] == (VECTOR.artifact.pack(json.loads(written.given[0][0])), (5,))
    for text, parents in written.given:
        numbers = json.loads(text)
        assert len(numbers) == 3
        assert all(0.0 <= number <= 1.0 for number in numbers)
        assert parents == (5,)


@boxed
def test_the_same_seed_makes_the_same_vectors_and_driving_again_costs_no_call() -> None:
    async def again(seed: int) -> Written:
        return await drive(OPERATORS, order("operators", size=5, seconds=2.0, seed=seed), VECTOR)

    first, second, other = (asyncio.run(again(seed)) for seed in (1, 1, 2))
    assert first.given == second.given != other.given
    assert first.calls == 0


@boxed
@pytest.mark.parametrize(
    ("program", "why"),
    [
        ("def propose(rng): return rng.random(2)", "2 numbers where 3 are wanted"),
        ("def propose(rng): return [float('nan')] * 3", "no finite number"),
        ("def propose(rng): raise SystemExit(3)", "SystemExit"),
        ("import socket\ndef propose(rng): socket.create_connection(('127.0.0.1', 9))", "Error"),
    ],
)
def test_operators_that_fail_their_trial_are_given_up_after_one_repair(program: str, why: str) -> None:
    written, model = ask("operators", VECTOR, [block(program), block(program)])
    assert written.given == ()
    assert why in written.troubles[0]
    assert why in model.requests[1].messages[-1].text


@boxed
def test_operators_of_a_text_make_json() -> None:
    program = "def propose(rng):\n    return [int(one) for one in rng.permutation(4)]"
    written, _ = ask("operators", TEXT, [block(program)], size=4, seconds=1.0)
    assert all(sorted(json.loads(text)) == [0, 1, 2, 3] for text, _ in written.given)


def test_a_prompt_is_answered_sample_by_sample_and_never_sees_what_is_expected() -> None:
    def rule(request: Request) -> str:
        return request.messages[-1].text.upper()

    model = ScriptedModel(rule)

    async def main() -> list[str]:
        async with Models({"default": model}):
            replies = await answers("say {input} {not this}", [("a", "secret"), ("b", "secret")], "default")
            return [reply.text for reply in replies if reply is not None]

    assert asyncio.run(main()) == ["SAY A {NOT THIS}", "SAY B {NOT THIS}"]
    assert not any("secret" in request.messages[0].text for request in model.requests)


def test_a_prompt_without_input_is_refused() -> None:
    with pytest.raises(UsageError, match="has no '{input}'"):
        asyncio.run(answers("say", [("a", "b")], "default"))


@workflow
async def written_twice() -> list[str]:
    """Two orders inside a run."""
    first = (await compose(order("rewrite"), TEXT, said=())).given
    second = (await compose(order("diff"), TEXT, said=[Said(1, first[0][0], 1.0)])).given
    return [first[0][0], second[0][0]]


def test_in_a_run_each_call_is_a_step_that_is_paid(tmp_path: Path) -> None:
    replies = [block("one", "text"), "<<<<<<< SEARCH\none\n=======\ntwo\n>>>>>>> REPLACE"]

    async def main() -> tuple[list[str], list[str]]:
        async with Firm.open(tmp_path / "home", models={"default": ScriptedModel(replies)}) as firm:
            run = await firm.start(written_twice, id="w")
            found: list[str] = await run.result()
            return found, [type(event).__name__ for event in await run.events()]

    found, events = asyncio.run(asyncio.wait_for(main(), 30))
    assert found == ["one\n", "two\n"]
    assert len(events) > 2


@workflow
async def tried_in_a_run() -> Written:
    """A program and operators inside a run."""
    first = await compose(order("rewrite"), PROGRAM, said=())
    second = await compose(order("operators", size=3, seconds=0.5), VECTOR, said=())
    return msgspec.structs.replace(second, given=(*first.given, *second.given))


@boxed
def test_in_a_run_the_trials_are_steps_that_know_their_problem(tmp_path: Path) -> None:
    model = ScriptedModel([block("def f(x): return 5"), block(OPERATORS)])

    async def main() -> tuple[Written, int]:
        async with Firm.open(tmp_path / "home", models={"default": model}) as firm:
            run = await firm.start(tried_in_a_run, id="t")
            found: Written = await run.result()
            return found, len(await run.events())

    found, events = asyncio.run(asyncio.wait_for(main(), 60))
    assert found.given[0] == ("def f(x): return 5\n", ())
    assert len(found.given) == 4
    assert events == 7  # the run begins, two calls, three trials, the run ends
