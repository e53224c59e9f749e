"""Does `firm lab` find what numeric solvers find, how often, for how much, and is what it says true?

Each search is the real command, in a home of its own, with one worker; processor seconds are those that it counts
(the search, its scorers, its checks; not the start of the program and the report). What it prints is not believed: this
file works each artifact out anew in exact fractions, and shares no code with the problems' own scorers. Chance searches
alone at the cost of the first seed. The wing has no such arithmetic; its word is XFOIL's.

    python bench/lab.py                          a few seeds, a minute or two, without chance
    python bench/lab.py --full                   the whole table: half an hour if most goals are reached
    python bench/lab.py --full circles26 wing    of these alone; --seeds 3 --from 5 --chance 0 --keep DIR
"""

import argparse
import asyncio
import json
import math
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from pathlib import Path
from typing import Any

from bench import machine, tell

from firm import Firm

EXAMPLES = Path(__file__).parents[1] / "examples/lab"
FIRM = Path(sys.executable).with_name("firm")
Points = list[tuple[Fraction, ...]]


def exactly(artifact: Any) -> Points:
    """The floats as they were printed."""
    return [tuple(Fraction(number) for number in row) for row in artifact]


def square(one: tuple[Fraction, ...], other: tuple[Fraction, ...]) -> Fraction:
    return sum(((a - b) ** 2 for a, b in zip(one, other, strict=True)), Fraction(0))


def circles(artifact: Any) -> Fraction:
    """Sum of radii of 26 circles in the unit square that do not overlap."""
    rows = exactly(artifact)
    assert len(rows) == 26
    assert all(r >= 0 and r <= x <= 1 - r and r <= y <= 1 - r for x, y, r in rows)
    assert all(square(a[:2], b[:2]) >= (a[2] + b[2]) ** 2 for a, b in combinations(rows, 2))
    return sum((row[2] for row in rows), Fraction(0))


def maxmin(artifact: Any) -> Fraction:
    """Longest over shortest distance of 16 points, squared."""
    rows = exactly(artifact)
    assert len(rows) == 16
    apart = [square(a, b) for a, b in combinations(rows, 2)]
    return max(apart) / min(apart)


def heilbronn(artifact: Any) -> Fraction:
    """Smallest triangle that 11 points in a triangle make, as a share of it."""
    rows = exactly(artifact)
    assert len(rows) == 11
    assert all(x >= 0 and y >= 0 and x + y <= 1 for x, y in rows)
    return min(
        abs(ax * (by - cy) + bx * (cy - ay) + cx * (ay - by))
        for (ax, ay), (bx, by), (cx, cy) in combinations(rows, 3)
    )


def overlap(artifact: Any) -> Fraction:
    """Largest overlap of a step function on [0, 2], integral 1, with its shifted complement."""
    steps = [Fraction(number) for number in artifact]
    n = len(steps)
    assert n == 51
    assert all(0 <= step <= 1 for step in steps)
    assert sum(steps) * 2 == n
    return max(
        sum((steps[at] * (1 - steps[at + k]) for at in range(n) if 0 <= at + k < n), Fraction(0))
        for k in range(-n, n + 1)
    ) * Fraction(2, n)


def energy(artifact: Any) -> Fraction:
    """Lennard-Jones energy of 13 atoms."""
    rows = exactly(artifact)
    assert len(rows) == 13
    cubes = [square(a, b) ** 3 for a, b in combinations(rows, 2)]
    return sum((4 / (cube * cube) - 4 / cube for cube in cubes), Fraction(0))


