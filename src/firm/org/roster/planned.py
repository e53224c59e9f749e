"""Workflows, judged: can they be carried out with the roles and checks that there are?

One rule: a plan is judged alike whether a file, a model or a person made it.
"""

from collections.abc import Iterator
from pathlib import Path

from firm.errors import FirmError, UsageError
from firm.org.plan import Task, faults
from firm.org.program import find_program
from firm.org.roster.finding import Finding
from firm.org.roster.grounds import Grounds
from firm.org.roster.mistake import mistake
from firm.org.roster.staff import unit_folder
from firm.org.roster.workflow import MAIN, WORKFLOWS, WorkflowFile, read_workflow_file, workflow_names
from firm.org.staff import Staff


def workflow_findings(folder: Path, staff: Staff, grounds: Grounds, *, known: bool) -> Iterator[Finding]:
    """What there is to say of each workflow of a firm or of a unit."""
    names = workflow_names(folder, staff.unit)
    shown = f" of {staff.unit}" if staff.unit else ""
    if MAIN not in names:
        path = unit_folder(folder, staff.unit) / WORKFLOWS / f"{MAIN}.toml"
        yield Finding("warn", "workflow", f"no {path}: without a strong model nobody{shown} can plan")
    for name in names:
        try:
            found = read_workflow_file(folder, name, staff.unit)
        except UsageError as error:
            yield Finding("bad", "workflow", str(error))
            continue
        wrong = list(_workflow(folder, found, staff)) if known else []
        yield from wrong
        usd = sum(task.usd for task in found.plan.tasks)
        if name == MAIN and not staff.unit and usd > grounds.usd + 1e-9:
            text = f"{found.path}: its tasks take up to {usd:.2f} USD together, and a mission has {grounds.usd:.2f}; "
            yield Finding(
                "warn", "workflow", text + "raise [org] usd in firm.toml, or lower usd of its tasks"
            )
        if not any(one.level == "bad" for one in wrong):
            yield Finding(
                "ok", "workflow", f"{name}{shown}: {len(found.plan.tasks)} tasks, up to {usd:.2f} USD"
            )


def _workflow(folder: Path, found: WorkflowFile, staff: Staff) -> Iterator[Finding]:
    for fault in faults(found.plan, staff.held, given=found.given):
        says = f"{fault.place}: {fault.says}" if fault.place else fault.says
        if "which no task makes" in says:
            says += '; where it comes with the mission, write given = ["…"] at the top'
        yield Finding("bad", "workflow", str(mistake(found.path, found.line(fault.place), says)))
    yield from _checks(folder, found)


def _checks(folder: Path, found: WorkflowFile) -> Iterator[Finding]:
    """Checks that there are not."""
    for task in found.plan.tasks:
        for check in task.done.checks:
            if says := check_fault(check, task, folder):
                text = f"{task.id}: {says}"
                yield Finding("bad", "workflow", str(mistake(found.path, found.line(task.id), text)))


def check_fault(check: str, task: Task, folder: Path) -> str:
    """What is wrong with a check that a task names; '' where it can be made."""
    from firm.org.check import check_known

    try:
        check_known(check, task=task, folder=folder)
    except FirmError as error:
        return str(error)
    return ""


def program_fault(folder: Path, name: str, *, tool: bool = False) -> str:
    """Why a program cannot be used; '' where it can."""
    try:
        found = find_program(name, folder)
    except FirmError as error:
        return str(error)
    return f"{name!r} is no tool; put @tool(risk=…) above it" if tool and not hasattr(found, "tool") else ""
