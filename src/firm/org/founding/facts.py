"""What the files of a firm say, as far as ABOUT.md tells it.

One rule: it is read, never guessed; what firm.toml does not say has its default.
"""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from firm.errors import UsageError
from firm.org.plan import Plan
from firm.org.role import CHIEF, Role
from firm.org.roster.staff import read_staff
from firm.org.roster.workflow import MAIN, read_workflow, workflow_names
from firm.org.settings import OrgSettings, Schedule


@dataclass(frozen=True, slots=True)
class Facts:
    """What the files say."""

    name: str
    mission: str
    org: OrgSettings
    budget: dict[str, Any]
    """Keys of `[budget]` that are no sections themselves."""
    rules: tuple[dict[str, Any], ...]
    schedules: tuple[Schedule, ...]
    roles: tuple[Role, ...]
    """The chief first."""
    plan: Plan | None
    products: tuple[str, ...]


def facts_of(folder: Path) -> Facts:
    """Read them.

    Raises:
        UsageError: a file has a mistake.
    """
    path = folder / "firm.toml"
    try:
        found: dict[str, Any] = tomllib.loads(path.read_text("utf-8")) if path.exists() else {}
        org = msgspec.convert(found.get("org", {}), OrgSettings)
        schedules = msgspec.convert(found.get("schedules", []), tuple[Schedule, ...])
    except (OSError, ValueError, msgspec.ValidationError) as error:
        raise UsageError(f"{path}: {error}") from None
    roles = sorted(read_staff(folder).roles, key=lambda role: role.name != CHIEF)
    return Facts(
        str(found.get("name", "")),
        str(found.get("mission", "")),
        org,
        {key: value for key, value in found.get("budget", {}).items() if not isinstance(value, dict | list)},
        tuple(found.get("rules", ())),
        schedules,
        tuple(roles),
        read_workflow(folder) if MAIN in workflow_names(folder) else None,
        tuple(sorted(path.stem for path in (folder / "products").glob("*.toml"))),
    )
