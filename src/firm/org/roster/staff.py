"""The staff of a firm or of a unit: every role file of one folder, and how the roles stand to each other.

One rule: a staff that is read has no role that reports to nobody, to itself in a circle, or to a unit that is not
there.
"""

import difflib
from collections.abc import Iterator, Sequence
from pathlib import Path

from firm.errors import UsageError
from firm.org.plan import circle, is_name
from firm.org.role import CHIEF, FOUNDER
from firm.org.roster.mistake import meant, mistake
from firm.org.roster.rolefile import STAND_IN_MODEL, RoleFile, read_role_file
from firm.org.staff import Staff
from firm.org.words import language_of

ROLES = "roles"
UNITS = "units"
MAX_ROLES = 10_000


def read_staff(folder: Path, unit: str = "") -> Staff:
    """All roles of a firm, or of one of its units.

    Args:
        folder: Of the firm.
        unit: Path of the unit below `units/`, such as 'aero' or 'aero/tunnel'; '': the firm itself.

    Raises:
        UsageError: there is no such unit, it has no roles, a role file has a mistake, or the roles do not fit
            each other.
    """
    place = unit_folder(folder, unit)
    if not role_paths(place):
        raise UsageError(f"there are no roles in {str(place / ROLES)!r}: put a file for each there")
    files = [read_role_file(path) for path in role_paths(place)]
    for error in chart_faults(place, files):
        raise error
    roles = tuple(one.role for one in files)
    words = "".join(f"{role.purpose}{''.join(role.rules)}" for role in roles)
    return Staff(roles, unit, unit_names(folder, unit), language_of(words))


def unit_folder(folder: Path, unit: str = "") -> Path:
    """Where a unit's files are; '': the firm's own folder.

    Raises:
        UsageError: there is no such unit.
    """
    place = folder
    for part in unit.split("/") if unit else ():
        if not is_name(part):
            raise UsageError(f"{unit!r} is no unit; give the name of a folder below {UNITS}/")
        if not (place / UNITS / part).is_dir():
            near = difflib.get_close_matches(part, _units(place), n=1)
            hint = (
                f"did you mean {near[0]!r}?"
                if near
                else f"make {str(place / UNITS / part)!r} with its roles/"
            )
            raise UsageError(f"there is no unit {unit!r}; {hint}")
        place = place / UNITS / part
    return place


def unit_names(folder: Path, unit: str = "") -> tuple[str, ...]:
    """Units right below a unit, or below the firm."""
    return _units(unit_folder(folder, unit))


def role_paths(place: Path) -> list[Path]:
    """The role files of one folder, by name.

    Raises:
        UsageError: more than 10,000.
    """
    found = sorted(path for path in (place / ROLES).glob("*.md") if not path.name.startswith("."))
    if len(found) > MAX_ROLES:
        raise UsageError(
            f"{place / ROLES}: {len(found):,} roles; at most {MAX_ROLES:,}: divide them among units"
        )
    return found


def chart_faults(place: Path, files: Sequence[RoleFile]) -> Iterator[UsageError]:
    """What does not fit among the roles of one folder, in the order of their names.

    Args:
        place: Folder of the firm or the unit.
        files: All its roles.
    """
    names = {one.role.name for one in files} | {CHIEF}
    units = _units(place)
    for one in files:
        role = one.role
        if role.reports_to not in names and role.reports_to != FOUNDER:
            says = f"reports_to names {role.reports_to!r}, and there is no such role; {meant(role.reports_to, names)}"
            yield mistake(one.path, one.line("reports_to"), says)
        stand_in = role.stand_in
        if stand_in and not stand_in.startswith(STAND_IN_MODEL) and stand_in not in names:
            says = f"stand_in names {stand_in!r}, and there is no such role; {meant(stand_in, names)}, or model:NAME"
            yield mistake(one.path, one.line("stand_in"), says)
        if role.unit:
            yield from _unit_faults(place, one, units)
    yield from _circle(files)


def _unit_faults(place: Path, one: RoleFile, units: tuple[str, ...]) -> Iterator[UsageError]:
    unit, line = one.role.unit, one.line("unit")
    home = place.joinpath(*[part for name in unit.split("/") for part in (UNITS, name)])
    if not home.is_dir():
        hint = meant(unit, units) if units else f"make {UNITS}/{unit}/{ROLES}/ with its role files"
        yield mistake(one.path, line, f"unit names {unit!r}, and there is no folder {UNITS}/{unit}; {hint}")
    elif not role_paths(home):
        yield mistake(
            one.path, line, f"the unit {unit!r} has no roles; write one into {UNITS}/{unit}/{ROLES}/"
        )


def _circle(files: Sequence[RoleFile]) -> Iterator[UsageError]:
    found = circle({one.role.name: [one.role.reports_to] for one in files})
    if found:
        first = next(one for one in files if one.role.name == found[0])
        shown = " reports to ".join([*found, found[0]])
        yield mistake(
            first.path, first.line("reports_to"), f"{shown}: a circle; let one of them report to {CHIEF}"
        )


def _units(place: Path) -> tuple[str, ...]:
    home = place / UNITS
    if not home.is_dir():
        return ()
    return tuple(sorted(one.name for one in home.iterdir() if one.is_dir() and is_name(one.name)))