def makespan(artifact: str, table: str) -> Fraction:
    """When the last job is done, each begun as early as the orders of the machines allow."""
    numbers = list(map(int, table.split()))
    jobs, machines = numbers[:2]
    assert len(numbers) == 2 + 2 * jobs * machines
    rows = [numbers[2 + 2 * machines * job :][: 2 * machines] for job in range(jobs)]
    orders = json.loads(artifact)
    assert [sorted(order) for order in orders] == [list(range(jobs))] * machines
    done, free, ready, place = 0, [0] * machines, [0] * jobs, [0] * jobs
    waiting = [list(order) for order in orders]
    while any(waiting):
        for at, order in enumerate(waiting):
            if order and place[order[0]] < machines and rows[order[0]][2 * place[order[0]]] == at:
                job = order.pop(0)
                free[at] = ready[job] = max(free[at], ready[job]) + rows[job][2 * place[job] + 1]
                place[job] += 1
                break
        else:
            raise AssertionError("the orders wait for each other")
        done = max(ready)
    return Fraction(done)


def shop(instance: str) -> Callable[[Any], Fraction]:
    """Of one of the published tables, which `examples/lab/jobshop.py` holds as text."""

    def check(artifact: str) -> Fraction:
        source = (EXAMPLES / "jobshop.py").read_text()
        return makespan(artifact, source.split(f'"{instance}": """')[1].split('"""')[0])

    return check


@dataclass(frozen=True, kw_only=True)
class Row:
    """A problem of the table."""

    file: str
    settings: tuple[str, ...] = ()
    cpu_s: float
    until: str = ""
    smallest: bool = False
    """Whether less is better."""
    goal: str = ""
    seeds: int = 10
    check: Callable[[Any], Fraction] | None = None
    """The value, worked out here; AssertionError: not valid."""
    short: tuple[float, int] | None = None
    """Processor seconds and seeds of the short bench; None: not in it."""


