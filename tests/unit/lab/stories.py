"""Stories for the tests of reports: a search that found something, one that found nothing, a law, a hostile one."""

import math
from typing import Any

import msgspec

from firm.lab.report.story import (
    Ancestor,
    Archive,
    ArmRow,
    Asked,
    Axis,
    Beside,
    Cell,
    Champion,
    EqualCost,
    Goal,
    Hashes,
    Input,
    Interval,
    KnownBest,
    Law,
    Lesson,
    Mark,
    Measured,
    NearMiss,
    Quarantined,
    Ran,
    Rejected,
    Rival,
    SeedRow,
    Spent,
    StageRow,
    Story,
    Trial,
)

PICTURE = (
    '<svg viewBox="0 0 100 60"><rect width="100" height="60" fill="none" stroke="#345"/>'
    '<circle cx="30" cy="30" r="18" fill="#9bd" stroke="#345"/><circle cx="68" cy="30" r="22" fill="#db9"/></svg>'
)


def found(**changes: Any) -> Story:
    """A search that found something, with every part filled in."""
    story = Story(
        asked=Asked(
            name="Section for a glider",
            question="Which section has the most lift for its drag at a Reynolds number of one million?",
            kind="vector",
            objective=Goal("lift to drag"),
            file="wing.py:section",
            settings={"reynolds": 1000000},
            allowance={"cpu_s": 120.0},
            axes=(Axis("thickness", 0.1, 0.2, 20), Axis("moment", -0.1, 0.0, 16)),
            names=("nose", "upper", "lower"),
        ),
        ran=Ran("lab-wing-1", 7, "0123456789abcdef", workers=2, blocks=112),
        spent=Spent(evaluations=41_200, valid=3_811, cpu_s=120.4, wall_s=63.0, tokens=12_000, usd=0.0312),
        ended_by="cpu_s",
        made_at="2026-11-23T16:00:00+00:00",
        champion=Champion(
            id=117440515,
            artifact=[0.1213, 0.44, -0.052],
            value=185.2134,
            trust="second solver",
            standing="verified",
            stages=(Measured("geometry", "exact", 0.1213), Measured("surrogate", "surrogate", 199.31)),
            verified=Measured("two panelings", "second solver", 185.2134, Interval(184.1, 186.3, 4)),
            holdout=Measured("other air", "second solver", 171.08),
            interval=Interval(184.1, 186.3, 4),
            constraints={"thickness": 0.0013, "moment": 0.0},
            said={"stall_deg": 11.5},
            picture=PICTURE,
            arm="cma",
        ),
        baselines=(
            Beside("the catalogue's best", 166.41, "2,174 sections of a catalogue", holdout=153.2),
            Beside("flat plate", None, why="too thin"),
        ),
        known=KnownBest(185.0, "a paper", "2026-11-20"),
        bound=400.0,
        equal_cost=(EqualCost("chance alone", 131.7, 120.1, 40_900),),
        progress=marks(185.2134),
        arms=(
            ArmRow("cma", bursts=60, candidates=30_000, valid=3_000, cpu_s=70.0, gain=61.2, best=185.2134),
            ArmRow("chance", bursts=8, candidates=9_000, valid=400, cpu_s=12.0, gain=2.1, best=128.0),
            ArmRow("operators", "default", "medium", 4, 2_200, 411, 8.0, 12_000, 0.0312, 0.0, 120.0),
        ),
        stages=(
            StageRow("geometry", "exact", 41_200, 0.8, 0.31, 0.1, 400, None, 0, 61),
            StageRow("surrogate", "surrogate", 12_772, 61.0, 0.09, 0.82, 300, 9.4, 40, 22),
            StageRow("solver", "second solver", 1_149, 58.6),
        ),
        archive=Archive(
            tuple(
                Cell((x, y), 160 + x - (y - 8) ** 2 / 4, x * 100 + y)
                for x in range(20)
                for y in range(16)
                if (x + y) % 3
            ),
            213,
            320,
        ),
        lineage=(
            Ancestor(3, "chance", 61.2, [0.1, 0.5, 0.0]),
            Ancestor(88, "cma", 150.9, [0.121, 0.5, -0.05], "a thicker nose"),
            Ancestor(117440515, "cma", 185.2134, [0.1213, 0.44, -0.052]),
        ),
        rejected=(Rejected("invalid", "moment missed", 30_120), Rejected("failed", "ZeroDivisionError", 12)),
        quarantined=(
            Quarantined(9, 494.0, "beats the proven bound 400"),
            Quarantined(11, 212.0, "better by more than 5 %", "refuse"),
        ),
        seeds=tuple(SeedRow(seed, 184.0 + seed / 10, 120.2, seed > 3) for seed in range(10)),
        target=184.35,
        lessons=(Lesson("A larger nose radius helps at low Re.", "candidates 88 and 117440515", "numbers"),),
        hashes=Hashes("0123456789abcdef", "ab" * 32, "cd" * 32, "ef" * 32),
        version="0.1.0",
        machine="2 cores",
    )
    return msgspec.structs.replace(story, **changes)


