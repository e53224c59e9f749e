"""kill -9 in the middle of a search: the same candidates, and none is scored again whose block was recorded.

`FIRM_CRASH_LOOPS=200` makes the loop of kills longer.
"""

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.crash import searcher

from firm import Firm
from firm.kernel.journal import own_key
from firm.lab.candidate import BOOK, Block

COUNT = 240
LONGEST_S = 120.0
Table = list[tuple[Any, ...]]


def home_at(folder: Path) -> Path:
    """A home with the problem in it."""
    folder.mkdir()
    (folder / "bowl.py").write_text(searcher.BOWL)
    return folder


def scored(home: Path) -> list[str]:
    """Hashes of all that was scored, in order; a torn last line was not."""
    path = home / "scored"
    lines = path.read_text().splitlines(keepends=True) if path.exists() else []
    return [line.strip() for line in lines if line.endswith("\n")]


def life(home: Path, *, kill_at: int | None = None, seed: int = 0) -> dict[str, Any] | None:
    """One life: what it said; None where it was killed as soon as so many candidates were scored in all."""
    command = [sys.executable, searcher.__file__, str(home), str(COUNT), str(seed)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            while kill_at is not None and len(scored(home)) < kill_at and process.poll() is None:
                try:
                    process.wait(0.005)
                except subprocess.TimeoutExpired:
                    continue
            if kill_at is not None:
                process.send_signal(signal.SIGKILL)
            out, _ = process.communicate(timeout=LONGEST_S)
        finally:
            process.kill()
    assert process.returncode in (0, -signal.SIGKILL), "it failed; see its stderr"
    return json.loads(out) if process.returncode == 0 else None


def blocks(home: Path) -> list[Block]:
    """All that is recorded, in order."""

    async def look() -> list[Block]:
        async with Firm.visit(home) as firm:
            rows = await firm.rows(BOOK, prefix=own_key(searcher.RUN))
        return [Block.decode(row.value) for row in rows]

    return asyncio.run(look())


def table(found: list[Block]) -> Table:
    """Every row, without what it took."""
    return [
        (
            *(block.number, block.arm, block.island, block.counter, block.seed),
            *(row.hash, row.artifact, row.parents, row.status, row.why, row.audit),
            [(judged.value, judged.slack) for judged in row.stages],
        )
        for block in found
        for row in block.candidates
    ]


def hashes(found: list[Block]) -> set[str]:
    """What the last stage has scored."""
    return {row.hash.hex() for block in found for row in block.candidates if len(row.stages) == 2}


def test_a_search_that_is_killed_makes_the_table_of_one_that_is_not(tmp_path: Path) -> None:
    whole = home_at(tmp_path / "whole")
    said = life(whole)
    expected, total = table(blocks(whole)), len(scored(whole))
    assert said is not None and len(expected) == COUNT == said["evaluations"]
    kills, chance = 0, random.Random(7)
    for loop in range(max(1, int(os.environ.get("FIRM_CRASH_LOOPS", "5")) // 5)):
        home, known, again = home_at(tmp_path / f"home-{loop}"), set[str](), None
        for point in sorted(chance.sample(range(total), 3)):
            before = len(scored(home))
            again = life(home, kill_at=max(point, before + 1))
            kills += again is None
            assert not known & set(scored(home)[before:]), "scored again although its block was recorded"
            known = hashes(blocks(home))
        before = len(scored(home))
        again = life(home)
        assert not known & set(scored(home)[before:]), "scored again although its block was recorded"
        assert table(blocks(home)) == expected
        assert again == {**said, "lineages": [[said["lineages"][0][0], 0]]}
    assert kills > 0 and known, "it was never killed in the middle"


def test_another_evaluator_after_a_kill_begins_a_new_lineage_that_starts_from_the_old_one(
    tmp_path: Path,
) -> None:
    home = home_at(tmp_path / "home")
    assert life(home, kill_at=COUNT // 6) is None
    before = blocks(home)
    assert before, "it was killed before anything was recorded"
    (home / "bowl.py").write_text(searcher.BOWL.replace("- 0.3)", "- 0.25)"))
    said = life(home)
    assert said is not None
    after = blocks(home)
    (first, _), (second, number) = said["lineages"]
    assert first == before[0].evaluator != second
    assert after[: len(before)] == before, "what was recorded stays as it was"
    assert {block.evaluator for block in after if block.number >= number} == {second}
    assert {block.evaluator for block in after if block.number < number} == {first}
    assert len(table(after)) == said["evaluations"] <= COUNT
    old = {row.artifact for block in before for row in block.candidates if row.artifact}
    given = [row.artifact for block in after if block.arm == "given" for row in block.candidates]
    assert given and set(given) <= old
    artifact, score, _ = said["best"]
    assert score == pytest.approx(sum((one - 0.25) ** 2 for one in artifact))