TABLE = {
    "maxmin16": Row(
        file="maxmin16.py", cpu_s=5, until="12.88923", smallest=True, goal="10 of 10", check=maxmin, short=(5, 3)
    ),
    "circles26": Row(
        file="circles26.py", cpu_s=300, until="2.63598", goal="at least 5 of 10", check=circles, short=(40, 1)
    ),
    "erdos_overlap": Row(
        file="erdos_overlap.py", cpu_s=120, until="0.38105", smallest=True, goal="all", check=overlap, short=(15, 1)
    ),
    "heilbronn11": Row(
        file="heilbronn11.py", cpu_s=300, until="0.0362", goal="all", check=heilbronn, short=(15, 1)
    ),
    "wing": Row(file="wing.py", cpu_s=120, goal="8 % over the catalogue, 5 % on the hold-out", seeds=3),
    "jobshop ft06": Row(
        file="jobshop.py", settings=("instance=ft06",), cpu_s=60, until="55", smallest=True, seeds=2,
        check=shop("ft06"), short=(5, 1),
    ),
    "jobshop ft10": Row(
        file="jobshop.py", settings=("instance=ft10",), cpu_s=60, until="930", smallest=True, seeds=2,
        check=shop("ft10"),
    ),
    "lennard_jones13": Row(
        file="lennard_jones13.py", cpu_s=30, until="-44.3268", smallest=True, seeds=2, check=energy, short=(5, 1)
    ),
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the command line asked for."""

    seeds: int | None
    first: int
    chance: int
    full: bool
    keep: Path | None


def search(name: str, seed: int, cpu_s: float, asked: Asked) -> dict[str, Any]:
    """What one `firm lab` printed, with its report, and what chance had found by itself."""
    row = TABLE[name]
    options = ["--seed", str(seed), "--cpu-s", f"{cpu_s:g}", "--workers", "1", "--json"]
    options += [part for setting in row.settings for part in ("--set", setting)]
    options += ["--until", row.until] if row.until else []
    options += ["--against", "chance"] if seed < asked.first + asked.chance else []
    with tempfile.TemporaryDirectory() as home:
        command = [str(FIRM), "lab", str(EXAMPLES / row.file), *options, "--home", home]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr}")
        said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        said["story"] = json.loads(Path(said["report"]).with_suffix(".json").read_text())["story"]
        said["chance"] = asyncio.run(chance_of(home))
    if asked.keep:
        asked.keep.mkdir(parents=True, exist_ok=True)
        kept = json.dumps(said | {"said": done.stderr})
        (asked.keep / f"{name.replace(' ', '-')}-{seed}.json").write_text(kept)
    return said


async def chance_of(home: str) -> list[dict[str, Any]]:
    """What chance found in the search of its own, beside the baselines that it was given."""
    async with Firm.open(home) as firm:
        runs = [view.id for view in await firm.runs() if "-only-" in view.id]
        found = [(await firm.run(run).result()).story for run in runs]
    return [
        {"best": arm.best, "candidates": arm.candidates, "valid": arm.valid, "cpu_s": story.spent.cpu_s}
        for story in found
        for arm in story.arms
        if arm.arm == "chance"
    ]


def held(row: Row, said: dict[str, Any]) -> bool:
    """Whether the goal was reached: by the value that is worked out here, which has to be the one it told.

    Raises:
        AssertionError: the artifact is not valid, or worth something else.
    """
    best = said["best"]
    if row.check is None or best is None:
        return False
    value = row.check(best["artifact"])
    assert math.isclose(float(value), best["score"], rel_tol=1e-14), (float(value), best["score"])
    target = Fraction(row.until)
    return value <= target if row.smallest else value >= target


def told(said: dict[str, Any]) -> dict[str, Any]:
    """Of one search what belongs into the table."""
    best = said["best"] or {}
    spent = {key: said["cost"][key] for key in ("evaluations", "wall_s")}
    return {key: best.get(key) for key in ("score", "trust", "standing")} | spent


def tell_gains(what: str, said: dict[str, Any]) -> None:
    """By how much a wing is better than the catalogue's best, as asked and in the air of the hold-out."""
    champion = (said["story"]["champion"] or {}).get("said", {})
    over = "over the catalogue"
    if over in champion:
        tell(f"{what}, {over}", 100 * champion[over], "%", goal="at least 8", sweeps=champion.get("sweeps"))
    airs = [
        air for one in champion.values() if isinstance(one, dict) for air in one.items() if over in air[1]
    ]
    if airs:
        least = min(air[over] for _, air in airs)
        tell(f"{what}, {over}, hold-out, least", 100 * least, "%", goal="at least 5", airs=dict(airs))


def measure(name: str, asked: Asked) -> None:
    """All seeds of one problem, one after the other."""
    row = TABLE[name]
    cpu_s, seeds = (row.cpu_s, row.seeds) if asked.full else row.short or (row.cpu_s, 1)
    seeds = asked.seeds or seeds
    reached = 0
    for seed in range(asked.first, asked.first + seeds):
        what = f"{name}, seed {seed}"
        said = search(name, seed, cpu_s, asked)
        good = held(row, said)
        reached += good
        tell(f"{what}, CPU", said["cost"]["cpu_s"], "s", reached=good if row.until else None, **told(said))
        tell_gains(what, said)
        for chance in said["chance"]:
            tell(f"{what}, valid by chance alone at the same cost", chance["valid"], "", **chance)
    if row.until:
        goal = row.goal if asked.full else ""
        tell(
            f"{name}: reached {row.until} in {cpu_s:g} CPU-s", reached, f"of {seeds}", goal=goal, **machine()
        )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", choices=[*TABLE, []], metavar="NAME", help=", ".join(TABLE))
    parser.add_argument("--full", action="store_true", help="all seeds, with the whole budget")
    parser.add_argument("--seeds", type=int, help="so many, instead of the table's")
    parser.add_argument("--from", type=int, default=0, dest="first", help="the first seed")
    parser.add_argument("--chance", type=int, help="of so many seeds chance searches too; 1 with --full")
    parser.add_argument("--keep", type=Path, help="folder for what each search printed and reported")
    given = vars(parser.parse_args())
    names = given.pop("names")
    if given["chance"] is None:
        given["chance"] = int(given["full"])
    asked = Asked(**given)
    for name in names or [name for name, row in TABLE.items() if asked.full or row.short]:
        measure(name, asked)


if __name__ == "__main__":
    main()
