"""An organization under load: what it costs beside the runs of its agents, how long a task waits, what `firm ps` takes.

Each task is one agent's run of four model calls and three tool calls (to a mock server over HTTP, as in the bench of
agents), and a check by a program. The floor is the same runs, with the same words and a folder each, gathered by a
plain workflow in the same kind of firm: what is on top of it is the organization. 30 agents with 150 tasks, then 1,000
agents in 40 units with 10,000 tasks. Processor time of the whole process; each side is a process of its own, which has
carried out one task before. Then 8 missions of 150 tasks begun at once, and a firm of 1,000 agents that is killed.
"""

import argparse
import asyncio
import gc
import json
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

import bare_agent
import msgspec
import uvloop
from bench import machine, tell

from firm import Firm, Model, gather, workflow
from firm.org import crew
from firm.org import member as member_module
from firm.org.assignment import Assignment
from firm.org.carry import carry_out
from firm.org.member import member, task_words
from firm.org.mission import Mission
from firm.org.plan import Done, Goal, Plan, Task
from firm.org.role import Role
from firm.org.roster import read_staff, role_text, workflow_text
from firm.testing import mock_process, raise_file_limit

TOOLS = '''
from firm import tool

@tool(risk="read")
async def look(name: str, number: int) -> str:
    """Look what lies at a place of the shelf."""
    return f"{name} {number}: three left"

@tool(risk="read")
async def price(name: str, number: int) -> str:
    """Say what a thing costs."""
    return f"{name} {number}: 4.20 USD"

@tool(risk="read")
async def place(name: str, number: int) -> str:
    """Say where a thing is kept."""
    return f"{name} {number}: second row"
'''
NOTED = (
    TOOLS.replace(
        "from firm import tool",
        "from pathlib import Path\n\nfrom firm import current_run, current_step, tool\nfrom firm.ids import digest",
    )
    .replace('@tool(risk="read")\nasync def place', '@tool(risk="write", effect="keyed")\nasync def place')
    .replace(
        '    return f"{name} {number}: second row"',
        '    with Path(__file__).parents[2].joinpath("sent").open("a") as file:\n'
        '        file.write(digest(current_run().id) + current_step().key + "\\n")\n'
        '    return f"{name} {number}: second row"',
    )
)
"""With an effect outside: a line for each, of the run and the key of the effect."""
LINE = 65
NAMES = ("look", "price", "place")
RATES = {"input": 2.0, "output": 10.0, "cache_read": 0.5}
SETTINGS = """\
name = "burst"
[budget]
usd_per_day = 1_000_000
usd_per_minute = 1_000_000
[org]
approve_plan_above_usd = 1000000
[limits]
same_call = 0
"""
WARM = {"units": 0, "hands": 1, "tasks": 1}
CREATORS = 8
ROUNDS = 12
SIDES = ("floor", "org")
PS = (sys.executable, "-m", "firm.cli", "ps", "--json", "--home")
QUERY = (
    sys.executable,
    "-c",
    """
import asyncio, io, sys, time
from contextlib import redirect_stdout
from firm.cli import main
sys.argv = ["firm", "ps", "--json", "--home", sys.argv[1]]
for _ in range(2):
    began = time.perf_counter()
    with redirect_stdout(io.StringIO()):
        try:
            main()
        except SystemExit as error:
            assert not error.code, error
print(time.perf_counter() - began)
""",
)
"""The command once more in a process that has done it before: without the interpreter's start and imports."""


def role_of(hands: int) -> Role:
    """Who does the tasks."""
    tools = tuple(f"programs/tools.py:{name}" for name in NAMES)
    return Role(name="clerk", purpose=bare_agent.SYSTEM, tools=tools, hands=hands)


def task_of(number: int, role: str = "clerk") -> Task:
    """One task."""
    return Task(
        id=f"t{number}",
        says=bare_agent.TASK,
        role=role,
        makes=f"a{number}",
        done=Done(says="a sentence", checks=("words 1 40",)),
        deliver=number == 0,
    )


