"""What the lab itself costs: a whole search in a real firm, less a bare loop that makes and scores the same candidates.

All are user and system CPU of the whole process tree; one worker, bursts of 64. What a search costs whatever its size
(opening, the first look, trials) is taken out by a short one. The bare loop asks the same proposer, tells it, and calls
the same scorer, in one process, with nothing kept. `--full`: 1,000,000 candidates on disk, and their report.

    python bench/lab_engine.py [--full]
"""

import argparse
import asyncio
import resource
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
from bench import machine, tell

from firm import Firm
from firm.lab.load import find_problem, source_of
from firm.lab.order import Source
from firm.lab.problem import Allowance, Problem
from firm.lab.proposer import open_proposer
from firm.lab.proposer.protocol import Outcome
from firm.lab.report import page
from firm.lab.search import Brief, Finding, search

FEW, COUNT, FULL = 10_000, 100_000, 1_000_000
BATCH = 64
SPHERE = """
from firm.lab import Allowance, Objective, Problem, Score, Stage, Vector, problem


def depth(x):
    return sum((one - 0.3) ** 2 for one in x)


@problem
def sphere(arm: str = "chance") -> Problem:
    return Problem(
        name="sphere",
        question="Where is the bottom?",
        artifact=Vector(-1.0, 1.0, (6,)),
        stages=(Stage("depth", depth),),
        objective=Objective("depth", "min"),
        allowance=Allowance(evaluations=1000),
        arms=(arm,),
    )
"""


def cpu_s() -> float:
    """Of this process and of its children that have ended."""
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


async def searched(home: Path, source: Source, count: int) -> Finding:
    """The real search, from an empty home."""
    async with Firm.open(home) as firm:
        brief = Brief(source=source, allowance=Allowance(evaluations=count), answer_s=0.1)
        return await (await firm.start(search, brief, id="sphere")).result()


def search_s(folder: Path, source: Source, count: int) -> float:
    """What that costs."""
    with tempfile.TemporaryDirectory(dir=folder) as home:
        began = cpu_s()
        finding = asyncio.run(searched(Path(home), source, count))
        assert finding.cost["evaluations"] == count and finding.best is not None
        return cpu_s() - began


def bare_s(source: Source, count: int) -> float:
    """The same candidates without a lab: begun anew where the proposer is used up."""
    problem, made = find_problem(source), 0
    assert isinstance(problem, Problem)
    score, arm = problem.stages[0].score, problem.arms[0]
    began = cpu_s()
    while made < count:
        rng = np.random.Generator(np.random.Philox(key=made))
        proposer = open_proposer(arm, problem, rng, state=b"", elites=())
        while made < count and (proposals := proposer.ask(min(BATCH, count - made))):
            said = [-float(score(one.artifact.tolist())) for one in proposals]
            proposer.tell([Outcome(one, made + at, said[at], 0.0, 0) for at, one in enumerate(proposals)])
            made += len(proposals)
    return cpu_s() - began


def overhead(folder: Path, path: Path, arm: str) -> None:
    """Of one arm."""
    source = source_of(str(path), {"arm": arm})
    few_s = search_s(folder, source, FEW)
    many_s = search_s(folder, source, COUNT)
    each_us = (many_s - few_s) / (COUNT - FEW) * 1e6
    bare_us = bare_s(source, COUNT) / COUNT * 1e6
    more = {"search_us": round(each_us, 1), "bare_us": round(bare_us, 1), "candidates": COUNT, **machine()}
    tell(f"engine, of a candidate by {arm}", each_us - bare_us, "us", goal="<= 100", **more)
    tell(f"a search whatever its size, by {arm}", few_s - FEW * each_us / 1e6, "s", **machine())


def full(folder: Path, path: Path) -> None:
    """1,000,000 candidates: bytes, time, and the report."""
    home, began = folder / "full", cpu_s()
    finding = asyncio.run(searched(home, source_of(str(path), {"arm": "cma"}), FULL))
    tell("1,000,000 candidates", cpu_s() - began, "s", **machine())
    size = sum(one.stat().st_size for one in home.rglob("*") if one.is_file())
    tell("1,000,000 candidates on disk", size / 1e6, "MB", goal="<= 1,000", **machine())
    began = time.process_time()
    text = page(finding.story)
    tell("their report is drawn in", time.process_time() - began, "s", goal="<= 3", **machine())
    tell("their report", len(text.encode()) / 1e6, "MB", **machine())
    opened(folder, text)


def opened(folder: Path, text: str) -> None:
    """How soon a browser has it, where there is one; less an empty page."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        return
    took = []
    for name, body in (("empty", "<!doctype html><title>empty</title>"), ("report", text)):
        (folder / f"{name}.html").write_text(body)
        began = time.perf_counter()
        words = [
            browser,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            f"--user-data-dir={folder / 'browser'}",
        ]
        done = subprocess.run([*words, "--dump-dom", (folder / f"{name}.html").as_uri()], capture_output=True)
        took.append(time.perf_counter() - began)
        assert done.returncode == 0 and b"</html>" in done.stdout
    tell("their report in a browser, wall", took[1], "s", goal="<= 3", empty_s=round(took[0], 2), **machine())


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--full", action="store_true")
    given = words.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "sphere.py"
        path.write_text(SPHERE)
        if given.full:
            full(folder, path)
            return
        for arm in ("chance", "cma"):
            overhead(folder, path, arm)


if __name__ == "__main__":
    main()
