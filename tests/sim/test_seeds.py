"""The seed sweep: thousands of histories of the reference programs in which everything fails.

`FIRM_SIM_SEEDS=100000` makes it longer (`make check-long` does); `FIRM_SIM_FIRST` says where it begins.
"""

import os
import time

import pytest
from tests.sim.sweep import KEPT, kept_seeds, sweep

SEEDS = 2_000
LONG_SEEDS = 20_000


def check(first: int, count: int) -> None:
    """All of these hold; those that do not are printed and kept."""
    began = time.monotonic()
    failed, pace = sweep(range(first, first + count))
    print(f"{count} histories in {time.monotonic() - began:.0f} s, {pace:.1f} per second of processor time")
    if failed:
        with KEPT.open("a", encoding="utf-8") as file:
            file.writelines(f"{seed} found by a sweep, not yet understood\n" for seed in sorted(failed))
    assert not failed, "\n\n".join(failed[seed] for seed in sorted(failed)[:3]) + f"\nseeds: {sorted(failed)}"


def test_seeds_that_failed_once_pass() -> None:
    failed, _ = sweep(kept_seeds())
    assert not failed, "\n\n".join(failed.values())


def test_two_thousand_histories_hold_every_invariant() -> None:
    check(0, int(os.environ.get("FIRM_SIM_SEEDS", SEEDS)))


@pytest.mark.slow
def test_many_more_histories_hold_every_invariant() -> None:
    first = int(os.environ.get("FIRM_SIM_FIRST", SEEDS))
    check(first, int(os.environ.get("FIRM_SIM_SEEDS", LONG_SEEDS)))
