"""The staff: all roles of a firm or of one unit, and how they stand to each other.

One rule: it is pinned when a mission begins; what is changed in a file afterwards holds from the next mission on.
"""

from collections.abc import Iterator

import msgspec

from firm.org.role import CHIEF, FOUNDER, Role


class Staff(msgspec.Struct, frozen=True):
    """Roles of a firm, or of one of its units."""

    roles: tuple[Role, ...]
    unit: str = ""
    """Path of the unit below `units/`, such as 'aero' or 'aero/tunnel'; '': the firm."""
    units: tuple[str, ...] = ()
    """Units right below it, by name."""
    language: str = "en"
    """What it speaks where a mission does not say: 'en' or 'zh'."""

    def __iter__(self) -> Iterator[Role]:
        return iter(self.roles)

    def find(self, name: str) -> Role | None:
        """The role of this name."""
        return next((role for role in self.roles if role.name == name), None)

    @property
    def chief(self) -> Role:
        """Who plans; one without words of its own where there is no such file."""
        return self.find(CHIEF) or Role(name=CHIEF, reports_to=FOUNDER)

    @property
    def held(self) -> dict[str, str]:
        """Name of each role -> how it is held, as `firm.org.plan.faults` wants it."""
        return {role.name: "unit" if role.unit else role.held_by for role in self.roles}
