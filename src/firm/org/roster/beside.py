"""What lies beside roles and workflows: experts, scripts of models, schedules, products.

One rule: a file that is named is there, and a file that is there can be read.
"""

from collections.abc import Iterator
from pathlib import Path

from firm.errors import UsageError
from firm.org.roster.finding import Finding
from firm.org.roster.grounds import Grounds
from firm.org.roster.mistake import meant
from firm.org.roster.rolefile import read_role_file
from firm.org.roster.workflow import MAIN, workflow_names

EXPERTS = "experts"
PRODUCTS = "products"


def beside(folder: Path, grounds: Grounds) -> Iterator[Finding]:
    """What was found there."""
    yield from _experts(folder)
    yield from _scripts(folder, grounds)
    yield from _schedules(folder, grounds)
    yield from _products(folder)


def _experts(folder: Path) -> Iterator[Finding]:
    for path in sorted((folder / EXPERTS).glob("*.md")):
        try:
            read_role_file(path)
        except UsageError as error:
            yield Finding("bad", "expert", str(error))


def _scripts(folder: Path, grounds: Grounds) -> Iterator[Finding]:
    for name, table in (grounds.models or {}).items():
        script = table.get("script") if isinstance(table, dict) else None
        if isinstance(script, str) and not (folder / script.rpartition(":")[0]).is_file():
            text = f"[models.{name}] script is {script!r}, and there is no such file in {str(folder)!r}; write it"
            yield Finding("bad", "model", text)


def _schedules(folder: Path, grounds: Grounds) -> Iterator[Finding]:
    names = workflow_names(folder)
    for one in grounds.schedules:
        name = one.get("workflow", MAIN)
        if name not in names:
            shown = f"[[schedules]] {one['number']} of firm.toml"
            text = f"{shown}: there is no workflows/{name}.toml; {meant(str(name), names)}"
            yield Finding("bad", "schedule", text)


def _products(folder: Path) -> Iterator[Finding]:
    if not (folder / PRODUCTS).is_dir():
        return
    from firm.org.trade import products

    try:
        found = products(folder)
    except UsageError as error:
        yield Finding("bad", "product", str(error))
    else:
        yield Finding("ok", "products", ", ".join(one.name for one in found) or "none")