def write_firm(folder: Path, *, units: int, hands: int, tasks: int) -> None:
    """A firm with so many units (0: none), each with so many hands and tasks."""
    (folder / "programs").mkdir(parents=True)
    (folder / "programs" / "tools.py").write_text(TOOLS)
    (folder / "firm.toml").write_text(SETTINGS)
    (folder / "workflows").mkdir()
    warm = msgspec.structs.replace(task_of(0), role="chief")
    plan = Plan(goals=(Goal(id="g", says="One is looked at."),), tasks=(warm,))
    (folder / "workflows" / "warm.toml").write_text(workflow_text(plan))
    if not units:
        _write_part(folder, [role_of(hands)], [task_of(number) for number in range(tasks)])
        return
    roles = [Role(name=f"unit-{number}", unit=f"unit-{number}", hands=1) for number in range(units)]
    _write_part(folder, roles, [task_of(number, f"unit-{number}") for number in range(units)])
    for number in range(units):
        part = folder / "units" / f"unit-{number}"
        _write_part(part, [role_of(hands)], [task_of(number) for number in range(tasks)])


def _write_part(folder: Path, roles: list[Role], tasks: list[Task]) -> None:
    (folder / "roles").mkdir(parents=True)
    (folder / "workflows").mkdir(exist_ok=True)
    for role in (msgspec.structs.replace(role_of(1), name="chief", reports_to="founder"), *roles):
        (folder / "roles" / f"{role.name}.md").write_text(role_text(role))
    plan = Plan(goals=(Goal(id="g", says="All is looked at."),), tasks=tuple(tasks))
    (folder / "workflows" / "main.toml").write_text(workflow_text(plan))


@workflow
async def floor(units: int, hands: int, tasks: int, role: Role, place: str = "work/floor") -> int:
    """The same runs of agents, without an organization."""
    if units:
        parts = [floor(0, hands, tasks, role, f"{place}-{number}") for number in range(units)]
        return sum(await gather(*parts))
    given = [
        Assignment(task=task_of(number), mission="m", folder=f"{place}/t{number}") for number in range(tasks)
    ]
    runs = [member(task_words(one), one.folder, "", None, role, "", "text") for one in given]
    return len(await gather(*runs, limit=hands))


async def measure(
    side: str, folder: Path, shape: dict[str, int], url: str, *, looks: int = 0
) -> dict[str, Any]:
    """One side, in this process: seconds of processor and wall time, waits, and what `firm ps` took meanwhile."""
    write_firm(folder, **shape)
    gc.collect()
    raise_file_limit()
    watch = Watch(hands=shape["hands"]) if looks else None
    async with Firm.open(folder, models={"default": model_at(url)}) as firm:
        await begin(side, firm, folder, WARM)
        gc.collect()
        if watch is not None:
            watch.begin()
        cpu, wall = time.process_time(), time.perf_counter()
        looking = asyncio.create_task(_look(folder, looks)) if looks else None
        await begin(side, firm, folder, shape)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        found = await looking if looking is not None else {}
    return {"cpu": cpu, "wall": wall} | found | (watch.found() if watch is not None else {})


def model_at(url: str) -> Model:
    """The mock server as a model with a price."""
    return Model(url=url, name="mock", key=bare_agent.KEY, usd_per_mtok=RATES)


async def begin(side: str, firm: Firm, folder: Path, shape: dict[str, int], *, id: str | None = None) -> None:
    """Carry all out, and see that it was."""
    warm = shape is WARM
    if side == "floor":
        staff = read_staff(folder, "unit-0" if shape["units"] else "")
        role = next((one for one in staff if one.name == "clerk"), role_of(shape["hands"]))
        done = await (
            await firm.start(
                floor, shape["units"], shape["hands"], shape["tasks"], role, "work/w" if warm else "work/f"
            )
        ).result()
        assert done == shape["tasks"] * max(1, shape["units"]), done
        return
    mission = Mission(
        text=bare_agent.TASK, usd=100_000.0, plan="template", workflow="warm" if warm else "main"
    )
    outcome = await (await firm.start(carry_out, mission, id=id)).result()
    assert outcome.ending == "reached", (outcome.ending, outcome.why)


async def turns(folder: Path, shape: dict[str, int], url: str) -> dict[str, list[dict[str, Any]]]:
    """Both sides in turn, each time in a firm of its own, in this process."""
    found: dict[str, list[dict[str, Any]]] = {side: [] for side in SIDES}
    for number in range(ROUNDS):
        for side, rows in found.items():
            rows.append(await measure(side, folder / f"{side}-{number}", shape, url))
    return found


async def creators(folder: Path, shape: dict[str, int], url: str) -> dict[str, Any]:
    """Missions that are begun at the same moment by so many creators, in one firm."""
    write_firm(folder, **shape)
    raise_file_limit()
    async with Firm.open(folder, models={"default": model_at(url)}) as firm:
        cpu, wall = time.process_time(), time.perf_counter()
        looking = asyncio.create_task(_look(folder, 5))
        await asyncio.gather(*(begin("org", firm, folder, shape) for _ in range(CREATORS)))
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        return {"cpu": cpu, "wall": wall} | await looking


