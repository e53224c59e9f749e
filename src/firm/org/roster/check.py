"""Whether a firm's folder is in order: roles, chart, tools, rules, workflows and what they name.

One rule: everything that is wrong is told at once, each with its file, its line and its remedy; nothing is changed.
"""

import importlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from firm.errors import UsageError
from firm.org.mission import MAX_DEPTH
from firm.org.program import is_program
from firm.org.role import CHIEF
from firm.org.roster.beside import beside
from firm.org.roster.contradiction import contradictions
from firm.org.roster.finding import Finding
from firm.org.roster.grounds import Grounds
from firm.org.roster.mistake import meant, mistake
from firm.org.roster.planned import program_fault, workflow_findings
from firm.org.roster.rolefile import STAND_IN_MODEL, RoleFile, read_role_file
from firm.org.roster.staff import ROLES, chart_faults, role_paths, unit_folder, unit_names
from firm.org.roster.workflow import WORKFLOWS
from firm.org.staff import Staff


def check_folder(folder: Path) -> list[Finding]:
    """Everything that a mission of this firm would stumble over; nothing for a folder without roles and workflows.

    Args:
        folder: Of the firm. Its firm.toml is taken as it is: whether that is in order, `firm doctor` says itself.
    """
    folder = folder.resolve()
    if not any((folder / name).is_dir() for name in (ROLES, WORKFLOWS)):
        return []
    grounds = Grounds.of(folder)
    return [*_unit(folder, "", grounds), *beside(folder, grounds)]


# --- one unit -----------------------------------------------------------------------------------------------------


def _unit(folder: Path, unit: str, grounds: Grounds) -> Iterator[Finding]:
    place, shown = unit_folder(folder, unit), f" of {unit}" if unit else ""
    files, wrong = _read_roles(place)
    yield from (Finding("bad", "role", str(error)) for error in wrong)
    if not wrong:
        yield from (Finding("bad", "chart", str(error)) for error in chart_faults(place, files))
    for one in files:
        yield from _role(folder, one, grounds)
    names = [one.role.name for one in files]
    if names:
        yield Finding(
            "ok", "roles", f"{len(names)}{shown}: {', '.join(names[:12])}{' …' if names[12:] else ''}"
        )
    if CHIEF not in names and not wrong:
        text = (
            f"no {place / ROLES / 'chief.md'}: the chief{shown} plans without a purpose and rules of its own"
        )
        yield Finding("warn", "roles", text)
    yield from workflow_findings(
        folder, Staff(tuple(one.role for one in files), unit), grounds, known=not wrong
    )
    if unit.count("/") + 1 > MAX_DEPTH:
        yield Finding("bad", "units", f"{unit!r}: at most {MAX_DEPTH} units below each other; move it up")
        return
    for name in unit_names(folder, unit):
        if not any(one.role.unit.split("/")[0] == name for one in files):
            yield Finding(
                "warn", "units", f"nobody hands work to the unit {name!r}; write `unit: {name}` in a role"
            )
        yield from _unit(folder, f"{unit}/{name}" if unit else name, grounds)


def _read_roles(place: Path) -> tuple[list[RoleFile], list[UsageError]]:
    files, wrong = [], []
    for path in role_paths(place):
        try:
            files.append(read_role_file(path))
        except UsageError as error:
            wrong.append(error)
    return files, wrong


def _role(folder: Path, one: RoleFile, grounds: Grounds) -> Iterator[Finding]:
    role = one.role

    def bad(key: str, says: str) -> Finding:
        return Finding("bad", "role", str(mistake(one.path, one.line(key), says)))

    programs = [("tools", name) for name in role.tools if is_program(name)]
    for key, name in [*programs, *([("program", role.program)] if role.program else [])]:
        if says := program_fault(folder, name, tool=key == "tools"):
            yield bad(key, says)
    models = [("model", role.model)] if role.held_by == "agent" else []
    if role.stand_in.startswith(STAND_IN_MODEL):
        models.append(("stand_in", role.stand_in.removeprefix(STAND_IN_MODEL)))
    for key, name in models:
        if name != "default" and name not in (grounds.models or {}):
            known = {"default", *(grounds.models or {})}
            yield bad(
                key, f"firm.toml has no model {name!r}; write [models.{name}] there, or {meant(name, known)}"
            )
    for first, second in contradictions(role.rules):
        yield bad("rules", f"the rules {first!r} and {second!r} contradict each other; keep one of them")
    yield from _denied(one, grounds.denies)


def _denied(one: RoleFile, denies: Sequence[dict[str, Any]]) -> Iterator[Finding]:
    """Tools that a role has and firm.toml denies to it."""
    groups = [name for name in one.role.tools if not is_program(name)]
    if not denies or not groups:
        return
    from firm.policy.match import text_test

    kit = importlib.import_module("firm.agent.kit")
    names = {tool.tool.name: group for group in groups for tool in getattr(kit, group.upper())}
    for rule in denies:
        fits = text_test(str(rule["tool"]))
        if rule.get("agent") and not text_test(str(rule["agent"]))(one.role.name):
            continue
        for name in sorted(name for name in names if fits(name)):
            says = (
                f"tools: {names[name]} gives {name!r}, and [[rules]] {rule['number']} of firm.toml denies it"
            )
            yield Finding(
                "warn", "role", str(mistake(one.path, one.line("tools"), f"{says}; keep one of them"))
            )
