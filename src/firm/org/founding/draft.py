"""Roles and a workflow that a model writes out of a sentence.

One rule: what it writes is judged as `firm doctor` judges a folder, and used only where nothing is found; it can name
no code. It is told what is wrong and tries again, three times in all.
"""

import tempfile
from pathlib import Path
from typing import Literal

import msgspec

from firm.model.call import chat
from firm.model.error import BadReply, ModelUnavailable, ReplyFiltered
from firm.model.message import Message
from firm.org.plan import Goal, Plan, Task, is_name
from firm.org.program import is_program
from firm.org.role import CHIEF, FOUNDER, Role
from firm.org.roster.check import check_folder
from firm.org.roster.rolefile import GROUPS
from firm.org.roster.roletext import role_text
from firm.org.roster.workflowtext import workflow_text

TRIES = 3
MAX_ROLES = 40
MAX_TOLD = 30
"""Faults that are told at once."""
MAX_TOKENS = 16_000


class DraftRole(msgspec.Struct, frozen=True, kw_only=True):
    """A role as a model writes it."""

    name: str
    """Letters, digits and '-'; English, for it becomes the name of a file."""
    title: str = ""
    purpose: str
    rules: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    held_by: Literal["agent", "person"] = "agent"
    reports_to: str = CHIEF
    fields: tuple[str, ...] = ()


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A firm as a model writes it."""

    says: str = ""
    """What its workflow is for, in a sentence."""
    roles: tuple[DraftRole, ...]
    goals: tuple[Goal, ...]
    tasks: tuple[Task, ...]


def draft_files(draft: Draft) -> dict[str, str]:
    """Its role files and its workflow, by path."""
    files = {f"roles/{one.name}.md": role_text(_role(one), one.title) for one in draft.roles}
    plan = Plan(goals=draft.goals, tasks=draft.tasks)
    return files | {"workflows/main.toml": workflow_text(plan, draft.says)}


async def drafted(
    sentence: str, language: str, model: str = "default"
) -> tuple[Draft | None, tuple[str, ...]]:
    """What a model makes of a sentence; None with what was wrong with its last try, where three did not do.

    To be called in an open firm, which knows the model and counts what it costs.

    Args:
        sentence: What should exist.
        language: 'en' or 'zh', in which roles and tasks are written.
        model: Name of a model of the firm.

    Raises:
        UsageError, ModelError: the model cannot be asked at all: no such name, key refused, price not known …
    """
    wrong: tuple[str, ...] = ()
    for _ in range(TRIES):
        messages = [Message("system", _how()), Message("user", _asked(sentence, language, wrong))]
        try:
            reply = await chat(messages, model=model, schema=Draft, max_tokens=MAX_TOKENS)
        except ModelUnavailable as error:
            return None, (str(error),)
        except (BadReply, ReplyFiltered) as error:
            wrong = (str(error),)
            continue
        wrong = draft_faults(reply.value)
        if not wrong:
            return reply.value, ()
    return None, wrong


def draft_faults(draft: Draft) -> tuple[str, ...]:
    """What `firm doctor` would find wrong with it, and what no draft may hold."""
    if found := (*_names(draft), *_code(draft)):
        return found
    with tempfile.TemporaryDirectory(prefix="firm-draft-") as place:
        folder = Path(place).resolve()
        for path, words in draft_files(draft).items():
            (folder / path).parent.mkdir(exist_ok=True)
            (folder / path).write_text(words, "utf-8")
        bad = [one.text for one in check_folder(folder) if one.level == "bad"]
    return tuple(text.replace(f"{folder}/", "") for text in bad)


def _names(draft: Draft) -> list[str]:
    names = [one.name for one in draft.roles]
    found = [
        f"{name!r} is no name for a role; use letters, digits and '-'" for name in names if not is_name(name)
    ]
    found += [f"two roles are called {name!r}" for name in sorted(set(names)) if names.count(name) > 1]
    if CHIEF not in names:
        found.append(f"there is no role {CHIEF!r}; one role plans, and is called so")
    if len(names) > MAX_ROLES:
        found.append(f"{len(names)} roles; at most {MAX_ROLES}")
    return found


def _code(draft: Draft) -> list[str]:
    named = [(one.name, name) for one in draft.roles for name in one.tools]
    named += [(task.id, check) for task in draft.tasks for check in task.done.checks]
    return [f"{who}: {what!r} names a program, and there are none" for who, what in named if is_program(what)]


def _role(one: DraftRole) -> Role:
    return Role(
        name=one.name,
        purpose=one.purpose.strip(),
        rules=one.rules,
        tools=one.tools if one.held_by == "agent" else (),
        held_by=one.held_by,
        reports_to=FOUNDER if one.name == CHIEF else one.reports_to,
        fields=one.fields,
    )


# --- words ----------------------------------------------------------------------------------------------------------


def _how() -> str:
    from firm.org.check.known import CHECKS

    checks = "\n".join(f"- {one.form}: {one.says}" for one in CHECKS)
    return f"""\
You found firms. A firm has roles and one workflow, with which it carries out missions.
- Roles: `chief` plans and makes nothing itself; the others do the work. As few as the work needs, seldom more than
  eight. `purpose` says what a role is for; `rules` what it always and what it never does, one sentence each.
- `tools` are groups of {", ".join(GROUPS)}; only what a role needs. `held_by` is "agent", or "person" where only a
  person can do it.
- Goals say what shall be true at the end, what is bet on (`bet`) and what would prove it wrong (`wrong_if`).
- A task is done by one role, makes one artifact (`makes`) and needs artifacts of other tasks by their names (`needs`).
  In `says`, {{mission}} stands for the words of the mission that the firm is given.
- `done` says what done means, and who checks it: `checks` by programs, `reviewer` a role other than the one that does
  it; at least one of both. `deliver` is true for what goes to whoever gave the mission. `usd` is what a task may take,
  together at most 5.00.
- A close call of the founder: role "panel", kind "decision", `options`, and a `default` where it can be taken back.
Checks by programs:
{checks}"""


def _asked(sentence: str, language: str, wrong: tuple[str, ...]) -> str:
    parts = ["Found this firm", sentence]
    if language == "zh":
        parts.append("Answer in Chinese; names of roles, tasks and artifacts stay English.")
    if wrong:
        listed = "\n".join(f"- {one}" for one in wrong[:MAX_TOLD])
        parts.append(f"Your last try could not be used:\n{listed}")
    return "\n\n".join(parts)
