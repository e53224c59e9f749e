"""What the system gives: ids."""

import os
from itertools import pairwise

import pytest

from firm.kernel.ports import SystemIds


def test_ids_never_come_twice_and_follow_one_another_in_blocks() -> None:
    ids = SystemIds()
    drawn = [ids.draw() for _ in range(5_000)]
    assert len(set(drawn)) == len(drawn)
    assert {len(one) for one in drawn} == {10}
    begins = sum(one[:8] != other[:8] for one, other in pairwise(drawn))
    assert begins <= 60
    assert sum(one > other for one, other in pairwise(drawn)) <= begins


def test_what_draws_one_id_alone_has_all_of_it_at_random() -> None:
    drawn = {SystemIds().draw() for _ in range(500)}
    assert len({one[8:] for one in drawn}) > 250


def test_a_forked_process_draws_others(monkeypatch: pytest.MonkeyPatch) -> None:
    ids = SystemIds()
    first = ids.draw()
    monkeypatch.setattr(os, "getpid", lambda: -1)
    assert ids.draw()[:8] != first[:8]
