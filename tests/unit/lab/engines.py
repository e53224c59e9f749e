"""A search without a file: what was surveyed, what is planned, and what a burst would report."""

import random
from typing import Any

from firm.lab.artifact import Vector
from firm.lab.candidate import Elite, Status, id_of
from firm.lab.engine import Engine, Plan
from firm.lab.order import Order, Report, Source, Tally
from firm.lab.problem import Allowance, Objective
from firm.lab.survey import Form, StageFacts, Survey

SOURCE = Source("/nowhere/bowl.py", "bowl")
HASH = "e" * 16
FORM = Vector(-1.0, 1.0, (2,))
ARMS = ("chance", "cma", "evolution")


def survey(**more: Any) -> Survey:
    """Of a bowl with a cheap stage and an exact one."""
    given: dict[str, Any] = {
        "name": "bowl",
        "question": "Where is the bottom?",
        "form": Form.of(FORM),
        "objective": Objective("depth", "min"),
        "others": (),
        "axes": (),
        "stages": (StageFacts("cheap", "surrogate", 0.3, 1e-4), StageFacts("exact", "exact", 1.0, 1e-3)),
        "final": StageFacts("exact", "exact", 1.0),
        "holdout": "",
        "evaluator": HASH,
        "parts": {"bowl.py": HASH},
        "arms": ARMS,
        "allowance": Allowance(evaluations=1_000),
        "burst_s": 1.0,
        "burst": 64,
        "bound": None,
        "known": None,
        "too_good": 0.05,
        "baselines": (),
        "file": "bowl.py",
        "tried": 8,
        "cpu_s": 0.1,
    }
    return Survey(**{**given, **more})


def plan(**more: Any) -> Plan:
    """Of one worker with a thousand candidates."""
    given: dict[str, Any] = {
        "source": SOURCE,
        "run": "bowl-1",
        "seed": 3,
        "allowance": Allowance(evaluations=1_000),
        "workers": 1,
    }
    return Plan(**{**given, **more})


def engine(**more: Any) -> Engine:
    """That has not begun."""
    return Engine(plan(**more), survey())


def report(order: Order, chance: random.Random, *, made: int | None = None) -> Report:
    """What a burst might say of an order: drawn values that fall with time, two of three candidates valid."""
    made = order.size if made is None else made
    values = [chance.random() / order.number**0.5 for _ in range(made)]
    kept = [
        Elite(
            id_of(order.number, place),
            FORM.pack([chance.uniform(-1, 1), chance.uniform(-1, 1)]),
            value,
            1,
            values=(value, value),
            arm=order.arm,
        )
        for place, value in enumerate(values)
        if place % 3
    ]
    statuses = [0] * len(Status)
    statuses[Status.VALID], statuses[Status.INVALID] = len(kept), made - len(kept)
    pairs = tuple((value, value) for value in values[:32])
    return Report(
        order.number,
        f"{order.seed:x}",
        100 * made,
        made,
        tuple(statuses),
        cpu_s=made * 1e-3,
        wall_s=made * 2e-3,
        elites=tuple(kept[:16]),
        tallies=(Tally(made, made * 1e-4, tuple(values[:32]), pairs), Tally(len(kept), made * 1e-3)),
        whys={"constraint 'wide' is missed": made - len(kept)} if made else {},
        state=b"state %d" % order.number if made else b"",
        evaluator=order.evaluator,
    )
