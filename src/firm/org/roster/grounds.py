"""What of firm.toml roles and workflows lean on.

One rule: it is read as it is; whether firm.toml itself is in order is not judged here.
"""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from firm.org.settings import OrgSettings


@dataclass(frozen=True, slots=True)
class Grounds:
    """What of firm.toml roles and workflows lean on."""

    models: dict[str, Any] | None
    """None: firm.toml names no model, so any may be found."""
    denies: tuple[dict[str, Any], ...]
    """Rules that deny a tool whatever it is called with, each with its `number`."""
    schedules: tuple[dict[str, Any], ...]
    usd: float

    @classmethod
    def of(cls, folder: Path) -> "Grounds":
        """What firm.toml says; of one that cannot be read nothing."""
        try:
            found = tomllib.loads((folder / "firm.toml").read_text("utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
            found = {}
        models, org = found.get("models"), found.get("org")
        usd = org.get("usd") if isinstance(org, dict) else None
        return cls(
            models if isinstance(models, dict) and models else None,
            tuple(one for one in _tables(found, "rules") if _denies_a_tool(one)),
            _tables(found, "schedules"),
            float(usd) if isinstance(usd, int | float) else OrgSettings().usd,
        )


def _tables(found: dict[str, Any], key: str) -> tuple[dict[str, Any], ...]:
    listed = found.get(key)
    tables = listed if isinstance(listed, list) else []
    return tuple(one | {"number": count} for count, one in enumerate(tables, 1) if isinstance(one, dict))


def _denies_a_tool(rule: dict[str, Any]) -> bool:
    return (
        rule.get("then") == "deny"
        and bool(rule.get("tool"))
        and not rule.keys() & {"where", "host", "usd_over"}
    )
