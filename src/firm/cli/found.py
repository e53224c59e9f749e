"""The end of `firm lab`: the report is written, and the terminal is told in a few lines.

One rule: the terminal says no more than the report, in the same words.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from firm.cli.command import note
from firm.cli.text import plain, print_json
from firm.cli.wanted import Wanted
from firm.lab.load import evaluator_hash
from firm.lab.phenomenon import Finding as LawFinding
from firm.lab.report import write
from firm.lab.report.claim import claim, labels
from firm.lab.report.figures import level, number, percent, seconds
from firm.lab.report.forecast import wilson
from firm.lab.report.inquiry import seed_row, story_of_inquiry
from firm.lab.report.story import EqualCost, SeedRow, Story
from firm.lab.report.words import words
from firm.lab.search import Finding
from firm.root.firm import Firm

if TYPE_CHECKING:
    from firm.cli.searching import Ended

EN = words("en")
COUNTS = ("evaluations", "experiments", "tokens")


async def conclude(firm: Firm, wanted: Wanted, found: "list[Ended]", beside: "Ended | None") -> None:
    """Write the report of the best of the searches, and say what came of them."""
    run, finding = best_of(found, wanted)
    story = (
        finding.story if isinstance(finding, Finding) else await _law_story(wanted, run.id, finding, found)
    )
    story = with_seeds(story, found, wanted)
    if beside is not None:
        story = msgspec.structs.replace(
            story, equal_cost=(*story.equal_cost, equal_cost(wanted.against, beside[1].story))
        )
    folder = wanted.folder or firm.home.folder / "reports" / run.id
    written = write(story, Path(folder))
    if wanted.as_json:
        print_json(record(story, run.id, finding, str(written.html)))
        return
    _tell(story, written.html)


def best_of(found: "list[Ended]", wanted: Wanted) -> "Ended":
    """The search whose result is reported: the best one; of laws the first that was found."""
    first = found[0][1]
    if isinstance(first, LawFinding):
        return next((one for one in found if one[1].verdict == "found"), found[0])
    sign = 1.0 if first.story.asked.objective.direction == "max" else -1.0
    held = [one for one in found if one[1].best is not None]
    return max(held, key=lambda one: sign * one[1].best.score, default=found[0])


async def _law_story(wanted: Wanted, run_id: str, finding: Any, found: "list[Ended]") -> Story:
    run = next(run for run, _ in found if run.id == run_id)
    view = await run.view()
    seed = wanted.seeds[[one.id for one, _ in found].index(run_id)]
    evaluator = evaluator_hash(wanted.source)
    return story_of_inquiry(
        finding,
        wanted.source,
        run=run_id,
        seed=seed,
        began_at=view.created_at,
        made_at=view.changed_at,
        evaluator=evaluator,
    )


def with_seeds(story: Story, found: "list[Ended]", wanted: Wanted) -> Story:
    """The story with a row for each seed, where there are several."""
    if len(found) < 2:
        return story
    target = wanted.until if wanted.until is not None else story.known.value if story.known else None
    rows = tuple(
        _seed_row(seed, run.id, finding, target)
        for seed, (run, finding) in zip(wanted.seeds, found, strict=True)
    )
    ran = msgspec.structs.replace(story.ran, seed=wanted.seeds[0])
    return msgspec.structs.replace(story, seeds=rows, target=target, ran=ran)


def _seed_row(seed: int, run: str, finding: Any, target: float | None) -> SeedRow:
    if isinstance(finding, LawFinding):
        return seed_row(seed, finding)
    story: Story = finding.story
    value = finding.best.score if finding.best is not None else None
    sign = 1.0 if story.asked.objective.direction == "max" else -1.0
    reached = value is not None and (target is None or sign * (value - target) >= 0 or level(value, target))
    return SeedRow(seed, value, story.spent.cpu_s, reached, story.spent.evaluations, run)


def equal_cost(arm: str, story: Story) -> EqualCost:
    """Another search as a line of comparison."""
    value = story.champion.value if story.champion is not None else None
    name = "chance alone" if arm == "chance" else f"{arm} alone"
    return EqualCost(name, value, story.spent.cpu_s, story.spent.evaluations, story.ran.seed)


def tell_seed(seed: int, finding: Any) -> None:
    """One line at the end of one of several searches."""
    if isinstance(finding, LawFinding):
        note(f"seed {seed}: {finding.verdict}  {finding.law}")
        return
    spent = seconds(finding.story.spent.cpu_s)
    said = (
        "nothing valid" if finding.best is None else f"{number(finding.best.score, 9)} ({finding.best.trust})"
    )
    note(f"seed {seed}: {said} in {spent} of processor time")


def record(story: Story, run: str, finding: Any, page: str) -> dict[str, Any]:
    """What `--json` prints at the end."""
    best: dict[str, Any] | None = None
    if isinstance(finding, LawFinding):
        if finding.verdict == "found":
            best = {"artifact": finding.law, "score": finding.evidence.scatter, "trust": finding.verdict}
    elif finding.best is not None:
        best = {"artifact": finding.best.artifact, "score": finding.best.score, "trust": finding.best.trust}
    cost = {name: int(spent) if name in COUNTS else spent for name, spent in finding.cost.items()}
    said: dict[str, Any] = {"best": best, "cost": cost}
    if best is not None and story.champion is not None:
        said["best"]["standing"] = story.champion.standing
    if story.law is not None:
        said["law"] = {"verdict": story.law.verdict, "law": finding.law, "why": finding.reason}
    if story.seeds:
        said["seeds"] = [
            {"seed": row.seed, "score": row.value, "reached": row.reached, "cpu_s": row.cpu_s}
            for row in story.seeds
        ]
    if story.equal_cost:
        said["equal_cost"] = [
            {"name": one.name, "score": one.value, "cpu_s": one.cpu_s} for one in story.equal_cost
        ]
    return said | {"claim": claim(story, EN), "run": run, "report": page}


def _tell(story: Story, page: Path) -> None:
    spent = story.spent
    made = f"{spent.evaluations:,} candidates, " if spent.evaluations else ""
    lines = [
        claim(story, EN),
        " · ".join(label for label, _ in labels(story, EN)),
        f"{made}{seconds(spent.cpu_s)} of processor time" if spent.cpu_s else f"{seconds(spent.wall_s)}",
    ]
    lines += [f"{one.name}, at equal cost: {number(one.value, 9)}" for one in story.equal_cost]
    lines += [success(story)] if story.seeds else []
    print(plain("\n".join([*lines, f"report: {page}"])))


def success(story: Story) -> str:
    """How many of the seeds reached it, with the interval."""
    reached, of = sum(row.reached for row in story.seeds), len(story.seeds)
    low, high = wilson(reached, of)
    what = "reached " + number(story.target, 12) if story.target is not None else "found something that holds"
    return f"{reached} of {of} seeds {what} (95 % interval: {percent(low)} to {percent(high)})"
