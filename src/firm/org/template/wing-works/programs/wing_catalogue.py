"""The catalogue to beat: of the 2,174 sections that AeroSandbox ships, those that glide best under the same rules.

One rule: nothing in `wing_catalogue.json` is typed in by hand. Running this file makes it again (some minutes):

    pip install aerosandbox neuralfoil && apt-get install xfoil
    python programs/wing_catalogue.py                       # --reynolds 2e6 --thickness 0.15 --moment -0.08

Each section is fitted by the 18 numbers (a linear least-squares fit) and NeuralFoil's networks are asked for the best
angle, the most generous of them believed, so that none is missed for one network's error. The best sixty are flown by
XFOIL from their own coordinates, at every quarter of a degree, under each of the conditions; what leads there is
verified like a champion. The file holds its coordinates, so that it is flown again beside a champion.
"""

import argparse
import hashlib
import importlib.metadata
import importlib.util
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from wing_flight import HOLDOUT, Rules, best_angle, verified
from wing_network import guess
from wing_shape import ANGLE, NOSE, TAIL, WEIGHTS, Floats, Points, nose, side
from wing_xfoil import Air

FILE = Path(__file__).with_name("wing_catalogue.json")
MODELS = ("large", "xlarge", "xxlarge")
ANGLES = np.arange(-2.0, 14.01, 0.5)
FLOWN = 60
"""So many of the best by the networks are flown by XFOIL."""
FINALISTS = 6
"""So many of the best by one sweep of XFOIL are verified."""


def held(rules: Rules) -> dict[str, Any]:
    """What was found under these rules, or an empty dict where the script has not been run for them."""
    if not FILE.exists():
        return {}
    found: dict[str, Any] = json.loads(FILE.read_text("utf-8"))
    return found if found["rules"] == rules.as_json() else {}


def read(text: str) -> Points:
    """Coordinates from a file in Selig's order, moved and scaled so that the chord is 1.

    Raises:
        ValueError: it holds no such coordinates.
    """
    rows = [line.split() for line in text.splitlines()[1:]]
    points = np.array([[float(row[0]), float(row[1])] for row in rows if len(row) == 2])
    if len(points) < 20:
        raise ValueError(f"{len(points)} points")
    points = points - points[points[:, 0].argmin()]
    return [(float(x), float(y)) for x, y in points / points[:, 0].max()]


def thickness_of(points: Points) -> float:
    """Largest thickness of an outline."""
    upper, lower = _sides(points)
    stations = np.linspace(0.02, 0.98, 200)
    return float((np.interp(stations, *upper.T) - np.interp(stations, *lower.T)).max())


def fit(points: Points) -> Floats:
    """The 18 numbers nearest to an outline (angle 0)."""
    rows, heights = [], []
    for number, one in enumerate(_sides(points)):
        x = np.clip(one[:, 0], 0.0, 1.0)
        weights = np.zeros((len(x), NOSE))
        weights[:, number * WEIGHTS : (number + 1) * WEIGHTS] = side(x)
        rows.append(np.column_stack([weights, nose(x)]))
        heights.append(one[:, 1] - (0.5 - number) * TAIL * x)
    found = np.linalg.lstsq(np.concatenate(rows), np.concatenate(heights), rcond=None)[0]
    return np.append(found, 0.0)


def _sides(points: Points) -> tuple[Floats, Floats]:
    """Upper and lower side, each from nose to tail."""
    flat = np.array(points)
    first = int(flat[:, 0].argmin())
    return flat[first::-1], flat[first:]


def sections() -> dict[str, str]:
    """The files of the catalogue by name, in order.

    Raises:
        SystemExit: AeroSandbox is not installed.
    """
    spec = importlib.util.find_spec("aerosandbox")
    if spec is None or spec.origin is None:
        raise SystemExit("the catalogue comes with AeroSandbox; run: pip install aerosandbox")
    folder = Path(spec.origin).parent / "geometry" / "airfoil" / "airfoil_database"
    return {path.stem: path.read_text("utf-8", errors="replace") for path in sorted(folder.glob("*.dat"))}


