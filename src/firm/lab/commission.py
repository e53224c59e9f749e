"""Work that only a model can do for a search: writing candidates, and answering a prompt that is searched for.

One rule: it runs in the workflow, where each call is a paid, recorded step; a burst gets what was written as bytes.
"""

from collections.abc import Sequence

import msgspec
import numpy as np

from firm.lab.artifact import Prompt, as_json
from firm.lab.author import ARMS, Said, Written, answers, arms_of, compose, paid, total
from firm.lab.author.answer import INPUT
from firm.lab.candidate import Elite
from firm.lab.order import Order
from firm.lab.problem import Problem, Stage
from firm.lab.proposer import open_proposer

MAX_PROMPTS = 8
"""So many are made and answered for one order, by an arm without a model."""
MADE = 64
"""So many candidates one run of operators makes; of texts an order has one, for each is a call that is paid."""
PREFIX = "model-"
"""Begins the name of an arm that a model drives: `model-rewrite@big:high`."""


def model_arms(problem: Problem, models: Sequence[str]) -> tuple[str, ...]:
    """Every way of writing with every model: `models` are names, or `name:effort`."""
    return tuple(f"{PREFIX}{arm}@{model}" for model in models for arm in arms_of(problem))


def is_written(arm: str) -> bool:
    """Whether a model drives this arm."""
    return arm.startswith(PREFIX) and arm[len(PREFIX) :].partition("@")[0] in ARMS


async def commission(
    order: Order, problem: Problem, *, whys: Sequence[str], lessons: Sequence[str]
) -> tuple[Order, Written]:
    """Have a model write what the order then carries; what that cost.

    Args:
        order: Of an arm that a model drives.
        problem: What for.
        whys: Why the latest candidates failed, as the engine counted it.
        lessons: Lines from earlier searches.
    """
    arm, _, who = order.arm[len(PREFIX) :].partition("@")
    model, _, effort = who.partition(":")
    size = min(order.size, MADE) if arm == "operators" else 1
    asked = msgspec.structs.replace(order, arm=arm, model=model, effort=effort, size=size)
    failures = [Said(-2 - place, "", None, why=why) for place, why in enumerate(whys)]
    said = [*(_said(problem, elite) for elite in order.elites), *failures]
    written = await compose(asked, problem, said=said, lessons=lessons)
    given = written.packed(problem)
    filled = msgspec.structs.replace(order, given=given, model=model, effort=effort, size=max(1, len(given)))
    filled, more = await answered(filled, problem)
    return filled, total([written, more])


def _said(problem: Problem, elite: Elite) -> Said:
    names = [stage.name for stage in problem.stages]
    shown = problem.artifact.unpack(elite.artifact)
    text = shown if isinstance(shown, str) else as_json(shown)
    return Said(elite.id, text, elite.value, stages=tuple(zip(names, elite.values, strict=False)))


async def answered(order: Order, problem: Problem) -> tuple[Order, Written]:
    """The order with a model's answers to each prompt it carries or that its arm makes, and what they cost."""
    if not isinstance(problem.artifact, Prompt):
        return order, Written()
    kind = problem.artifact
    given = order.given or (() if order.model else _made(order, problem))
    found: list[tuple[bytes, ...]] = []
    costs: list[Written] = []
    for packed, _ in given:
        text = kind.unpack(packed)
        stages = problem.stages if INPUT in text else ()
        told = [await answer(problem, stage, text) for stage in stages]
        found.append(tuple(said for said, _ in told))
        costs += [cost for _, cost in told]
    return msgspec.structs.replace(order, given=given, answers=tuple(found)), total(costs)


def _made(order: Order, problem: Problem) -> tuple[tuple[bytes, tuple[int, ...]], ...]:
    """What an arm without a model proposes: made here, since the answers are needed before a burst can score.

    What leads already is not paid for again.
    """
    rng = np.random.Generator(np.random.Philox(key=order.seed))
    proposer = open_proposer(order.arm, problem, rng, state=b"", elites=order.elites)
    known = {elite.artifact for elite in order.elites}
    most = min(order.size, MAX_PROMPTS)
    made = {problem.artifact.pack(one.artifact): one.parents for one in proposer.ask(most + 1)}
    return tuple((packed, parents) for packed, parents in made.items() if packed not in known)[:most]


async def answer(problem: Problem, stage: Stage, prompt: str) -> tuple[bytes, Written]:
    """A model's answers to one stage's samples, as JSON of [[input, expected, answer], …], and what they cost."""
    assert isinstance(problem.artifact, Prompt)
    said = await answers(prompt, stage.samples, problem.artifact.model)
    texts = ["" if one is None else one.text for one in said]
    lines = [[given, wanted, text] for (given, wanted), text in zip(stage.samples, texts, strict=True)]
    return msgspec.json.encode(lines), total([paid(one) for one in said if one is not None])
