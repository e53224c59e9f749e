"""A firm with few experts and a scripted model that plays them."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from firm import Firm
from firm.model.request import Request
from firm.model.scripted import ScriptedModel
from firm.org.desk import CloseCall, Option

CALL = CloseCall(
    question="Which price for the course?",
    options=(Option("19 USD", "as now"), Option("29 USD", "with exercises", usd=40.0)),
    kind="pricing",
    default="19 USD",
    answer_s=3600.0,
)
EXPERTS = {"ada": "price", "bo": "course", "cy": "wing"}


def furnish(home: Path, *, experts: dict[str, str] = EXPERTS, settings: str = "") -> Path:
    """A firm's folder with these experts: name -> field."""
    home.mkdir(exist_ok=True)
    (home / "experts").mkdir(exist_ok=True)
    for name, field in experts.items():
        (home / "experts" / f"{name}.md").write_text(
            f"---\nfields: {field}\n---\n# {name}\n\nKnows {field}.\n"
        )
    (home / "firm.toml").write_text(f'name = "course works"\n[engine]\nidle_s = 0.05\n{settings}')
    return home


def said(
    choice: str, reason: str = "because", confidence: float = 0.7, against: str = "but"
) -> dict[str, Any]:
    """What an expert answers."""
    return {"choice": choice, "reason": reason, "confidence": confidence, "against": against}


def expert_of(request: Request) -> str:
    """Who is asked."""
    return request.messages[0].text.split(".")[0].removeprefix("You are ")


def played(parts: dict[str, Any]) -> ScriptedModel:
    """Each expert says what stands behind its name; a function is given the request."""

    def answer(request: Request) -> Any:
        part = parts[expert_of(request)]
        return part(request) if callable(part) else part

    return ScriptedModel(answer)


async def until_asked(firm: Firm, count: int = 1) -> list[Any]:
    """The open questions, as soon as there are so many."""
    for _ in range(2000):
        found = await firm.inbox()
        if len(found) >= count:
            return found
        await asyncio.sleep(0.005)
    raise AssertionError(f"{count} questions were not asked in 10 s")


def carried(
    home: Path, model: ScriptedModel, main: Callable[[Firm], Any], *, config: dict[str, Any] | None = None
) -> Any:
    """What `main` gives in an open firm with this model."""

    async def whole() -> Any:
        async with Firm.open(home, models={"default": model, **(config or {})}) as firm:
            return await asyncio.wait_for(main(firm), 30)

    return asyncio.run(whole())
