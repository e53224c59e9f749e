"""ABOUT.md: in plain words what a firm will do, may do and will cost.

One rule: it is written from the files alone, so it can be seen whether it still says what they say.
"""

import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from firm.errors import FirmError
from firm.ids import digest
from firm.org.founding.facts import Facts, facts_of
from firm.org.program import is_program
from firm.org.role import CHIEF, Role
from firm.org.roster.finding import Finding
from firm.org.roster.rolefile import GROUPS
from firm.org.words import LANGUAGES, Say, words
from firm.policy.action import RISKS

ABOUT = "ABOUT.md"
_MARK = re.compile(r"<!-- files: ([0-9a-f]{16}) -->\s*$")
_RISKS = {
    "pure": "changes nothing outside",
    "read": "only reads",
    "write": "writes",
    "send": "sends something out",
    "spend": "spends money",
}
_HELD = {"agent": "a model", "program": "a program", "person": "a person"}
_PLANNED = {
    "auto": "The chief plans a mission: by its model where that is a strong one, else by `workflows/main.toml`.",
    "free": "The chief's model plans a mission.",
    "template": "A mission is planned by `workflows/main.toml`.",
}
_CHECKED = (
    "Nobody reports himself done: each result is checked by a program, or by somebody else than who made it."
)
_GROUPS = {
    "files": "read and write files in its own folder",
    "shell": "run programs in a box without network",
    "git": "look at and commit to the repository in its folder",
    "web": "search the web and read pages",
    "http": "call the addresses that [[egress]] of firm.toml opens",
    "sql": "read and change databases in its folder",
    "person": "ask you",
    "time": "look at the clock and wait",
    "notes": "keep notes for itself",
}


def about_page(folder: Path) -> str:
    """The page, from the files as they are.

    Raises:
        UsageError: a role file or workflow file cannot be read.
    """
    facts = facts_of(folder)
    language = facts.org.language if facts.org.language in LANGUAGES else "en"
    say = words(language, "firm.org.founding.chinese")
    parts = [f"# {facts.name or folder.resolve().name}"]
    parts += [facts.mission] if facts.mission else []
    parts.append(say("Written from this firm's files. `firm doctor` says when they have changed since."))
    parts += [f"## {say('What it will do')}", *_will_do(facts, say)]
    parts += [f"## {say('What it may do')}", *_may_do(facts, say)]
    parts += [f"## {say('What it will cost')}", *_will_cost(facts, say)]
    body = "\n\n".join(parts)
    return f"{body}\n\n<!-- files: {_digest(body)} -->\n"


def check_about(folder: Path) -> list[Finding]:
    """Whether ABOUT.md says what the files say; nothing for a folder without roles."""
    if not (folder / "roles").is_dir():
        return []
    path = folder / ABOUT
    try:
        now = _MARK.search(about_page(folder))
    except (FirmError, ValueError, OSError):
        return []  # whatever is wrong with the files is a finding of its own
    try:
        found = _MARK.search(path.read_text("utf-8", errors="replace"))
    except OSError:
        return [Finding("warn", ABOUT, "it is not there; `firm doctor --about` writes it from the files")]
    if found is None or now is None or found.group(1) != now.group(1):
        text = "the files have changed since it was written; `firm doctor --about` writes it anew"
        return [Finding("warn", ABOUT, text)]
    return [Finding("ok", ABOUT, "says what the files say")]


def _digest(body: str) -> str:
    return digest("firm/about", body)[:16]


def _rows(rows: list[str]) -> list[str]:
    return ["\n".join(rows)] if rows else []


# --- what it will do --------------------------------------------------------------------------------------------


def _will_do(facts: Facts, say: Say) -> Iterator[str]:
    if facts.plan is not None:
        yield from _rows([_goal(goal, say) for goal in facts.plan.goals])
        yield f"{say(_PLANNED[facts.org.plan])} {say(_CHECKED)}"
    head = [say("role"), say("held by"), say("reports to"), say("what for")]
    rows = [f"| {' | '.join(head)} |", "|---|---|---|---|"]
    for role in facts.roles:
        boss = say("you") if role.name == CHIEF else f"`{role.reports_to}`"
        held = say("the unit {unit}", unit=f"`{role.unit}`") if role.unit else say(_HELD[role.held_by])
        rows.append(f"| `{role.name}` | {held} | {boss} | {_cell(_first(role.purpose))} |")
    yield "\n".join(rows)
    if facts.schedules:
        rows = [
            f"- `{one.name}` ({one.cron or one.hook or one.file}): {one.mission}" for one in facts.schedules
        ]
        yield "\n".join([say("These missions begin by themselves, while `firm up` runs:"), "", *rows])
    else:
        yield say("Nothing begins by itself: each mission is one that you give.")
    if facts.org.briefing:
        yield say(
            "While `firm up` runs, a briefing is written for you daily at {time}.", time=facts.org.briefing
        )
    if facts.products:
        yield say("Customers can order: {names}.", names=", ".join(f"`{name}`" for name in facts.products))


