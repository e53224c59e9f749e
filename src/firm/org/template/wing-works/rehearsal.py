"""Plays the roles that a model holds, by rule: `[models.rehearsal] script = "rehearsal.py:answer"`.

One rule: it reads what is asked and answers from it; it knows nothing of wings.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from firm.model import Request

_NUMBERS: Mapping[str, str] = {
    "reynolds": r"(?:Reynolds number|雷诺数)\D{0,8}?([\d,]+(?:\.\d+)?(?:e\d+)?)",
    "thickness_percent": r"(\d+(?:\.\d+)?)\s*(?:%|percent)",
    "moment": r"(?:moment|力矩)\D{0,20}?(-\d?\.\d+)",
    "lift": r"(?:lift coefficient|升力系数)\D{0,20}?(\d?\.\d+)",
    "chord_mm": r"(\d+(?:\.\d+)?)\s*(?:mm|毫米)",
    "cpu_s": r"(\d+(?:\.\d+)?)\s*(?:s|seconds|秒)(?:处理器| of processor)",
}


def answer(request: Request) -> Any:
    """What a member would say; None: this rehearsal has no such role."""
    asked = request.messages[-1].text
    if asked.startswith("Task read "):
        mission = asked.partition("The mission: ")[2].partition("\n")[0]
        return json.dumps(
            {name: number for name, pattern in _NUMBERS.items() if (number := _first(pattern, mission))}
        )
    if asked.startswith("Review of "):
        return {"accept": True, "reasons": [], "evidence": ["the programs' findings above"]}
    if asked.startswith("Close call"):
        return {
            "choice": "glide",
            "reason": "The customer asked for the best glide; the spar has the height that was asked for.",
            "against": "A stiffer spar can be built lighter.",
            "confidence": 0.6,
        }
    return None


def _first(pattern: str, text: str) -> float | None:
    found = re.search(pattern, text)
    return float(found[1].replace(",", "")) if found else None
