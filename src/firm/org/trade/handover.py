"""Handing over: the files of an order's folder, and what the order has cost.

One rule: what is handed over is exactly what was accepted; a file that has changed since is not.
"""

import asyncio
import hashlib
import re
from pathlib import Path

import msgspec

from firm.errors import UsageError
from firm.kernel.context import current_step
from firm.kernel.definition import step
from firm.ledger.books import Books
from firm.org.artifact import Artifact
from firm.org.house import folder, house
from firm.org.mission import Outcome
from firm.org.trade.order import Delivery, OrderRecord, order_folder, order_row
from firm.org.trade.price import cpu_usd
from firm.org.trade.shop import settings
from firm.org.trade.spec import spec_text

_NAME = re.compile(r"[^\w.-]+")
REPORTS = (".html", ".md")


class Cost(msgspec.Struct, frozen=True):
    """What runs have cost, as the ledger has it."""

    usd_micro: int = 0
    cpu_ms: int = 0


@step
async def hand_over(record: OrderRecord, outcome: Outcome) -> OrderRecord:
    """Put what was accepted into the order's folder, and count what it has cost.

    Raises:
        UsageError: a file is not the one that was accepted.
    """
    books, _ = await house().books()
    cost = cost_of(books, record.id)
    files = await asyncio.to_thread(write_files, record, outcome, folder())
    cpu_ms = cost.cpu_ms + told_cpu_ms(outcome)
    delivery = Delivery(
        files=files, ending=outcome.ending, why=outcome.why, mission=outcome.run, cpu_ms=cpu_ms
    )
    micro = cost.usd_micro + round(cpu_usd(cpu_ms / 1000, settings()) * 1e6)
    record = msgspec.structs.replace(
        record, delivery=delivery, cost_usd_micro=micro, models_usd_micro=cost.usd_micro
    )
    current_step().also(order_row(record))
    return record


def cost_of(books: Books, run: str) -> Cost:
    """What a run and all that it began have cost."""
    usd_micro = cpu_ms = 0
    for sums in books.days.values():
        for tags, one in sums.items():
            if tags.run == run or tags.run.startswith(f"{run}/"):
                usd_micro += one.used.usd_micro + one.written_off.usd_micro
                cpu_ms += one.used.cpu_ms
    return Cost(usd_micro, cpu_ms)


def told_cpu_ms(outcome: Outcome) -> int:
    """Processor time that programs tell of: `cpu_s`, or `cost.cpu_s`, in the data of what they made."""
    found = 0.0
    for end in outcome.tasks:
        data = end.artifact.data if end.artifact is not None and end.artifact.how == "program" else None
        if isinstance(data, dict):
            cost = data.get("cost")
            told = data.get("cpu_s", cost.get("cpu_s") if isinstance(cost, dict) else None)
            if isinstance(told, int | float) and not isinstance(told, bool) and 0 <= told < 1e9:
                found += told
    return round(found * 1000)


def write_files(record: OrderRecord, outcome: Outcome, home: Path) -> tuple[str, ...]:
    """Write an order's folder; the same again writes the same.

    Returns:
        The names of what the customer gets: artifacts, then the mission's report.

    Raises:
        UsageError: a file is not the one that was accepted, or leads out of the home.
    """
    place = home / order_folder(_name(record.id))
    place.mkdir(parents=True, exist_ok=True)
    _write(place / "order.txt", record.order.text.encode())
    _write(place / "spec.txt", spec_text(record.spec).encode())
    bodies: dict[str, bytes] = {}
    for artifact in outcome.artifacts:
        _add(bodies, artifact, home)
    for suffix in REPORTS:
        path = (home / outcome.report).with_suffix(suffix) if outcome.report else None
        if path is not None and path.is_file() and bodies:
            bodies.setdefault(f"report{suffix}", path.read_bytes())
    for name, body in bodies.items():
        _write(place / name, body)
    return tuple(bodies)


def _add(bodies: dict[str, bytes], artifact: Artifact, home: Path) -> None:
    for file in artifact.files:
        path = (home / file.path).resolve()
        if not path.is_relative_to(home.resolve()) or not path.is_file():
            raise UsageError(
                f"the file {file.path!r} is not in the firm's folder any more; nothing is handed over"
            )
        body = path.read_bytes()
        if hashlib.sha256(body).hexdigest() != file.sha256:
            raise UsageError(
                f"the file {file.path!r} is not the one that was accepted; nothing is handed over"
            )
        name = _name(path.name)
        taken = name in bodies or name in {f"report{suffix}" for suffix in REPORTS}
        bodies[f"{_name(artifact.name)}-{name}" if taken else name] = body
    if artifact.data is not None:
        bodies.setdefault(
            f"{_name(artifact.name)}.json", msgspec.json.format(msgspec.json.encode(artifact.data)) + b"\n"
        )
    elif artifact.text and not (artifact.files and f"{_name(artifact.name)}.md" in bodies):
        bodies[f"{_name(artifact.name)}.md"] = artifact.text.encode() + b"\n"


def _name(name: str) -> str:
    return _NAME.sub("-", name).strip(".-")[:120] or "file"


def _write(path: Path, body: bytes) -> None:
    if path.is_symlink():
        path.unlink()
    path.write_bytes(body)
