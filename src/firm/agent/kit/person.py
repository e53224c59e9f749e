"""Tools with which an agent asks the founder, and tells him how far it is.

One rule: what is said here goes to the founder alone, so no rule, label or capability has to be asked (risk 'pure'):
whatever an agent may not do, it may say that it needs somebody. What an agent has written that has read what strangers
wrote is shown as such.
"""

import json

from firm.agent.report import report
from firm.agent.tool import tool
from firm.errors import PolicyDenied, UsageError
from firm.kernel.api import ask
from firm.kernel.context import charter_here, current_step
from firm.kernel.definition import step, workflow
from firm.policy.capability import Charter
from firm.policy.gate import command_of

MAX_QUESTION_CHARS = 8_000
MAX_OPTIONS = 50


@tool(risk="pure")
@workflow
async def ask_person(
    question: str, options: tuple[str, ...] = (), one_way: bool = False, waiting: str = ""
) -> str:
    """Ask the person you work for, and wait for the answer; it may take days. Ask only what you cannot find out.

    Give `options` where only some answers are possible. Set `one_way` if what is decided cannot be taken back. Say in
    `waiting` what it costs to wait, if it costs anything.
    """
    if len(question) > MAX_QUESTION_CHARS or len(options) > MAX_OPTIONS:
        raise UsageError(
            f"a question of {len(question):,} characters with {len(options)} options: give at most "
            f"{MAX_QUESTION_CHARS:,} characters and {MAX_OPTIONS} options, and put the rest into a report"
        )
    await _may_ask()
    answer = await ask(question, options=options or None, one_way=one_way, waiting=waiting)
    return answer if isinstance(answer, str) else _words(answer)


@tool(risk="pure")
async def report_progress(text: str, files: tuple[str, ...] = ()) -> str:
    """Tell the person you work for how far you are, or what you found; nobody waits, and nobody answers.

    `files` are paths in the workspace; each is copied as it is now.
    """
    await report(text, files)
    return "told"


@step(raises=(PolicyDenied,))
async def _may_ask() -> None:
    """Whether this agent has put few enough questions; they count together with what the gate asks for it."""
    run = current_step().run
    if run is None or getattr(run.firm, "command", None) is None:
        return  # nobody limits it
    command, who = command_of(run.firm), Charter.decode(charter_here()).agent or run.id.partition("/")[0]
    most, now_us = command.limits.questions_per_hour, command.now_us()
    if not command.flood.may_ask(who, now_us, most):
        raise PolicyDenied(
            f"not asked: {who!r} has put {most} questions within the last hour ([limits] questions_per_hour); decide "
            "what you can yourself, put the rest into one question, and ask that later"
        )
    command.flood.note(who, now_us)


def _words(answer: object) -> str:
    return json.dumps(answer, ensure_ascii=False, default=str)


PERSON = (ask_person, report_progress)
"""Asking the founder, and telling him."""
