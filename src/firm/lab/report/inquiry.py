"""The story of a phenomenon: what an inquiry found, in the words of a report.

One rule: nothing is added; the verdict and its reason are the inquiry's own.
"""

import math
from datetime import datetime

from firm.lab.order import Source
from firm.lab.phenomenon.finding import Finding
from firm.lab.report.story import (
    Asked,
    Goal,
    Hashes,
    Input,
    Interval,
    Law,
    Lesson,
    Ran,
    Rival,
    SeedRow,
    Spent,
    Story,
)

MAX_POINTS = 2_000


def story_of_inquiry(
    finding: Finding,
    source: Source,
    *,
    run: str,
    seed: int,
    began_at: datetime,
    made_at: datetime,
    evaluator: str = "",
) -> Story:
    """The story.

    Args:
        finding: The end of the inquiry.
        source: Where its phenomenon is stated.
        run: Id of the run that inquired.
        seed: Of all its chance.
        began_at: When it began.
        made_at: When it ended.
        evaluator: Hash of the file that answers the experiments.
    """
    file = source.path.rpartition("/")[2]
    quantity = finding.law.partition(" = ")[0] if " = " in finding.law else finding.name
    return Story(
        asked=Asked(
            finding.name,
            finding.question,
            "phenomenon",
            Goal(quantity),
            f"{file}:{source.name}" if source.name else file,
            source.settings,
            {"experiments": finding.cost.get("experiments", 0.0)},
        ),
        ran=Ran(run, seed, evaluator, workers=0),
        spent=Spent(
            usd=finding.cost.get("usd", 0.0),
            cpu_s=finding.cost.get("cpu_s", 0.0),
            wall_s=(made_at - began_at).total_seconds(),
        ),
        ended_by="used up",
        made_at=made_at.isoformat(),
        law=law_of(finding, quantity),
        lessons=tuple(Lesson(sentence) for sentence in finding.history[-40:]),
        hashes=Hashes(evaluator),
    )


def law_of(finding: Finding, quantity: str) -> Law:
    """What is understood."""
    evidence = finding.evidence
    outside = ""
    if evidence.wide_count:
        outside = (
            f"; outside the range {evidence.wide_count} experiments were predicted before they were made, "
            f"with a relative error of {evidence.wide_error:.2g}"
        )
    return Law(
        quantity=quantity,
        verdict="found" if finding.verdict == "found" else "unsure",
        why=finding.reason.rstrip(".") + outside,
        expression=finding.law.partition(" = ")[2] or finding.law,
        constants={
            one.name: Interval(one.low, one.high, evidence.experiments)
            for one in finding.constants
            if math.isfinite(one.low) and math.isfinite(one.high)
        },
        domain=", ".join(f"{name} {low:.4g} to {high:.4g}" for name, (low, high) in finding.domain.items()),
        error=evidence.scatter**0.5 if 0 <= evidence.scatter < math.inf else None,
        noise_said=evidence.noise,
        experiments=evidence.experiments,
        price=finding.cost.get("usd", 0.0),
        price_unit="USD",
        inputs=tuple(
            Input(name, low, high, "", name not in finding.idle, low, high)
            for name, (low, high) in finding.domain.items()
        )
        + tuple(Input(name, matters=False) for name in finding.idle if name not in finding.domain),
        rivals=tuple(
            Rival(one.law, None, one.behind, out, one.why)
            for out, rivals in ((True, finding.ruled_out), (False, finding.standing))
            for one in rivals
        ),
        points=tuple((one.law, one.measured) for one in finding.points[:MAX_POINTS] if not one.wide),
        points_outside=tuple((one.law, one.measured) for one in finding.points[:MAX_POINTS] if one.wide),
    )


def seed_row(seed: int, finding: Finding) -> SeedRow:
    """One of several inquiries that differ in their seed alone."""
    return SeedRow(seed, None, finding.cost.get("cpu_s", 0.0), finding.verdict == "found")
