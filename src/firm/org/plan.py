"""A plan: goals, tasks, what each makes and needs, and what done means.

One rule: it is data, made by a template, a model or a person alike, and judged by `faults` before anything begins.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import msgspec

from firm.org.artifact import ArtifactKind
from firm.policy.action import RISKS, Risk

MAX_TASKS = 1_000
"""Of one plan; a larger one is divided among units."""
MAX_GOALS = 50
MAX_ROUNDS = 20
ROUNDS = 3
"""How often a task's work may be sent back, where the plan says nothing."""
PANEL = "panel"
"""Stands for a role where a task is a close call: experts, and then the founder."""


class Goal(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Something the mission is to reach, and what is bet on it."""

    id: str
    says: str
    """What shall be true at the end."""
    bet: str = ""
    """What is believed, and not known, when it is begun."""
    wrong_if: str = ""
    """What would prove the bet wrong."""
    by_days: float | None = None
    """Until when it should be known, days after the beginning."""


class Done(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What done means, for one task: at least one check by somebody other than the maker."""

    says: str
    """In words that maker and reviewer read."""
    checks: tuple[str, ...] = ()
    """Made by programs, the cheap ones first: built-in ones (`firm.org.check`), or `programs/FILE.py:FUNCTION`."""
    reviewer: str = ""
    """A role that looks at what passed them; '': nobody but the programs."""


class Task(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One piece of work of a plan."""

    id: str
    """Kebab case, 1..64 characters, once in the plan."""
    says: str
    """What is to be done; `{mission}` stands for the words of the mission."""
    role: str
    """Who does it; 'panel' for a close call."""
    makes: str
    """Name of its artifact; made by one task only."""
    done: Done
    goal: str = ""
    """Which goal it serves; '': the first one."""
    needs: tuple[str, ...] = ()
    """Names of artifacts that it reads; each made by another task, or given with the mission."""
    kind: ArtifactKind = "text"
    schema: dict[str, Any] | None = None
    """JSON Schema of an artifact of kind 'json'."""
    risk: Risk = "write"
    """The gravest thing that doing it may need."""
    usd: float = 0.0
    """What it may take at most, US dollars."""
    rounds: int = ROUNDS
    """How often its work may be sent back, 0..20."""
    deliver: bool = False
    """Its artifact goes to whoever gave the mission."""
    options: tuple[str, ...] = ()
    """Of a close call: what can be decided."""
    default: str = ""
    """Of a close call that can be taken back: what holds when nobody answers."""
    answer_s: float = 0.0
    """Of a close call: how long the founder has; 0: as firm.toml says."""


class Plan(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """How a mission is to be carried out."""

    goals: tuple[Goal, ...]
    tasks: tuple[Task, ...]
    by: Literal["template", "model", "person"] = "template"
    """Who made it."""
    why: str = ""
    """Where it is not what was asked for: why (a weak model, three times nonsense …)."""
    cannot: str = ""
    """Why the mission cannot be met, and what could be instead; then there are no tasks."""


class Fault(msgspec.Struct, frozen=True):
    """What is wrong with a plan, and what would mend it."""

    place: str
    """Task or goal; '' for the whole."""
    says: str


def faults(
    plan: Plan,
    roles: Mapping[str, str],
    *,
    given: Iterable[str] = (),
    usd: float | None = None,
) -> list[Fault]:
    """What is wrong with a plan; nothing: it can be carried out.

    Args:
        plan: As it was made.
        roles: Roles that are there, by name: how each is held ('agent', 'program', 'person', 'unit').
        given: Names of artifacts that come with the mission.
        usd: What the mission may take; None: no bound.
    """
    if plan.cannot:
        return [] if not plan.tasks else [Fault("", "it says that the mission cannot be met, and has tasks")]
    found = [*_of_size(plan), *_of_ids(plan)]
    goals = {goal.id for goal in plan.goals}
    given = set(given)
    makers = {task.makes: task.id for task in plan.tasks}
    for task in plan.tasks:
        found += _of_task(task, roles, goals)
        for name in task.needs:
            if name not in makers and name not in given:
                found.append(Fault(task.id, f"needs {name!r}, which no task makes; " + _near(name, makers)))
    found += _of_circle(plan, makers)
    if plan.tasks and not any(task.deliver for task in plan.tasks):
        found.append(Fault("", "no task has deliver = true; say whose artifact is the mission's result"))
    if usd is not None and (total := sum(task.usd for task in plan.tasks)) > usd + 1e-9:
        found.append(
            Fault(
                "",
                f"its tasks take up to {total:.2f} USD together, and the mission has {usd:.2f}; "
                + _cut(plan),
            )
        )
    return found


def order_of(plan: Plan) -> list[Task]:
    """Tasks so that each stands behind what it needs; for a plan without faults."""
    makers = {task.makes: task for task in plan.tasks}
    seen: dict[str, Task] = {}

    def visit(task: Task) -> None:
        if task.id in seen:
            return
        for name in task.needs:
            if name in makers:
                visit(makers[name])
        seen[task.id] = task

    for task in plan.tasks:
        visit(task)
    return list(seen.values())


def circle(waits: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    """Who waits for each other in a circle, each for the next; () where nobody does.

    Args:
        waits: Name -> names that it waits for.
    """
    state: dict[str, int] = {}
    for start in waits:
        path: list[tuple[str, Any]] = [(start, iter(waits.get(start, ())))] if start not in state else []
        state.setdefault(start, 1)
        while path:
            name, rest = path[-1]
            following = next(rest, None)
            if following is None:
                state[name] = 2
                path.pop()
            elif state.get(following) == 1:
                names = [one for one, _ in path]
                return tuple(names[names.index(following) :])
            elif following not in state:
                state[following] = 1
                path.append((following, iter(waits.get(following, ()))))
    return ()


def _of_size(plan: Plan) -> list[Fault]:
    found = []
    if not plan.tasks:
        found.append(
            Fault("", "it has no tasks; write at least one, or say in `cannot` why the mission cannot be met")
        )
    if not plan.goals:
        found.append(Fault("", "it has no goals; write at least one that the tasks serve"))
    if len(plan.tasks) > MAX_TASKS:
        found.append(
            Fault(
                "",
                f"{len(plan.tasks):,} tasks; at most {MAX_TASKS:,}: divide it among units, each with its own plan",
            )
        )
    if len(plan.goals) > MAX_GOALS:
        found.append(Fault("", f"{len(plan.goals)} goals; at most {MAX_GOALS}"))
    return found


def _of_ids(plan: Plan) -> list[Fault]:
    found = []
    for what, names in (
        ("task", [task.id for task in plan.tasks]),
        ("goal", [goal.id for goal in plan.goals]),
        ("artifact", [task.makes for task in plan.tasks]),
    ):
        counts = Counter(names)
        found += [
            Fault(name, f"{count} have the {what} {name!r}; give each a name of its own")
            for name, count in counts.items()
            if count > 1
        ]
        found += [
            Fault(name, f"{name!r} cannot name the {what}; use letters, digits, '-', '_' and '.', 1 to 64")
            for name in counts
            if not is_name(name)
        ]
    return found


def is_name(name: str) -> bool:
    """Whether it can name a task, a goal or an artifact: it becomes part of a path."""
    plain = name.replace("-", "").replace("_", "").replace(".", "")
    return 1 <= len(name) <= 64 and plain.isalnum() and not name.startswith((".", "-"))


def _of_task(task: Task, roles: Mapping[str, str], goals: set[str]) -> list[Fault]:
    found = []

    def fault(says: str) -> None:
        found.append(Fault(task.id, says))

    for name, what in ((task.role, "is done"), (task.done.reviewer, "is reviewed")):
        if name and name not in roles and (name != PANEL or name == task.done.reviewer):
            fault(f"{what} by {name!r}, and there is no such role; " + _near(name, roles))
    if not task.says.strip():
        fault("says nothing of what is to be done")
    if task.goal and task.goal not in goals:
        fault(f"serves the goal {task.goal!r}, which there is not; " + _near(task.goal, goals))
    if task.role == PANEL or task.kind == "decision":
        found += _of_decision(task)
    else:
        if not task.done.says.strip():
            fault("does not say what done means")
        if not (task.done.checks or task.done.reviewer):
            fault("is checked by nobody; name a check or a reviewer, for nobody reports himself done")
        if task.done.reviewer == task.role:
            fault(f"is reviewed by {task.role!r}, who makes it; name another role")
    if not (math.isfinite(task.usd) and task.usd >= 0):
        fault(f"has usd = {task.usd!r}; give US dollars, at least 0")
    if not 0 <= task.rounds <= MAX_ROUNDS:
        fault(f"has rounds = {task.rounds!r}; give 0 to {MAX_ROUNDS}")
    if task.risk not in RISKS:
        fault(f"has risk = {task.risk!r}; give one of {', '.join(RISKS)}")
    if task.makes in task.needs:
        fault(f"needs {task.makes!r}, which it makes itself")
    return found


def _of_decision(task: Task) -> list[Fault]:
    found = []
    if task.role != PANEL or task.kind != "decision":
        found.append(
            Fault(task.id, f"is a close call: its role is {PANEL!r} and its kind 'decision', or neither is")
        )
    if len(set(task.options)) < len(task.options):
        found.append(Fault(task.id, "has an option twice"))
    if len(task.options) < 2:
        found.append(Fault(task.id, "is a close call and needs at least two options"))
    if task.default and task.default not in task.options:
        found.append(Fault(task.id, f"has default = {task.default!r}, which is none of its options"))
    return found


def _of_circle(plan: Plan, makers: Mapping[str, str]) -> list[Fault]:
    waits = {task.id: [makers[name] for name in task.needs if name in makers] for task in plan.tasks}
    found = circle(waits)
    if not found or len(found) == 1:
        return []
    shown = " waits for ".join([*found, found[0]])
    return [Fault(found[0], f"{shown}: nobody could begin; take one of these needs out")]


def _cut(plan: Plan) -> str:
    """What would fit: the dearest tasks, by name."""
    dear = sorted(plan.tasks, key=lambda task: -task.usd)[:3]
    return "the dearest: " + ", ".join(f"{task.id} {task.usd:.2f}" for task in dear)


def _near(name: str, known: Iterable[str]) -> str:
    import difflib

    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1)
    if near:
        return f"did you mean {near[0]!r}?"
    return "known: " + (", ".join(names[:12]) or "none")
