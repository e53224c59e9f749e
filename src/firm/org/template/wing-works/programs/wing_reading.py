"""A check of what the clerk has read: every number has to stand in the mission.

One rule: it looks for the number as written, so nothing is believed that only a model has said.
"""

import re

from firm.org.artifact import Artifact
from firm.org.assignment import Assignment

_NUMBER = re.compile(r"[-−]?\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?|[-−]?\.\d+", re.IGNORECASE)
_SCALE = {"million": 1e6, "thousand": 1e3, "百万": 1e6, "万": 1e4, "百": 1e2, "千": 1e3}


def numbers_stand_there(given: Assignment, artifact: Artifact) -> str:
    """'' where every number of the data stands in the mission; else which does not."""
    known = numbers_of(given.mission)
    strange = [f"{name} = {value!r}" for name, value in artifact.data.items() if not _near(value, known)]
    return f"not in the mission: {', '.join(strange)}; leave out what it does not say" if strange else ""


def numbers_of(text: str) -> list[float]:
    """All numbers of a text, those with a word of size behind them multiplied too."""
    found = []
    for hit in _NUMBER.finditer(text):
        value = float(hit.group().replace(",", "").replace("−", "-"))
        behind = text[hit.end() :].lstrip()
        found.append(value)
        found += [value * scale for word, scale in _SCALE.items() if behind.startswith(word)]
    return found


def _near(value: object, known: list[float]) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return any(abs(value - one) <= 1e-9 * max(1.0, abs(one)) for one in known)