async def killed(folder: Path, shape: dict[str, int], url: str) -> dict[str, Any]:
    """One life of a firm that is killed: the mission under the same id, begun or gone on with."""
    if not folder.exists():
        write_firm(folder, **shape)
        (folder / "programs" / "tools.py").write_text(NOTED)
    raise_file_limit()
    async with Firm.open(folder, models={"default": model_at(url)}) as firm:
        await begin("org", firm, folder, shape, id="killed")
    return {}


async def _look(folder: Path, times: int) -> dict[str, list[float]]:
    """How long `firm ps --json` takes, as a command of its own and its query alone, again and again, in seconds."""
    whole, query = [], []
    for _ in range(times):
        for found, command in ((whole, [*PS, str(folder)]), (query, [*QUERY, str(folder)])):
            began = time.perf_counter()
            made = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
            said, _ = await made.communicate()
            took = time.perf_counter() - began
            if made.returncode != 0:
                raise RuntimeError("firm ps has failed")
            found.append(took if found is whole else float(said))
        await asyncio.sleep(0.3)
    return {"ps": whole, "query": query}


class Watch:
    """When tasks could begin, and when their members' runs did."""

    def __init__(self, hands: int) -> None:
        self.hands = hands
        self.ready: dict[str, float] = {}
        self.free: dict[str, list[float]] = {}
        self.run: dict[str, float] = {}

    def begin(self) -> None:
        """From here on."""
        watch, carry, loop, perform = self, crew._One.carry, member_module.Loop, crew.perform

        async def carried(one: Any) -> None:
            watch.ready.setdefault(one.given.folder, time.perf_counter())
            await carry(one)

        async def performed(who: Role, given: Assignment, unit: str = "") -> Any:
            try:
                return await perform(who, given, unit)
            finally:
                mission = given.folder.rpartition("/")[0]
                watch.free.setdefault(mission, []).append(time.perf_counter())

        def looped(agent: Any, task: str, options: tuple[str, str], *rest: Any) -> Any:
            watch.run.setdefault(options[0], time.perf_counter())
            return loop(agent, task, options, *rest)

        crew._One.carry = carried  # type: ignore[method-assign]
        crew.perform, member_module.Loop = performed, looped  # type: ignore[assignment,misc]

    def found(self) -> dict[str, list[float]]:
        """Of each task, in seconds: from a free member to its run, and from its inputs to its run."""
        from_free, from_inputs = [], []
        by_mission: dict[str, list[str]] = {}
        for folder in sorted(self.run, key=lambda one: self.run[one]):
            by_mission.setdefault(folder.rpartition("/")[0], []).append(folder)
        for mission, folders in by_mission.items():
            free = [0.0] * self.hands + sorted(self.free.get(mission, []))
            for folder, at in zip(folders, free, strict=False):
                from_free.append(self.run[folder] - max(at, self.ready[folder]))
                from_inputs.append(self.run[folder] - self.ready[folder])
        return {"from_free": from_free, "from_inputs": from_inputs}


def command_of(side: str, shape: dict[str, int], url: str, *more: str) -> list[str]:
    """This file, as a process of its own."""
    return [sys.executable, __file__, "--side", side, "--shape", json.dumps(shape), "--url", url, *more]


def in_process(side: str, shape: dict[str, int], *, looks: int = 0) -> dict[str, Any]:
    """One side in a process of its own."""
    with mock_process("--tool-turns", str(bare_agent.TOOL_CALLS)) as server:
        command = command_of(side, shape, server.url, "--looks", str(looks))
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def compare(what: str, shape: dict[str, int], found: dict[str, list[dict[str, Any]]]) -> None:
    """Both sides; the least of each."""
    tasks = shape["tasks"] * max(1, shape["units"])
    least = {side: min(row["cpu"] for row in rows) for side, rows in found.items()}
    for side, cpu in least.items():
        all_ms = [round(row["cpu"] / tasks * 1e3, 2) for row in found[side]]
        tell(f"{what}, {side}, CPU a task", cpu / tasks * 1e3, "ms", all=all_ms, **machine())
    over = (least["org"] / least["floor"] - 1) * 100
    tell(f"{what}, organization over its agents' runs, CPU", over, "%", goal="at most 10")
    tell(f"{what}, wall", min(row["wall"] for row in found["org"]), "s")


