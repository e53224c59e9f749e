"""`firm chat`: talk to a model, at a terminal or over a pipe."""

import re
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from firm.cli.command import DONE, Command, Home, Json, note

if TYPE_CHECKING:
    import asyncio

    from firm.cli.talk import Talk

AGENT = re.compile(r"[a-z][a-z0-9_-]{0,63}")
"""How agents will be called."""
FOLDER = "chat"
"""Below `.firm`: conversations, and what was typed."""


def chat(
    question: Annotated[
        str | None, typer.Argument(metavar="QUESTION", help="One question; without it, a conversation.")
    ] = None,
    model: Annotated[
        str, typer.Option("--model", "-m", metavar="NAME", help="Which model, from `firm models list`.")
    ] = "default",
    effort: Annotated[
        str, typer.Option("--effort", "-e", metavar="LEVEL", help="instant, low, medium, high, xhigh, max.")
    ] = "",
    system: Annotated[
        str, typer.Option("--system", metavar="TEXT", help="What the model is told before anything else.")
    ] = "",
    attach: Annotated[
        list[str] | None,
        typer.Option("--attach", metavar="FILE", help="Goes with the first message; may be repeated."),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the last conversation.")] = False,
    home: Home = None,
    as_json: Json = False,
) -> int:
    """Talk to a model.

    With text on stdin, each line is a message, and with --json each gives one line of JSON.
    """
    import asyncio

    from firm.errors import UsageError

    if question is not None and AGENT.fullmatch(question):
        raise UsageError(
            f"{question!r} would be the name of an agent, and this version of firm has none yet; to ask a model "
            f"something, use more than a word, or a pipe: echo {question} | firm chat"
        )
    if resume and as_json:
        raise UsageError("--resume and --json exclude each other: with --json nothing is kept, nor resumed")
    talk = _talk(home, model=model, effort=effort, system=system, resume=resume, keep=not as_json)
    with asyncio.Runner() as runner:
        runner.run(_enter(talk, attach or [], model))
        try:
            return _converse(talk, runner, question, as_json=as_json)
        finally:
            runner.run(talk.__aexit__(None, None, None))


def _talk(home: Home, *, model: str, effort: str, system: str, resume: bool, keep: bool) -> "Talk":
    from firm.cli.conversation import Conversation
    from firm.cli.talk import Talk
    from firm.root.config import read_config
    from firm.root.home import find_home

    found = find_home(home)
    config = read_config(found.config)
    folder = found.state / FOLDER
    if resume:
        conversation = Conversation.last(folder)
        conversation.system = system or conversation.system
    else:
        conversation = Conversation(folder if keep else None, system)
    talk = Talk(found, config, conversation, model, effort)
    if keep and found.invented and not found.state.exists():
        note(f"no firm here yet: making {found.state} (elsewhere: --home DIR or $FIRM_HOME)")
    if keep:
        found.make()
    return talk


async def _enter(talk: "Talk", attached: list[str], model: str) -> None:
    from firm.model import attach

    talk.attached.extend(attach(path) for path in attached)
    await talk.__aenter__()
    try:
        await talk.choose(model)
    except BaseException:
        await talk.__aexit__(None, None, None)
        raise
    if talk.conversation.turns:
        note(f"going on with {talk.conversation.path}: {len(talk.conversation.turns)} messages")


def _converse(talk: "Talk", runner: "asyncio.Runner", question: str | None, *, as_json: bool) -> int:
    """One question, or lines of a pipe, or a dialog; the exit code."""
    from firm.cli import piped

    if question is not None:
        return _ask_once(talk, runner, question, as_json=as_json)
    if as_json:
        return piped.answer_json(talk, runner)
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return piped.answer_lines(talk, runner)
    from firm.cli.dialog import Dialog, remembered

    with remembered(talk.home.state / FOLDER / "history"):
        Dialog(talk, runner).run()
    return DONE


def _ask_once(talk: "Talk", runner: "asyncio.Runner", question: str, *, as_json: bool) -> int:
    from firm.cli import piped
    from firm.cli.dialog import answer_shown
    from firm.cli.text import print_json
    from firm.errors import FirmError

    if as_json:
        try:
            print_json(piped.shown_reply(runner.run(talk.answer(question))))
        except FirmError as error:
            print_json(piped.shown_error(error))
            raise
    elif sys.stdout.isatty():
        runner.run(answer_shown(talk, question))
    else:
        piped.print_reply(runner.run(talk.answer(question)))
    return DONE


COMMANDS = (Command("chat", 'firm chat "What is a winglet for?"', chat),)