def marks(best: float, count: int = 30) -> tuple[Mark, ...]:
    """A curve that rises ever slower."""
    return tuple(
        Mark(
            0.02 * 1.33**place,
            5 + 3 ** min(place, 12),
            best * (1 - math.exp(-place / 5 - 0.7)) / (1 - math.exp(-(count - 1) / 5 - 0.7)),
        )
        for place in range(count)
    )


def nothing(**changes: Any) -> Story:
    """A search in which nothing was valid."""
    story = Story(
        asked=Asked(
            "Impossible target",
            "Is there one?",
            "vector",
            Goal("sum", "min"),
            "no.py",
            allowance={"evaluations": 500},
        ),
        ran=Ran("lab-no-1", 0, "00ff", workers=1),
        spent=Spent(evaluations=500, cpu_s=1.2, wall_s=1.3),
        ended_by="evaluations",
        made_at="2026-11-23T16:00:00+00:00",
        nearest=NearMiss("thickness", 0.0213, 17, [0.1, 0.2]),
        rejected=(Rejected("invalid", "thickness missed", 500),),
    )
    return msgspec.structs.replace(story, **changes)


def understood(**changes: Any) -> Story:
    """A black box whose law was found."""
    law = Law(
        quantity="period",
        verdict="found",
        why="it predicted 6 of 6 experiments outside the range it was fitted on",
        expression="6.2832 * sqrt(length / gravity)",
        constants={"c0": Interval(6.27, 6.29, 40)},
        domain="length 0.1 to 10 m, gravity 1 to 20 m/s²",
        error=1.04,
        noise=0.01,
        experiments=118,
        price=118.0,
        inputs=(
            Input("length", 0.1, 10, "m", True, 0.1, 10),
            Input("colour", 0, 1, "", False, 0, 1),
            Input("mass", 1, 2),
        ),
        rivals=(
            Rival("6.1 * length ** 0.48", 4.2, 5, True, "failed outside the range"),
            Rival("a + b", None, 3, False),
        ),
        trials=(
            Trial({"length": 20.0}, 8.97, 8.98, True, True),
            Trial({"length": 1.0}, 2.0, 3.0, False, False),
        ),
        points=tuple((value / 10, value / 10 + 0.01 * (-1) ** value) for value in range(1, 60)),
    )
    base = nothing(nearest=None, rejected=(), law=law)
    asked = Asked(
        "Pendulum",
        "What does the period depend on?",
        "phenomenon",
        Goal("period", "min", "s"),
        "phenomena.py:pendulum",
    )
    return msgspec.structs.replace(base, asked=asked, **changes)


EVIL = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'&\u202e\x1b[31m"


def hostile() -> Story:
    """A story all whose texts want to be more than text, and are long."""

    def spoil(value: Any) -> Any:
        if isinstance(value, dict):
            return {
                spoil(key) if key not in FIXED else key: value[key] if key in KEPT else spoil(value[key])
                for key in value
            }
        if isinstance(value, list):
            return [spoil(item) for item in value]
        return EVIL + value if isinstance(value, str) else value

    story: Story = msgspec.convert(spoil(msgspec.to_builtins(found())), Story)
    return story


_STRUCTS = [
    value
    for value in vars(__import__("firm.lab.report.story", fromlist=["x"])).values()
    if isinstance(value, type)
]
FIXED = {
    name for struct in _STRUCTS if hasattr(struct, "__struct_fields__") for name in struct.__struct_fields__
}
"""Keys that are names of fields."""
KEPT = {"kind", "direction", "trust", "standing", "verdict"}
"""Fields that hold one of a few words."""
