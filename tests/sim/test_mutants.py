"""The mutant gate: the simulator finds every planted bug, and docs/mutants.md names each of them.

Which seed is the first may differ between versions of Python; that there is one within the budget may not.
"""

from tests.sim.mutants import DOC, MUTANTS, run_all


def test_every_planted_bug_is_found_and_its_seed_passes_without_it() -> None:
    assert [name for name, seed, _ in run_all() if seed is None] == []


def test_the_page_names_every_planted_bug_and_no_other() -> None:
    rows = [line for line in DOC.read_text("utf-8").splitlines() if line.startswith("| ")][1:]
    named = [row.split(" | ")[0].removeprefix("| ") for row in rows]
    assert named == [one.name for one in MUTANTS], "run: python -m tests.sim.mutants"
    assert not any("survived" in row for row in rows)
