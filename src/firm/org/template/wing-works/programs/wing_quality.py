"""Quality: checks of what others have made, by looking at the thing itself and not at what is said of it.

One rule: a check computes its own figure, on other panels than whoever made the work, or reads the file from the disk.
"""

from typing import Any

import msgspec
import numpy as np

import wing_xfoil
from firm.org.artifact import Artifact, Verdict
from firm.org.assignment import Assignment
from firm.org.house import folder
from firm.org.words import Say
from wing_catalogue import read, thickness_of
from wing_choice import chosen_of
from wing_design import Design, design_from
from wing_drawing import DAT
from wing_shape import outline
from wing_words import words
from wing_xfoil import Air, Mesh, fly

OTHER = Mesh(200, 60)
"""None of the panelings of search and critic."""
AGREES = 0.03
"""The delivered file may glide so much worse than was said, as a share."""
CLOSE_DEG = (-1.0, -0.5, 0.0)
HAIR = 2e-3


def conditions_can_be_flown(given: Assignment, artifact: Artifact) -> str:
    """Whether the conditions are whole, and ask for no less than the specification; '' where they are."""
    design, spec = msgspec.convert(artifact.data, Design), given.input("spec").data
    if design.reynolds != spec.get("reynolds"):
        return f"Reynolds number {design.reynolds:g}, and the specification says {spec.get('reynolds')!r}"
    wanted = spec.get("thickness_percent", 100 * design.thickness) / 100
    if design.thickness < wanted - 1e-6 or design.sturdier <= design.thickness:
        return (
            f"thickness {design.thickness:g} and {design.sturdier:g}, and the specification says {wanted:g}"
        )
    return ""


def everybody_is_judged(given: Assignment, artifact: Artifact) -> Verdict:
    """Whether every candidate was kept or refused with a reason, and what leads flies as the critic says."""
    data, design, say = artifact.data, design_from(given), words(given.language)
    found = sorted([one["id"] for one in given.input("candidates").data["candidates"]])
    judged = sorted([row["id"] for row in (*data["kept"], *data["thrown_out"])])
    if judged != found:
        return _no(
            say("candidates: {found}; judged: {judged}", found=", ".join(found), judged=", ".join(judged))
        )
    if missing := [row["id"] for row in data["thrown_out"] if not row.get("why")]:
        return _no(say("thrown out without a reason: {ids}", ids=", ".join(missing)))
    counts = {"all": len(found), "kept": len(data["kept"]), "others": len(data["thrown_out"])}
    seen = [say("{all} candidates: {kept} kept, {others} not, each with its reason", **counts)]
    if not data["kept"] or wing_xfoil.trouble():
        return Verdict(accept=True, by="quality", evidence=tuple(seen))
    best = data["kept"][0]
    return _flown_again(best["id"], outline(best["section"]), best, design, say=say, seen=seen)


def file_flies(given: Assignment, artifact: Artifact) -> Verdict:
    """Whether the coordinates on the disk are a section as thick as was asked for, which glides as was said."""
    design, row, say = design_from(given), chosen_of(given), words(given.language)
    path = next((one.path for one in artifact.files if one.path.endswith(f"/{DAT}")), "")
    if not path:
        return _no(say("there is no {name}", name=DAT))
    points = read((folder() / path).read_text("utf-8"))
    thick = thickness_of(points)
    told = say(
        "{name}: {points} points, {thick} % thick", name=DAT, points=len(points), thick=f"{100 * thick:.2f}"
    )
    if thick < design.thickness - HAIR:
        return _no(f"{told} < {100 * design.thickness:g} %")
    if why := wing_xfoil.trouble():
        return Verdict(accept=True, by="quality", evidence=(told, say("it was not flown: {why}", why=why)))
    return _flown_again(DAT, points, row, design, say=say, seen=[told])


def _flown_again(
    name: str, points: Any, row: dict[str, Any], design: Design, *, say: Say, seen: list[str]
) -> Verdict:
    """Whether an outline glides as is said of it, on panels that nobody has used yet."""
    glide = flown(points, row["angle_deg"], design)
    told = say(
        "{name}, flown again on {panels} panels: lift over drag {glide}, said were {said}",
        name=name,
        panels=OTHER.panels,
        glide=f"{glide:.1f}",
        said=f"{row['glide']:.1f}",
    )
    if not glide >= (1 - AGREES) * row["glide"]:
        return _no(told)
    return Verdict(accept=True, by="quality", evidence=(*seen, told))


def flown(points: Any, angle_deg: float, design: Design) -> float:
    """Lift over drag of an outline at an angle; NaN where XFOIL does not converge."""
    one = fly(points, [angle_deg + step for step in CLOSE_DEG], Air(design.reynolds), OTHER)[-1]
    return float(np.nan) if one is None else one.glide


def _no(why: str) -> Verdict:
    return Verdict(accept=False, by="quality", reasons=(why,), evidence=(why,))
