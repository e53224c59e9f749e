"""Organizations where everything fails: small firms in a real folder, in the simulated world, watched.

The kernel, the ledger, the gate, the agents and all of `firm.org` are the real ones. A stand-in hands over what was
accepted (the real one writes files with git, in threads and processes that a simulated crash cannot kill); it makes the
same checks of digests. Lessons are not begun.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from random import Random
from tempfile import mkdtemp
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import msgspec
from tests.sim.agency import mail, put
from tests.sim.commerce import FAULTS, MICRO

from firm.kernel.context import opened
from firm.kernel.journal import OWN, Row, own_key
from firm.kernel.status import Status
from firm.model import Reply, Text, ToolCall
from firm.model.request import Request
from firm.org import deliver as delivery
from firm.org.carry import carry_out
from firm.org.desk import deciding
from firm.org.mission import Mission, Outcome, TaskEnd
from firm.org.plan import PANEL, Done, Goal, Plan, Task
from firm.org.record import BOOK, read_end, read_plan, read_task
from firm.org.role import Role
from firm.org.roster import role_text, workflow_text
from firm.org.settings import OrgSettings
from firm.policy.rule import Rule
from firm.policy.rulebook import Rulebook
from firm.testing import Job, Options, Program, Report, simulate
from firm.testing.auditor import Auditor
from firm.testing.door import at_once
from firm.testing.economy import Economics, SimFirm
from firm.testing.invariant import Evidence
from firm.units import Usage
from firm.units.purse import Limit

TOOLS = (put, mail)
"""What programs/office.py hands on."""
PROGRAMS = """
from tests.sim.office import TOOLS

put, mail = TOOLS

def join(given):
    return " / ".join(one.text or str(one.data) for one in given.inputs)

def twice(given, artifact):
    return True if len(artifact.text) > 3 else "too short"
