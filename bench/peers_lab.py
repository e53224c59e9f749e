"""26 circles by OpenEvolve without a model: what it finds at the same cost, and what each candidate costs it.

OpenEvolve proposes by a model alone. Its model is taken here by a stub (the `init_client` of its settings), which reads
the program out of the prompt and answers with a diff that moves one to three centres by chance; all else is its own,
with its defaults (islands, map, prompts, diffs, one evaluator process). A program holds 26 centres; the largest radii
for them come from a linear program, and the sum counts once they are shrunk to be valid in exact fractions. The scorer
imports nothing anew for a candidate and starts no process, so that it is as cheap as it can be.

    .venv-peers-lab/bin/python bench/peers_lab.py --cpu-s 60 --seeds 3
    .venv-peers-lab/bin/python bench/peers_lab.py --idle 1000     every score is drawn by chance: its own cost alone
"""

import argparse
import asyncio
import os
import random
import resource
import tempfile
import threading
import time
from contextlib import suppress
from fractions import Fraction
from importlib.metadata import version
from itertools import combinations
from pathlib import Path
from typing import Any

from bench import machine, tell

COUNT = 26
LOOK_S = 0.1


def program(centres: list[tuple[float, float]]) -> str:
    """The source of a candidate."""
    rows = "\n".join(f"    ({x!r}, {y!r})," for x, y in centres)
    return f"# EVOLVE-BLOCK-START\nCENTRES = [\n{rows}\n]\n# EVOLVE-BLOCK-END\n"


class Stub:
    """What stands for the model: a diff that moves one to three centres of the current program."""

    def __init__(self, settings: Any) -> None:
        self.model = "stub"
        self.chance = random.Random(f"{settings.random_seed} {os.getpid()}")

    async def generate(self, prompt: str, **_: Any) -> str:
        return await self.generate_with_context("", [{"role": "user", "content": prompt}])

    async def generate_with_context(self, _system: str, messages: list[dict[str, str]], **_: Any) -> str:
        current = messages[-1]["content"].rpartition("# Current Program\n")[2]
        lines = [line for line in current.splitlines() if line.startswith("    (")][:COUNT]
        reach = 10 ** self.chance.uniform(-4, -0.5)
        return "\n".join(
            f"<<<<<<< SEARCH\n{line}\n=======\n{self.moved(line, reach)}\n>>>>>>> REPLACE"
            for line in self.chance.sample(lines, self.chance.randint(1, 3))
        )

    def moved(self, line: str, reach: float) -> str:
        x, y = (float(part) for part in line.strip(" (),").split(","))
        x, y = (min(1.0, max(0.0, at + self.chance.gauss(0, reach))) for at in (x, y))
        return f"    ({x!r}, {y!r}),"


def valid(centres: list[tuple[float, float]], radii: list[float]) -> bool:
    """In exact fractions of the floats."""
    rows = [(Fraction(x), Fraction(y), Fraction(r)) for (x, y), r in zip(centres, radii, strict=True)]
    return all(r >= 0 and r <= x <= 1 - r and r <= y <= 1 - r for x, y, r in rows) and all(
        (x - u) ** 2 + (y - v) ** 2 >= (r + s) ** 2 for (x, y, r), (u, v, s) in combinations(rows, 2)
    )


def sum_of_radii(centres: list[tuple[float, float]]) -> float:
    """The largest for these centres; 0 where they are not 26 places in the square."""
    import numpy as np
    from scipy.optimize import linprog

    spots = np.array(centres, float)
    if spots.shape != (COUNT, 2) or not np.isfinite(spots).all() or spots.min() < 0 or spots.max() > 1:
        return 0.0
    i, j = np.triu_indices(COUNT, 1)
    touch = np.zeros((len(i), COUNT))
    touch[np.arange(len(i)), i] = touch[np.arange(len(i)), j] = 1
    walls = np.minimum(spots, 1 - spots).min(1)
    found = linprog(
        -np.ones(COUNT), touch, np.hypot(*(spots[i] - spots[j]).T), bounds=[(0, wall) for wall in walls]
    )
    if found.x is None:
        return 0.0
    for shrink in (1e-15, 1e-14, 1e-12, 1e-9, 1e-6):
        radii = (np.maximum(found.x, 0) * (1 - shrink)).tolist()
        if valid(centres, radii):
            return float(sum(map(Fraction, radii)))
    return 0.0


