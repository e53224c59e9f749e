"""Tools with which an agent asks the founder, and tells him how far it is.

One rule: what is said here goes to the founder alone, so no rule, label or capability has to be asked (risk 'pure'):
whatever an agent may not do, it may say that it needs somebody. What an agent has written that has read what strangers
wrote is shown as such.
"""

import json

from firm.agent.report import report
from firm.agent.tool import tool
from firm.kernel.api import ask
from firm.kernel.definition import workflow


@tool(risk="pure")
@workflow
async def ask_person(
    question: str, options: tuple[str, ...] = (), one_way: bool = False, waiting: str = ""
) -> str:
    """Ask the person you work for, and wait for the answer; it may take days. Ask only what you cannot find out.

    Give `options` where only some answers are possible. Set `one_way` if what is decided cannot be taken back. Say in
    `waiting` what it costs to wait, if it costs anything.
    """
    answer = await ask(question, options=options or None, one_way=one_way, waiting=waiting)
    return answer if isinstance(answer, str) else _words(answer)


@tool(risk="pure")
async def report_progress(text: str, files: tuple[str, ...] = ()) -> str:
    """Tell the person you work for how far you are, or what you found; nobody waits, and nobody answers.

    `files` are paths in the workspace; each is copied as it is now.
    """
    await report(text, files)
    return "told"


def _words(answer: object) -> str:
    return json.dumps(answer, ensure_ascii=False, default=str)


PERSON = (ask_person, report_progress)
"""Asking the founder, and telling him."""
