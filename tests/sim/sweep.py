"""Many histories, over several processes. `python -m tests.sim.sweep FIRST LAST` prints what fails."""

import multiprocessing
import os
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from firm.testing import simulate_seed

KEPT = Path(__file__).parent / "seeds.txt"
"""Seeds that failed once: one a line, with what the matter was."""


def kept_seeds() -> list[int]:
    """Seeds that found a bug once and must pass for ever."""
    lines = KEPT.read_text("utf-8").splitlines()
    return [int(line.split()[0]) for line in lines if line.strip() and not line.startswith("#")]


def _one(seed: int) -> tuple[int, str, float]:
    began = time.process_time()
    report = simulate_seed(seed)
    return seed, "" if report.ok else str(report), time.process_time() - began


def sweep(seeds: Iterable[int], *, processes: int = 2) -> tuple[dict[int, str], float]:
    """Reports of the seeds that failed, and histories per second of processor time."""
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        results = list(pool.map(_one, seeds, chunksize=25))
    failed = {seed: report for seed, report, _ in results if report}
    spent_s = sum(seconds for _, _, seconds in results)
    return failed, len(results) / spent_s if spent_s else 0.0


def main() -> None:
    """Sweep from FIRST to LAST; failing seeds are added to the file."""
    first, last = int(sys.argv[1]), int(sys.argv[2])
    failed, pace = sweep(range(first, last), processes=os.cpu_count() or 2)
    print(f"{last - first} histories, {pace:.1f} per second of processor time, {len(failed)} failed")
    for seed in sorted(failed):
        print(simulate_seed(seed, shrink=True))


if __name__ == "__main__":
    main()
