"""The parts of a report that count: what it cost, who made how much, which files.

One rule: what models have added is said in one line, also where it is nothing.
"""

from collections import Counter

from firm.org.deliver.block import Cell, Code, Link, Part, Table, Words
from firm.org.deliver.figures import money, size, span
from firm.org.deliver.parcel import Packed, Parcel
from firm.org.deliver.tasks import maker
from firm.org.mission import Outcome
from firm.org.words import Say

MAX_FILES = 500
"""That are listed one by one."""
HOW = ("model", "script", "program", "template", "person", "default", "unit")
ACTIVE = (".html", ".htm", ".xhtml", ".svg", ".xml", ".mht", ".js", ".swf")
"""What a browser would run: only named."""


def cost(outcome: Outcome, say: Say) -> Part:
    """All that was spent."""
    rows: list[tuple[Cell, ...]] = [
        (say("money"), money(outcome.spent_usd_micro, say)),
        (say("tokens"), f"{outcome.tokens:,}"),
        (say("calls of models"), f"{outcome.calls:,}"),
        (say("time"), span(outcome.took_s, say)),
    ]
    if outcome.plan is not None and outcome.plan.tasks:
        most = money(round(sum(task.usd for task in outcome.plan.tasks) * 1e6), say)
        rows.insert(1, (say("what the plan allowed"), most))
    return Part("cost", say("What it cost"), (Table(("", ""), tuple(rows), figures=(1,)),))


def models(outcome: Outcome, say: Say) -> Part:
    """What models have added, in one line."""
    return Part("models", say("What models added"), (Words(share(outcome, say)),))


def share(outcome: Outcome, say: Say) -> str:
    """How many accepted artifacts were made by whom, and how many verdicts came from models."""
    made = [end.artifact for end in outcome.tasks if end.status == "accepted" and end.artifact is not None]
    by = Counter(maker(one) for one in made)
    parts = [f"{say(how)} {by[how]}" for how in HOW if by[how]]
    verdicts = [verdict for end in outcome.tasks for verdict in end.verdicts]
    judged = sum(verdict.how == "model" for verdict in verdicts)
    names = sorted({one.model for one in made if one.how in ("model", "script") and one.model})
    said = [
        say(
            "Of {all} accepted pieces of work, by who made them: {parts}.",
            all=len(made),
            parts=say(", ").join(parts) or "–",
        )
    ]
    if names:
        said.append(say("The models: {names}.", names=say(", ").join(names)))
    said.append(say("Of {all} verdicts, models gave {count}.", all=len(verdicts), count=judged))
    if not by["model"] and not judged and (outcome.plan is None or outcome.plan.by != "model"):
        said.append(say("No model made, planned or judged any of it."))
    return ("" if outcome.language == "zh" else " ").join(said)


def files(parcel: Parcel, say: Say) -> Part | None:
    """Every file with its SHA-256."""
    if not parcel.files:
        return None
    rows = tuple([(linked(one), size(one.bytes), Code(one.sha256)) for one in parcel.files[:MAX_FILES]])
    blocks = [Table((say("file"), say("size"), "SHA-256"), rows, figures=(1,))]
    more = len(parcel.files) - MAX_FILES
    rest = [Words(say("… and {count} more", count=f"{more:,}"), "note")] if more > 0 else []
    return Part("files", say("Files"), (*blocks, *rest))


def linked(one: Packed) -> Link:
    """A file by its name, with a link where opening it can do nothing."""
    return Link(one.path, "" if one.path.lower().endswith(ACTIVE) else one.path)
