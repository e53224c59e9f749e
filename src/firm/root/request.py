"""What one process asks of another that owns the home: start, send, cancel, answer, resume.

One rule: a request has an id of its own, and what it did stands in the journal under that id, in the same
transaction; so a request that is found again after a crash is not done again.
"""

import time
from typing import Literal

import msgspec

from firm.errors import UsageError
from firm.ids import check_id
from firm.kernel.failure import Failure, rebuild_failure, record_failure
from firm.kernel.journal import Also, Answer, Journal, Kind, Mail, Question, Row, Standing
from firm.kernel.status import TERMINAL, Status
from firm.kernel.value import BUILTIN
from firm.kernel.worker import check_answer

BOOK = "request"
"""The journal's book of requests: id -> what became of it."""
FOUNDER = "founder"
"""Who sends, cancels and answers from outside any run."""

What = Literal["start", "send", "cancel", "answer", "resume"]


class Request(msgspec.Struct, frozen=True, array_like=True):
    """One thing to be done."""

    id: str
    """`<sender>.<number>`: names sort in the order in which one sender made them."""
    what: What
    target: str
    """The run, or the question that is answered."""
    name: str = ""
    """A message's topic, or the reference of a workflow to start."""
    value: bytes = b""
    """A message, an answer, or the arguments of a start."""
    key: str = ""
    """The id that a message was given, or the hash of the workflow's file."""

    @property
    def sender(self) -> str:
        """Whose requests keep their order."""
        return self.id.rpartition(".")[0]


def done(request: Request) -> Row:
    """Says that a request was done."""
    return Row(BOOK, request.id, b"")


def refused(request: Request, error: Exception) -> Row:
    """Says that a request was refused, and why; the traceback stays here."""
    failure = record_failure(error.with_traceback(None))
    return Row(BOOK, request.id, msgspec.structs.replace(failure, traceback="").encode())


def tried(request: Request) -> Row:
    """Says that an answer was tried; whether it was the first, the question itself tells."""
    return Row(BOOK, request.id, b"?")


def error_in(row: Row) -> BaseException | None:
    """Why a request was refused; None if it was done."""
    return rebuild_failure(Failure.decode(row.value)) if row.value else None


async def rows_for(request: Request, journal: Journal) -> list[Also]:
    """What to write for a request other than a start; nothing where it is for the engine alone.

    Raises:
        UsageError: it cannot be done: no such run or question, ended, answered, or not an answer allowed.
    """
    match request.what:
        case "send":
            await open_standing(request.target, journal)
            id = "id:" + request.key if request.key else request.id
            return [Mail(request.target, Kind.MESSAGE, FOUNDER, id, 0, request.name, request.value)]
        case "cancel":
            await open_standing(request.target, journal)
            return [Mail(request.target, Kind.CANCEL, FOUNDER, "cancel")]
        case "answer":
            question = await find_question(request.target, journal)
            check_answer(question, BUILTIN.decode(request.value))
            return [_answer(question, request.value)]
        case "resume":
            return await _rows_to_resume(request.target, journal)
        case _:
            return []


async def _rows_to_resume(run_id: str, journal: Journal) -> list[Also]:
    standing = await open_standing(run_id, journal)
    mine = [question for question in await journal.questions() if question.run == run_id]
    stuck = [question for question in mine if question.kind == "stuck"]
    doubt = [question for question in mine if question.kind == "in doubt"]
    if not stuck and doubt and standing.status is Status.STUCK:
        raise UsageError(
            f"run {run_id!r} waits to be told whether something happened; "
            f"answer that: `firm answer {doubt[0].id} ANSWER` (see `firm inbox`)"
        )
    if not stuck and standing.status is not Status.STUCK and not standing.reason:
        raise UsageError(f"run {run_id!r} is not stuck: it is {standing.status}, and goes on by itself")
    return [_answer(question, BUILTIN.encode("resume")) for question in stuck]


def _answer(question: Question, value: bytes) -> Answer:
    mail = Mail(question.run, Kind.ANSWERED, FOUNDER, question.id, question.place, question.kind, value)
    return Answer(question.id, value, FOUNDER, time.time_ns() // 1000, mail)


async def open_standing(run_id: str, journal: Journal) -> Standing:
    """How a run stands that has not ended.

    Raises:
        UsageError: there is none, or it has ended.
    """
    standing = await find_standing(run_id, journal)
    if standing.status in TERMINAL:
        raise UsageError(f"run {run_id!r} has ended already: it {_ENDED[standing.status]}")
    return standing


_ENDED = {Status.SUCCEEDED: "succeeded", Status.FAILED: "failed", Status.CANCELLED: "was cancelled"}


async def find_standing(run_id: str, journal: Journal) -> Standing:
    """How a run stands; UsageError if there is none."""
    standing = await journal.standing(check_id(run_id, "run id"))
    if standing is None:
        raise UsageError(f"there is no run {run_id!r}; `firm ps --all` lists them")
    return standing


async def check_kept(run_id: str, journal: Journal) -> None:
    """Refuse a run that has ended and whose history is gone. Raises UsageError."""
    standing = await journal.standing(run_id)
    if standing is not None and standing.status in TERMINAL and not await journal.read(run_id):
        raise UsageError(
            f"run {run_id!r} {_ENDED[standing.status]} long ago and its history was cleared by `firm gc`; "
            "take another id"
        )


async def find_question(question_id: str, journal: Journal) -> Question:
    """An open question.

    Raises:
        UsageError: there is none of that id, or it is closed.
    """
    question = await journal.question(check_id(question_id, "question id"))
    if question is None:
        raise UsageError(f"there is no question {question_id!r}; `firm inbox` lists them")
    if question.answered_us:
        raise UsageError(f"question {question_id!r} {closed_by(question)}")
    return question


def closed_by(question: Question) -> str:
    """How a question was closed, as the rest of a sentence."""
    at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(question.answered_us / 1e6))
    if question.by == "deadline":
        return f"is closed: its time was over at {at}, and the default was taken"
    if question.by == "closed":
        return f"is closed: its run no longer waits for it (since {at})"
    return f"was answered already, by the {question.by} at {at}: {BUILTIN.decode(question.answer)!r}"
