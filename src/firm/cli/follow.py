"""Waiting for one run at the terminal: its progress, its questions, its end.

One rule: when only a person can bring the run on, that is said, with what to type.
"""

import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

from firm.cli.approving import ANSWERS, session_of, word_of
from firm.cli.asking import terms, text_lines
from firm.cli.command import DONE, FAILED, WAITS, complain, note
from firm.cli.target import read_answer
from firm.cli.text import clock, line, print_json, shown, span
from firm.errors import FirmError, ReplayDiverged, RunStuck, UsageError
from firm.kernel.status import TERMINAL, Status
from firm.policy.approval import APPROVAL
from firm.policy.brake import asks_about
from firm.root.door import Stop
from firm.root.firm import Firm
from firm.root.handle import Run
from firm.root.view import QuestionView, RunView

LOOK_S = 0.25
QUIET_S = 1.0
"""No progress line before this."""
STOPPED = -1
"""What `follow` returns when this process was asked to stop before the run's end."""


News = Callable[[], Awaitable[list[str]]]
"""What is new, in lines."""


async def follow(
    firm: Firm,
    run: Run,
    stop: Stop,
    *,
    interactive: bool,
    patient: bool,
    as_json: bool,
    news: News | None = None,
) -> int:
    """Wait for the run's end and print its result; the exit code, or STOPPED.

    Args:
        firm: Open.
        run: A run of it.
        stop: Set when the process is to end.
        interactive: Put questions here; otherwise leave when only an answer is missing.
        patient: Stay for what has a time of its own (a timer, a question's default).
        as_json: Print a record of the end, not the bare result.
        news: Told as it comes.
    """
    done = asyncio.ensure_future(run.result())
    looking = asyncio.ensure_future(_look(firm, run, news, interactive=interactive, patient=patient))
    try:
        await stop.unless(asyncio.wait((done, looking), return_when=asyncio.FIRST_COMPLETED))
        await _tell_news(news)
        if done.done():
            return _tell_end(firm, run, done, as_json=as_json)
        return looking.result() if looking.done() else STOPPED
    finally:
        _progress("")
        for task in (done, looking):
            task.cancel()
        await asyncio.gather(done, looking, return_exceptions=True)


async def _tell_news(news: News | None) -> None:
    lines = await news() if news is not None else []
    if lines:
        _progress("")
        for one in lines:
            note(one)


def _tell_end(firm: Firm, run: Run, done: "asyncio.Future[Any]", *, as_json: bool) -> int:
    _progress("")
    error = done.exception()
    if error is None:
        return _tell_result(firm, run, done.result(), as_json=as_json)
    if isinstance(error, (RunStuck, ReplayDiverged)):
        complain(f"{error}")
        return WAITS
    if as_json:
        print_json({"id": run.id, "status": "failed", "error": f"{type(error).__name__}: {error}"})
    told = str(error) if isinstance(error, FirmError) else f"{type(error).__name__}: {error}"
    complain(f"run {run.id} failed: {told}\n`firm show {run.id}` tells what it did")
    return FAILED


def _tell_result(firm: Firm, run: Run, value: Any, *, as_json: bool) -> int:
    from firm.cli.mission import code_of, is_report, tell_report
    from firm.org.mission import Outcome

    if isinstance(value, Outcome) and not as_json:
        from firm.cli.carrying import tell_outcome

        return tell_outcome(value, firm.home.folder)

    report = is_report(value)
    if report and not as_json:
        return tell_report(value)
    print_json({"id": run.id, "status": "succeeded", "result": value} if as_json else value)
    return code_of(value) if report else DONE


async def _look(firm: Firm, run: Run, news: News | None, *, interactive: bool, patient: bool) -> int:
    """Show progress and questions; returns only when a person is needed who is not here."""
    since_s = time.monotonic()
    known: set[str] = set()
    while True:
        await asyncio.sleep(LOOK_S)
        await _tell_news(news)
        view = await run.view()
        mine = await questions_of(firm, run.id)
        waits = patient and not any(question.kind == APPROVAL for question in mine)
        if not interactive and mine and await _only_waits(firm, view, patient=waits):
            _tell_waiting(run, mine)
            return WAITS
        for question in mine:
            if question.id in known:
                continue
            known.add(question.id)
            if interactive:
                await put_question(firm, question)
            elif question.deadline is not None and question.kind != APPROVAL:
                _tell_deadline(run, question)
        if time.monotonic() - since_s > QUIET_S:
            _progress(f"{run.id}  {_standing(view, mine)}  {span(round(time.monotonic() - since_s))}")