def screened(texts: dict[str, str], rules: Rules) -> list[tuple[float, float, str]]:
    """Of all that are thick enough: (best glide by the kindest network, its angle, name), the best first."""
    found = []
    for name, text in texts.items():
        try:
            points = read(text)
        except ValueError:
            continue
        if thickness_of(points) < rules.thickness:
            continue
        numbers = np.repeat(fit(points)[None, :], len(ANGLES), axis=0)
        numbers[:, ANGLE] = ANGLES
        said = [guess(model, numbers, reynolds=rules.reynolds) for model in MODELS]
        glide = np.max([np.where(one.moment >= rules.moment - 0.01, one.glide, -1.0) for one in said], axis=0)
        found.append((float(glide.max()), float(ANGLES[glide.argmax()]), name))
    return sorted(found, reverse=True)


def survey(rules: Rules) -> dict[str, Any]:
    """The whole of it, as it stands in the file."""
    texts = sections()
    chosen = screened(texts, rules)
    print(
        f"{len(texts)} sections, {len(chosen)} thick enough; by the networks: {chosen[:3]}", file=sys.stderr
    )
    found: dict[str, Any] = {"rules": rules.as_json(), "made_with": _made_with(), "sections": len(texts)}
    found["thick enough"], found["flown"], found["best"] = len(chosen), min(FLOWN, len(chosen)), {}
    for label, air in {"as asked": Air(rules.reynolds), **HOLDOUT(rules)}.items():
        ranked = []
        for _, angle_deg, name in chosen[:FLOWN]:
            best = best_angle(read(texts[name]), angle_deg, rules, air)
            ranked.append((0.0 if best is None else best.glide, name, best))
        ranked.sort(key=lambda one: one[:2], reverse=True)
        found["best"][label] = _verified(ranked[:FINALISTS], texts, rules, air)
        print(label, [(name, round(glide, 1)) for glide, name, _ in ranked[:5]], file=sys.stderr)
    return found


def _verified(ranked: Sequence[Any], texts: dict[str, str], rules: Rules, air: Air) -> dict[str, Any]:
    """The first by what four sweeps agree on, with all that is needed to fly it again."""
    held = []
    for _, name, best in ranked:
        if best is not None and (least := verified(read(texts[name]), best.angle_deg, air)).trouble == "":
            held.append((least.glide, name, best.angle_deg, least))
    glide, name, angle_deg, least = max(held, key=lambda one: one[0])
    points = read(texts[name])
    numbers = fit(points)
    numbers[ANGLE] = angle_deg
    return {
        "name": name,
        "title": texts[name].splitlines()[0].strip(),
        "sha256": hashlib.sha256(texts[name].encode()).hexdigest(),
        "angle_deg": angle_deg,
        "glide": glide,
        "sweeps": [round(one, 2) for one in least.glides],
        "moment": least.moment,
        "thickness": round(thickness_of(points), 5),
        "numbers": [round(float(number), 6) for number in numbers],
        "outline": [[round(x, 7), round(y, 7)] for x, y in points],
        "next": [[other, round(value, 2)] for value, other, *_ in sorted(held, reverse=True)[1:4]],
    }


def _made_with() -> dict[str, str]:
    versions = {name: importlib.metadata.version(name) for name in ("aerosandbox", "neuralfoil")}
    asked = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", "xfoil"], capture_output=True, text=True)
    return {**versions, "xfoil": asked.stdout or "not from a package"}


def main() -> None:
    """Make the file again."""
    parser = argparse.ArgumentParser(description="Find the best section of the catalogue under the rules.")
    standard = Rules()
    parser.add_argument("--reynolds", type=float, default=standard.reynolds)
    parser.add_argument("--thickness", type=float, default=standard.thickness)
    parser.add_argument("--moment", type=float, default=standard.moment)
    found = survey(Rules(**vars(parser.parse_args())))
    FILE.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    print({label: (one["name"], one["glide"]) for label, one in found["best"].items()}, file=sys.stderr)


if __name__ == "__main__":
    main()