def _goal(goal: Any, say: Say) -> str:
    parts = [f"- **{goal.id}**: {goal.says}"]
    if goal.bet:
        parts.append(say("The bet: {bet}", bet=goal.bet))
    if goal.wrong_if:
        parts.append(say("It is lost if: {wrong_if}", wrong_if=goal.wrong_if))
    if goal.by_days is not None:
        parts.append(say("To be known by day {days}.", days=f"{goal.by_days:g}"))
    return " ".join(_ended(part) for part in parts)


def _ended(text: str) -> str:
    text = text.strip()
    return text if text[-1:] in "。！？.!?" else f"{text}."


def _first(text: str) -> str:
    """The first sentence."""
    return re.split(r"(?<=[.!?])\s|(?<=[。！？])|\n\n", text.strip(), maxsplit=1)[0]


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


# --- what it may do ------------------------------------------------------------------------------------------------


def _may_do(facts: Facts, say: Say) -> Iterator[str]:
    rows = [f"- `{role.name}`: {_tools(role, say)}" for role in facts.roles if role.tools]
    if rows:
        yield "\n".join([say("Tools, and the gravest that each group can do:"), "", *rows])
        yield say("No other role has tools: what it is handed it reads, and what it makes it hands over.")
    else:
        yield say("No role has tools: what it is handed it reads, and what it makes it hands over.")
    rules = [f"- {_rule(rule, say)}" for rule in facts.rules]
    if rules:
        yield "\n".join([say("firm.toml says:"), "", *rules])
    yield say(
        "What sends something out, or spends, and is allowed by no rule is put to you first. What cannot be taken back "
        "is never decided by default."
    )


def _tools(role: Role, say: Say) -> str:
    kit = importlib.import_module("firm.agent.kit")
    found = []
    for name in role.tools:
        if is_program(name) or name not in GROUPS:
            found.append(say("use {name}", name=f"`{name}`"))
            continue
        risks = [tool.tool.risk for tool in getattr(kit, name.upper())]
        found.append(f"{say(_GROUPS[name])} ({say(_RISKS[_gravest(risks)])})")
    return "; ".join(found)


def _gravest(risks: list[str]) -> str:
    order: tuple[str, ...] = RISKS
    return max(risks, key=order.index)


def _rule(rule: dict[str, Any], say: Say) -> str:
    then = {"allow": "allowed", "ask": "you are asked first", "deny": "denied"}.get(str(rule.get("then")), "")
    what = ", ".join(f"{key} `{value}`" for key, value in rule.items() if key not in ("then", "number"))
    return f"{what}: {say(then) if then else rule.get('then')}"


# --- what it will cost ---------------------------------------------------------------------------------------------


def _will_cost(facts: Facts, say: Say) -> Iterator[str]:
    org = facts.org
    rows = [say("A mission takes at most {usd} USD, where you say nothing else.", usd=f"{org.usd:.2f}")]
    if facts.plan is not None:
        usd = sum(task.usd for task in facts.plan.tasks)
        rows.append(say("The tasks of `workflows/main.toml` may take {usd} USD together.", usd=f"{usd:.2f}"))
    asked = f"{org.approve_plan_above_usd:.2f}"
    rows.append(say("A plan that may take more than {usd} USD is put to you before it begins.", usd=asked))
    if facts.products:
        rows.append(say("An order takes at most {usd} USD.", usd=f"{org.order_usd:.2f}"))
    for key, value in facts.budget.items():
        rows.append(say("[budget] of firm.toml: {key} = {value}.", key=f"`{key}`", value=value))
    if not facts.budget:
        rows.append(say("firm.toml sets no [budget]: nothing bounds all missions of a day together."))
    rows.append(
        say(
            "Between missions it costs nothing: no model is called, and nothing is looked at until the next is due."
        )
    )
    rows.append(
        say(
            "Models that run on this machine, or on yours, are counted in tokens; without a price in firm.toml they "
            "are unpriced."
        )
    )
    yield "\n".join(f"- {row}" for row in rows)
