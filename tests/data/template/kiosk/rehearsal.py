"""Plays every role by script."""

from typing import Any

from firm.model.request import Request


def answer(request: Request) -> dict[str, Any] | str:
    """What the writer and the reader say."""
    if request.messages[-1].text.startswith("Review of"):
        return {"accept": True, "reasons": [], "evidence": ["I read it and understood it."]}
    return "Light is scattered by air. Blue light is scattered most. So blue comes from everywhere."