def evaluate(path: str) -> dict[str, float]:
    """OpenEvolve calls this with a candidate's file."""
    if os.environ.get("FIRM_BENCH_IDLE"):
        return {"combined_score": random.random()}
    names: dict[str, Any] = {}
    exec(compile(Path(path).read_text(), path, "exec"), names)
    return {"combined_score": sum_of_radii(names["CENTRES"])}


def spent_s() -> float:
    """Processor time of this process and its children, those at work too."""
    tick = os.sysconf("SC_CLK_TCK")
    alive = 0.0
    for task in Path("/proc/self/task").glob("*/children"):
        with suppress(OSError):  # it has ended since
            for pid in task.read_text().split():
                fields = Path("/proc", pid, "stat").read_text().rpartition(")")[2].split()
                alive += sum(map(int, fields[11:15])) / tick
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + ended.ru_utime + ended.ru_stime + alive


async def evolve(seed: int, folder: Path, *, cpu_s: float, most: int) -> dict[str, Any]:
    """One evolution; the best score, what it took and how many candidates."""
    from openevolve import OpenEvolve
    from openevolve.config import Config, LLMModelConfig

    chance = random.Random(seed)
    start = folder / "start.py"
    start.write_text(program([(chance.random(), chance.random()) for _ in range(COUNT)]))
    settings = Config(max_iterations=most, random_seed=seed, log_level="WARNING", checkpoint_interval=10**9)
    settings.llm.models = [LLMModelConfig(name="stub", init_client=Stub)]
    settings.llm.evaluator_models = settings.llm.models
    settings.evaluator.cascade_evaluation = False
    begun = spent_s()
    engine = OpenEvolve(
        str(start), str(Path(__file__).resolve()), config=settings, output_dir=str(folder / "out")
    )
    at: list[tuple[int, float]] = []
    done = threading.Event()

    def watch() -> None:
        while not done.wait(LOOK_S):  # in a thread, for its loop does not yield while results keep coming
            at.append((engine.database.last_iteration, round(spent_s() - begun, 1)))
            if at[-1][1] > cpu_s and engine.parallel_controller:
                engine.parallel_controller.request_shutdown()

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        await engine.run()
    finally:
        done.set()
        watching.join()
    best = engine.database.get_best_program()
    score = best.metrics["combined_score"]
    return {
        "score": score, "cpu_s": round(spent_s() - begun, 1), "candidates": engine.database.last_iteration,
        "kept": len(engine.database.programs), "course": at[:: max(1, len(at) // 10)],
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--cpu-s", type=float, default=60.0)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--idle", type=int, default=0, help="so many candidates whose score costs nothing")
    given = parser.parse_args()
    about = {"version": version("openevolve"), **machine()}
    if given.idle:
        os.environ["FIRM_BENCH_IDLE"] = "1"
    for seed in range(1 if given.idle else given.seeds):
        with tempfile.TemporaryDirectory() as folder:
            most, cpu_s = (given.idle, 1e9) if given.idle else (10**7, given.cpu_s)
            row = asyncio.run(evolve(seed, Path(folder), cpu_s=cpu_s, most=most))
        if given.idle:
            each = row["cpu_s"] / row["candidates"] * 1e3
            tell(f"OpenEvolve's own cost of a candidate, over {given.idle:,}", each, "ms", **row, **about)
        else:
            tell(
                f"circles26, OpenEvolve with chance for a model, seed {seed}",
                row["score"],
                "",
                **row,
                **about,
            )


if __name__ == "__main__":
    main()