async def questions_of(firm: Firm, run_id: str) -> list[QuestionView]:
    """Open questions of a run and of its children at any depth, and those of the firm about what holds them."""
    found = await firm.inbox()
    if not found:
        return []
    family = {run.id: run.reason for run in await tree(firm, run_id)}
    return [
        question
        for question in found
        if question.run in family or any(asks_about(question.id, reason) for reason in family.values())
    ]


async def tree(firm: Firm, run_id: str) -> list[RunView]:
    """A run and its open descendants."""
    found, todo = [await firm.run(run_id).view()], [run_id]
    while todo:
        for child in await firm.runs(parent=todo.pop()):
            if child.status not in TERMINAL:
                found.append(child)
                todo.append(child.id)
    return found


async def _only_waits(firm: Firm, view: RunView, *, patient: bool) -> bool:
    """Whether nothing of the run goes on by itself (not soon, for one who is not patient)."""
    asleep = (Status.SUSPENDED, Status.STUCK)
    if view.status not in asleep or (patient and view.wake_at is not None):
        return False
    family = await tree(firm, view.id)
    return all(run.status in asleep and not (patient and run.wake_at is not None) for run in family)


def _tell_deadline(run: Run, question: QuestionView) -> None:
    _progress("")
    note(f"run {run.id} asks, and goes on by itself at {clock(question.deadline or question.asked_at)}:")
    _tell_question(question)


def _tell_waiting(run: Run, mine: list[QuestionView]) -> None:
    _progress("")
    note(f"run {run.id} waits for you:")
    for question in mine:
        _tell_question(question)
    note("then `firm up` or the same command again goes on with it")


def _tell_question(question: QuestionView) -> None:
    lines = text_lines(question)
    if question.options and question.kind != APPROVAL:
        lines[-1] += f" ({' or '.join(shown(option) for option in question.options)})"
    for text in (*lines, *terms(question)):
        note(f"  {text}")
    if question.kind == APPROVAL:
        note(f"  firm answer {question.id} accept (or: {', '.join(ANSWERS[1:])})")
        return
    example = question.options[0] if question.options else "ANSWER"
    note(f"  firm answer {question.id} {_typed(example)}")


def _typed(option: object) -> str:
    import shlex

    return shlex.quote(option if isinstance(option, str) else shown(option))


def _standing(view: RunView, mine: list[QuestionView]) -> str:
    if mine:
        return "waits for your answer"
    return f"{view.status.value}: {line(view.reason, 60)}" if view.reason else view.status.value


def _progress(text: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{line(text, 100)}")
        sys.stderr.flush()


# --- at the terminal -------------------------------------------------------------------------------------------


async def put_question(firm: Firm, question: QuestionView) -> None:
    """Put a question and answer it with what is typed; gives up when it is closed elsewhere."""
    _progress("")
    note("\n" + "\n".join([*text_lines(question), *terms(question)]))
    options = "/".join(shown(option).strip('"') for option in question.options or ())
    if question.kind == APPROVAL:
        options = ", ".join(ANSWERS)
    preset = f", Enter is {shown(question.default)}" if question.default is not None else ""
    while True:
        sys.stderr.write(f"[{options or 'your answer'}{preset}] ")
        sys.stderr.flush()
        typed = await _line_or_closed(firm, question.id)
        if typed is None:
            await _tell_closed(firm, question.id)
            return
        if not typed and question.default is None:
            continue
        try:
            if question.kind == APPROVAL:
                value, _, more = typed.partition(" ")
                given: object = word_of(value, more.strip().strip("\"'"))
            else:
                given = read_answer(question.options, typed) if typed else question.default
            await firm.answer(question.id, given, session=session_of(firm))
            return
        except UsageError as error:
            complain(error)
            if question.id not in {other.id for other in await firm.inbox()}:
                return


async def _tell_closed(firm: Firm, question_id: str) -> None:
    """How a question was closed while it stood here."""
    try:
        await firm.question(question_id)
    except UsageError as error:
        note(f"({error})")


async def _line_or_closed(firm: Firm, question_id: str) -> str | None:
    typed = asyncio.ensure_future(_read_line())
    try:
        while not typed.done():
            await asyncio.wait((typed,), timeout=LOOK_S)
            if not typed.done() and question_id not in {other.id for other in await firm.inbox()}:
                return None
        return typed.result()
    finally:
        typed.cancel()


async def _read_line() -> str:
    """A line of the terminal, without blocking the runs; at the end of input it never returns."""
    loop, fd = asyncio.get_running_loop(), sys.stdin.fileno()
    while True:
        ready = asyncio.Event()
        loop.add_reader(fd, ready.set)
        try:
            await ready.wait()
        finally:
            loop.remove_reader(fd)
        raw = os.read(fd, 65536)
        if not raw:
            await asyncio.Event().wait()
        return raw.decode(errors="surrogateescape").strip()