"""
KINDS = ("clerks", "mixed", "trouble", "free", "poor")
POOR_USD, TASK_USD = 0.075, 0.035
"""Of a mission that is poor: every call takes 0.01."""
USD = 5.0
ANSWER_S = 25.0
GOAL = Goal(id="g", says="There is a book.")


# --- the firm --------------------------------------------------------------------------------------------------


def _task(id: str, role: str = "clerk", **more: Any) -> Task:
    given = {"says": "Do it.", "makes": id, "role": role, "done": Done(says="words", checks=("not empty",))}
    return Task(id=id, **(given | more))


CHECKED = Done(says="a sentence", checks=("not empty", "programs/office.py:twice"), reviewer="critic")
ROLES = (
    Role(name="chief", purpose="Plans.", reports_to="founder", budget_usd=1.0),
    Role(
        name="clerk",
        purpose="Does it.",
        tools=("programs/office.py:put", "programs/office.py:mail"),
        hands=2,
        stand_in="deputy",
    ),
    Role(name="deputy", purpose="Does it for the clerk.", tools=("programs/office.py:put",), hands=1),
    Role(name="critic", purpose="Reads.", hands=1),
    Role(name="binder", held_by="program", program="programs/office.py:join"),
    Role(name="author", held_by="person", hands=1),
    Role(name="desk", unit="desk"),
)
BOOK_OF = Done(says="all of it", checks=("not empty",))
PLANS: dict[str, tuple[Task, ...]] = {
    "clerks": (
        *[_task(f"back-{n}", done=CHECKED, usd=1.0) for n in range(2)],
        _task("plain", done=CHECKED),
        _task("book", "binder", needs=("back-0", "back-1", "plain"), done=BOOK_OF, deliver=True),
    ),
    "mixed": (
        _task("word", "author"),
        _task("call", PANEL, kind="decision", options=("left", "right"), default="left", done=Done(says="")),
        _task("part", "desk", needs=("word",), usd=2.0),
        _task("book", "binder", needs=("part", "call"), done=BOOK_OF, deliver=True),
    ),
    "trouble": (
        _task("good", deliver=True),
        _task("bad", done=Done(says="x", checks=("words 90 100",)), rounds=1, deliver=True),
        _task("never", needs=("bad",)),
        _task("lacking", "deputy", needs=()),
        _task("sources", "author"),
        _task("ask", "author", needs=("good",)),
    ),
    "free": (_task("unused", deliver=True),),
    "poor": (
        *[_task(f"back-{n}", done=CHECKED, usd=TASK_USD) for n in range(2)],
        _task("book", "binder", needs=("back-0", "back-1"), done=BOOK_OF, deliver=True),
    ),
}
UNIT = (_task("draft", done=CHECKED), _task("final", needs=("draft",), deliver=True))
FIRST = (
    _task("own", done=Done(says="x", checks=("words 90 100",)), rounds=0, makes="text"),
    _task("wait", "author"),
    _task("end", needs=("text", "wait"), deliver=True),
)
SECOND = (
    _task("other", makes="text", done=CHECKED),
    _task("end", needs=("text",), deliver=True),
)
"""What the chief of a free firm plans, and what instead when the first cannot be done."""


@cache
def folder_of_firm() -> Path:
    """One folder for all histories: nothing is written there but folders of tasks."""
    home = Path(mkdtemp(prefix="firm-office-"))
    (home / "programs").mkdir()
    (home / "programs" / "office.py").write_text(PROGRAMS)
    for here, plans in ((home, PLANS), (home / "units" / "desk", {"main": UNIT})):
        (here / "roles").mkdir(parents=True)
        (here / "workflows").mkdir()
        for role in ROLES:
            if here == home or not role.unit:
                (here / "roles" / f"{role.name}.md").write_text(role_text(role))
        for name, tasks in plans.items():
            (here / "workflows" / f"{name}.toml").write_text(workflow_text(Plan(goals=(GOAL,), tasks=tasks)))
    return home


# --- what its model says -----------------------------------------------------------------------------------------

_TASK = re.compile(r"(Task|Review of) (\S+) \(round (\d+)\)")


def answer(request: Request) -> Reply:
    """By the first words of the conversation, and by how far it is."""
    said = next(one for one in request.messages if one.role == "user").text
    turn = sum(one.role == "assistant" for one in request.messages)
    usage = Usage(100, output=20)
    if said.startswith("Plan this mission"):
        tasks = SECOND if said.startswith("Plan this mission anew") else FIRST
        return _json(Plan(goals=(GOAL,), tasks=tasks))
    if said.startswith("Close call"):
        return _json({"choice": "left", "reason": "it is nearer", "confidence": 0.7, "against": "it is dark"})
    found = _TASK.match(said)
    assert found is not None, said[:80]
    what, task, number = found.groups()
    if what == "Review of":
        good = number != "1" or not task.startswith("back")
        return _json({"accept": good, "reasons": [] if good else ["say it again"], "evidence": ["read it"]})
    if task == "lacking" and number == "1":
        return _call(turn, "blocked", {"on": "sources", "why": "they are cited"})
    if turn == 0 and task != "final":
        return _call(turn, "put", {"label": f"{task} {number}"})
    if turn == 1 and task == "plain":
        return _call(turn, "mail", {"label": f"{task} {number}"})
    return Reply((Text(f"{task} was done in round {number}"),), usage)


def _json(value: object) -> Reply:
    return Reply((Text(msgspec.json.encode(value).decode()),), Usage(100, output=20))


def _call(turn: int, name: str, given: dict[str, Any]) -> Reply:
    call = ToolCall(f"call-{turn}", name, msgspec.json.encode(given).decode())
    return Reply((call,), Usage(100, output=20), "tool_calls")


# --- looking on --------------------------------------------------------------------------------------------------


class Lookout:
    """Looks on at the missions of one history.

    O1: a task is accepted at most once, and stays so. O2: what is delivered is what was accepted, digest by digest.
    O3: no maker is his judge. O4: no effect under two keys for one round of a task. O5: the rows of the journal say
    what the outcome says. O6: a mission that ran to its end left no task that could have been done.
    """

    def __init__(self) -> None:
        self.rows: list[tuple[str, str, bytes]] = []
        """Run, name of the row and its value, as they were committed."""
        self.wrong: list[str] = []
        self.met: set[str] = set()

    @contextmanager
    def looking_on(self) -> Iterator[None]:
        """While this lasts, rows are noted, and a firm has what an organization needs of one."""
        watch, rows, home = Auditor._watch, self.rows, folder_of_firm()

        def noted(auditor: Auditor, also: Any, refused: Any) -> None:
            for one in also:
                if type(one) is Row and one.book == BOOK:
                    run, _, name = one.key.partition(OWN)
                    if run not in refused.runs:
                        rows.append((run, name, one.value))
            watch(auditor, also, refused)

        async def nothing(*_: Any, **__: Any) -> list[Row]:
            return []

        async def founder() -> str:
            return "founder"

        config = SimpleNamespace(name="sim", mission="", org=OrgSettings(answer_s=ANSWER_S), schedules=())
        with ExitStack() as stack:
            token = opened.set(SimpleNamespace(home=SimpleNamespace(folder=home), config=config))
            stack.callback(opened.reset, token)  # runs that are replayed without a firm have this one
            for target, name, value in (
                (Auditor, "_watch", noted),
                (delivery, "deliver", self._deliver),
                (deciding, "_who", founder),
            ):
                stack.enter_context(patch.object(target, name, value))
            for name, value in (
                ("home", SimpleNamespace(folder=home)),
                ("config", config),
                ("rows", nothing),
                ("start", nothing),
            ):
                stack.enter_context(patch.object(SimFirm, name, value, create=True))
            yield

    def _deliver(self, outcome: Outcome, folder: Path, firm_name: str) -> delivery.Delivered:
        for one in outcome.tasks:
            if one.artifact is not None and one.status == "accepted":
                if not one.verdicts or not one.verdicts[-1].accept:
                    self.wrong.append(f"O2: {one.id} was handed over and never accepted")
                elif one.verdicts[-1].digest != one.artifact.digest:
                    self.wrong.append(f"O2: {one.id} was handed over otherwise than it was accepted")
        return delivery.Delivered(f"deliveries/{outcome.run}", "")

    def check(self, evidence: Evidence) -> Iterator[str]:
        """One sentence for each thing that does not hold."""
        yield from self.wrong
        yield from self._check_rows()
        yield from self._check_effects(evidence)
        for run in sorted({run for run, _, _ in self.rows}):
            if evidence.standings[run].status is Status.SUCCEEDED:
                kept = {
                    row.key: row.value
                    for row in at_once(evidence.journal.rows(BOOK, prefix=own_key(run, "")))
                }
                yield from self._check_end(run, kept)

    def _check_rows(self) -> Iterator[str]:
        """O1, O3."""
        accepted: dict[tuple[str, str], TaskEnd] = {}
        for run, name, value in self.rows:
            if not name.startswith("task."):
                continue
            row = read_task(value)
            self.met.add(row.status)
            before = accepted.get((run, row.id))
            if before is not None and msgspec.structs.replace(row, at_us=before.at_us) != before:
                yield f"O1: task {row.id} of {run!r} was accepted, and then {row.status} in round {row.rounds}"
            if row.status == "accepted":
                accepted[run, row.id] = row
            if row.verdicts and row.verdicts[-1].by in (row.role, row.artifact and row.artifact.maker):
                yield f"O3: {row.role!r} has judged its own work on {row.id} of {run!r}"

    def _check_effects(self, evidence: Evidence) -> Iterator[str]:
        """O4."""
        keys: dict[tuple[str, str, str], set[str]] = defaultdict(set)
        for done in evidence.history.ledger:
            if isinstance(done.value, dict) and "label" in done.value.get("args", {}):
                keys[done.run.split("/")[0], done.name, done.value["args"]["label"]].add(done.key)
                self.met.add(done.name)
        for (run, name, label), found in keys.items():
            if len(found) > 1:
                yield f"O4: {name} {label!r} of mission {run!r} was done under {len(found)} keys"

    def _check_end(self, run: str, kept: dict[str, bytes]) -> Iterator[str]:
        """O5, O6."""
        end = kept.get(own_key(run, "end"))
        if end is None:
            yield f"O5: mission {run!r} has ended without a row that says so"
            return
        outcome = read_end(end)
        self.met.add(outcome.ending)
        plan = kept.get(own_key(run, "plan"))
        if plan is None and (outcome.ending not in ("refused", "cannot") or outcome.tasks):
            yield f"O5: mission {run!r} was begun, and has no row of its plan"
        if plan is not None and read_plan(plan).plan != outcome.plan:
            yield f"O5: the plan of {run!r} in the journal is not the one of its outcome"
        for one in outcome.tasks:
            body = kept.get(own_key(run, f"task.{one.id}"))
            if one.status in ("accepted", "refused", "skipped"):
                row = read_task(body) if body is not None else None
                if row is None or _essence(row) != _essence(one):
                    yield f"O5: {run!r} says {_essence(one)} of {one.id}, its row {row and _essence(row)}"
            elif not outcome.why:
                yield f"O6: task {one.id} of {run!r} is {one.status} at the end, and nothing says why"


def _essence(end: TaskEnd) -> tuple[Any, ...]:
    return end.status, end.role, end.rounds, end.artifact and end.artifact.digest, len(end.verdicts)


# --- histories ---------------------------------------------------------------------------------------------------


def judged(kind: str) -> Callable[[Status, Any], str | None]:
    """How a mission of this kind may end."""

    def check(status: Status, value: Any) -> str | None:
        if status is Status.CANCELLED and kind in ("clerks", "mixed"):
            return None
        if status is not Status.SUCCEEDED:
            return f"the mission {status.value}: {value}"
        assert isinstance(value, Outcome)
        return None

    return check


JOBS: dict[str, tuple[Job, ...]] = {
    kind: tuple(
        [
            Job(
                f"{kind}-{n}",
                carry_out,
                (
                    Mission(
                        text="a book",
                        workflow=kind if kind in PLANS else "main",
                        plan="free" if kind == "free" else "template",
                        usd=POOR_USD if kind == "poor" else USD,
                        approved=kind != "clerks" or n == 0,
                    ),
                ),
                messages=(("facts", "the wing has grown"), ("facts", "by 2 m"))[: n + 1]
                if kind in ("trouble", "free")
                else (),
                cancel=n == 1 and kind in ("clerks", "mixed"),
                halt=n == 0 and kind == "clerks",
                expect=judged(kind),
            )
            for n in range(1 if kind == "free" else 2)
        ]
    )
    for kind in KINDS
}
RULES = Rulebook((Rule("allow", tool="mail", number=1),))
CAPS = {
    "firm": 100 * MICRO,
    "run/poor-?#2": round(POOR_USD * MICRO),
    "run/poor-?#[3-9]": round(TASK_USD * MICRO),
    "run/poor-?#??": round(TASK_USD * MICRO),
    "run/clerks-?#2": round(USD * MICRO),
}


def of(*kinds: str) -> Callable[[int], Report]:
    """Histories of missions of these kinds, with faults drawn from the seed."""
    jobs = tuple(job for kind in kinds or KINDS for job in JOBS[kind])

    def history(seed: int) -> Report:
        random = Random(f"office/{seed}")
        faults = frozenset(random.sample(FAULTS, random.choice((0, 2, 4, len(FAULTS)))))
        return play(jobs, seed, Options(workers=1, faults=faults, harm_s=random.choice((20.0, 40.0))))

    return history


def play(jobs: tuple[Job, ...], seed: int, options: Options, lookout: Lookout | None = None) -> Report:
    """One history of these missions, watched."""
    lookout = lookout or Lookout()
    economics = Economics(RULES, most=(Limit("usd_micro", 100 * MICRO),), caps=CAPS, answers=answer)
    program = Program("office", jobs, economics, checks=(lookout.check,))
    with lookout.looking_on():
        return simulate(program, seed=seed, options=options)
