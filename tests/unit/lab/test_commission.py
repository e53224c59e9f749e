"""What only a model can do for a search: what it is asked, what an order then carries, and what that cost."""

import asyncio
from collections.abc import Awaitable
from typing import Any

import msgspec
import numpy as np
import pytest
from tests.unit.lab.engines import HASH, SOURCE

from firm.lab import commission as commissioning
from firm.lab.artifact import Program, Prompt, Text, Vector
from firm.lab.author import ARMS
from firm.lab.candidate import Elite
from firm.lab.commission import MADE, MAX_PROMPTS, answer, answered, commission, is_written, model_arms
from firm.lab.order import Order
from firm.lab.problem import Allowance, Objective, Operators, Problem, Stage
from firm.model import Models, ScriptedModel

SAMPLES = (("a", "A"), ("b", "B"))


def right(rows: list[Any]) -> float:
    return 1.0


def stated(kind: Any, *, stages: int = 1, **more: Any) -> Problem:
    samples = SAMPLES if isinstance(kind, Prompt) else ()
    return Problem(
        name="p",
        question="Which?",
        artifact=kind,
        stages=tuple(Stage(f"stage {place}", right, samples=samples) for place in range(stages)),
        objective=Objective("right"),
        allowance=Allowance(evaluations=9),
        **more,
    )


def order(arm: str, **more: Any) -> Order:
    return Order(run="r", number=5, source=SOURCE, evaluator=HASH, arm=arm, seed=3, **more)


def with_model(says: Any, work: Awaitable[Any]) -> tuple[Any, ScriptedModel]:
    model = ScriptedModel(says)

    async def main() -> Any:
        async with Models({"default": model, "big": model}):
            return await work

    return asyncio.run(main()), model


def elite(kind: Any, text: Any, id: int = 7, *values: float) -> Elite:
    return Elite(id, kind.pack(text), values[-1] if values else 0.5, max(0, len(values) - 1), values=values)


@pytest.mark.parametrize(
    ("kind", "arms"),
    [
        (Vector(0.0, 1.0, (2,)), ("operators",)),
        (Text("x"), ARMS),
        (Program("pass"), ARMS[:3]),
        (Prompt("{input}"), ARMS[:3]),
    ],
)
def test_each_model_has_an_arm_for_each_way_of_writing_that_fits(kind: Any, arms: tuple[str, ...]) -> None:
    found = model_arms(stated(kind), ("big:high", "small"))
    assert found == tuple(f"model-{arm}@{who}" for who in ("big:high", "small") for arm in arms)
    assert all(is_written(arm) for arm in found)
    assert model_arms(stated(kind), ()) == ()


@pytest.mark.parametrize("arm", ["chance", "operators", "cma", "given", "model-of-mine", "model-chance@big"])
def test_an_arm_that_no_model_drives_is_not_taken_for_one(arm: str) -> None:
    assert not is_written(arm)


def test_a_text_is_written_by_the_model_and_with_the_effort_of_its_arm_and_is_one_call() -> None:
    kind = Text("start")
    wanted = order("model-rewrite@big:high", size=64, elites=(elite(kind, "the best", 7, 0.25),))
    work = commission(wanted, stated(kind), whys=("it was too long",), lessons=("short ones win",))
    (filled, written), model = with_model(["```text\nbetter\n```"], work)
    assert filled.given == ((b"better\n", (7,)),)
    assert (filled.arm, filled.model, filled.effort, filled.size) == (
        "model-rewrite@big:high",
        "big",
        "high",
        1,
    )
    assert written.calls == len(model.requests) == 1 and written.tokens > 0
    asked = model.requests[0].messages[0].text
    assert all(word in asked for word in ("the best", "0.25", "it was too long", "short ones win"))


def test_where_nothing_came_of_it_the_order_carries_nothing_and_the_calls_are_paid() -> None:
    work = commission(order("model-rewrite@big"), stated(Text("start")), whys=(), lessons=())
    (filled, written), _ = with_model(["no block", "none again"], work)
    assert (filled.given, filled.size) == ((), 1)
    assert written.calls == 2 and written.troubles


def test_operators_are_asked_for_once_and_make_as_many_as_an_order_takes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[Order] = []

    async def compose(asked: Order, problem: Problem, **more: Any) -> Any:
        seen.append(asked)
        return commissioning.Written(given=tuple((f"[{n}.0]", ()) for n in range(3)), calls=1)

    monkeypatch.setattr(commissioning, "compose", compose)
    about = stated(Vector(0.0, 9.0, (1,)))
    filled, _ = asyncio.run(commission(order("model-operators@big", size=999), about, whys=(), lessons=()))
    assert (seen[0].arm, seen[0].model, seen[0].size) == ("operators", "big", MADE)
    assert [np.frombuffer(packed)[0] for packed, _ in filled.given] == [0.0, 1.0, 2.0] and filled.size == 3


def test_each_prompt_is_answered_once_for_each_sample_of_each_stage() -> None:
    kind = Prompt("Say {input}", model="big")
    wanted = order("given", given=tuple((kind.pack(text), ()) for text in ("Shout {input}", "no place")))
    work = answered(wanted, stated(kind, stages=2))
    (filled, written), model = with_model(lambda request: request.messages[-1].text.upper(), work)
    first, second = filled.answers
    assert [msgspec.json.decode(one) for one in first] == [[["a", "A", "SHOUT A"], ["b", "B", "SHOUT B"]]] * 2
    assert second == (), "one without a place for the sample is asked nothing"
    assert written.calls == len(model.requests) == 4 and written.tokens > 0
    assert filled.given == wanted.given


def test_what_is_no_prompt_is_answered_by_nobody() -> None:
    wanted = order("chance", size=3)
    assert asyncio.run(answered(wanted, stated(Text("x")))) == (wanted, commissioning.Written())


def test_an_arm_without_a_model_makes_few_prompts_and_none_that_leads_already() -> None:
    kind = Prompt("0 {input}")
    about = stated(kind, operators=Operators(lambda rng: f"{rng.integers(4)} {{input}}"), arms=("chance",))
    wanted = order("chance", size=64, elites=(elite(kind, "2 {input}"),))
    (filled, written), _ = with_model(lambda request: "A", answered(wanted, about))
    texts = [kind.unpack(packed) for packed, _ in filled.given]
    assert texts and len(texts) == len(set(texts)) <= MAX_PROMPTS and "2 {input}" not in texts
    assert len(filled.answers) == len(texts) and written.calls == 2 * len(texts)


def test_an_answer_of_nothing_is_an_empty_one_and_not_left_out() -> None:
    kind = Prompt("{input}")
    about = stated(kind)
    (said, written), _ = with_model(["A", ""], answer(about, about.stages[0], "{input}"))
    assert msgspec.json.decode(said) == [["a", "A", "A"], ["b", "B", ""]]
    assert written.calls == 2