def tell_waits(what: str, row: dict[str, Any]) -> None:
    """How long tasks and `firm ps` took."""
    names = {
        "from_free": ("a task waits for a free member", "at most 1"),
        "from_inputs": ("from a task's inputs to its run, the queue for its role included", ""),
        "ps": ("firm ps, whole command", "at most 0.2"),
        "query": ("firm ps, its query", "at most 0.2"),
    }
    for key, (name, goal) in names.items():
        if seconds := sorted(row.get(key, ())):
            p99 = round(seconds[int(len(seconds) * 0.99)], 3)
            about = {"p99": p99, "most": round(seconds[-1], 3), "of": len(seconds)}
            tell(f"{what}, {name}, p50", statistics.median(seconds), "s", goal=goal, **about)


def kill(what: str, shape: dict[str, int]) -> None:
    """kill -9 when half of the effects are there; what was lost and doubled, and how soon it was at work again."""
    tasks = shape["tasks"] * max(1, shape["units"])
    with (
        mock_process("--tool-turns", str(bare_agent.TOOL_CALLS)) as server,
        tempfile.TemporaryDirectory() as place,
    ):
        command, sent = command_of("kill", shape, server.url, "--home", f"{place}/f"), Path(place, "sent")
        with subprocess.Popen(command) as first:
            while not sent.exists() or sent.stat().st_size < tasks / 2 * LINE:
                assert first.poll() is None, "it ended before it was killed"
                time.sleep(0.02)
            first.kill()
        time.sleep(0.5)
        asked, began = _count(server.url), time.perf_counter()
        with subprocess.Popen(command) as second:
            while _count(server.url) == (asked := asked + 1):  # our own question counts too
                assert second.poll() is None, "it has ended"
                time.sleep(0.02)
            again = time.perf_counter() - began
            assert second.wait() == 0
        lines = sent.read_text().split("\n")[:-1]
        keys: dict[str, set[str]] = {}
        for line in lines:
            keys.setdefault(line[:32], set()).add(line[32:64])
    tell(f"{what}, killed in the middle, at work again after", again, "s", goal="at most 5", **machine())
    doubled = sum(len(found) - 1 for found in keys.values())
    tell(f"{what}, killed in the middle, effects lost", tasks - len(keys), "", goal="0", of=tasks)
    tell(f"{what}, killed in the middle, effects under two keys", doubled, "", goal="0", sent=len(lines))


def _count(url: str) -> int:
    with urllib.request.urlopen(url + "/mock") as response:
        return int(json.load(response)["count"])


async def alone(chosen: argparse.Namespace) -> dict[str, Any]:
    """What one process does."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "f"
        if chosen.side == "kill":
            return await killed(Path(chosen.home), chosen.shape, chosen.url)
        if chosen.side == "turns":
            return await turns(place, chosen.shape, chosen.url)
        if chosen.side == "creators":
            return await creators(place, chosen.shape, chosen.url)
        return await measure(chosen.side, place, chosen.shape, chosen.url, looks=chosen.looks)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--side")
    parser.add_argument("--shape", type=json.loads)
    parser.add_argument("--url")
    parser.add_argument("--home")
    parser.add_argument("--looks", type=int, default=0)
    parser.add_argument("--only", default="small,large,creators,kill")
    chosen = parser.parse_args()
    if chosen.side:
        print(json.dumps(uvloop.run(alone(chosen))))
        return
    only = chosen.only.split(",")
    small, large = {"units": 0, "hands": 30, "tasks": 150}, {"units": 40, "hands": 25, "tasks": 250}
    if "small" in only:
        compare("30 agents, 150 tasks", small, in_process("turns", small))
    if "large" in only:
        what = "1,000 agents, 10,000 tasks"
        found = {side: in_process(side, large, looks=10 * (side == "org")) for side in SIDES}
        compare(what, large, {side: [row] for side, row in found.items()})
        tell_waits(what, found["org"])
    if "creators" in only:
        what, row = (
            f"{CREATORS} creators at once, 30 agents and 150 tasks each",
            in_process("creators", small),
        )
        tell(f"{what}, wall until all are delivered", row["wall"], "s", **machine())
        tell(f"{what}, CPU a task", row["cpu"] / CREATORS / small["tasks"] * 1e3, "ms")
        tell_waits(what, row)
    if "kill" in only:
        kill("1,000 agents, 2,000 tasks", large | {"tasks": 50})


if __name__ == "__main__":
    main()
