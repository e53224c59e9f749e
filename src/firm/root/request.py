"""What one process asks of another that owns the home: start, send, cancel, answer, resume.

One rule: a request has an id of its own, and what it did stands in the journal under that id, in the same
transaction; so a request that is found again after a crash is not done again.
"""

import time
from typing import Literal

import msgspec

from firm.agent.report import BOOK as REPORTS
from firm.errors import PolicyDenied, UsageError
from firm.ids import check_id
from firm.kernel.failure import Failure, rebuild_failure, record_failure
from firm.kernel.journal import Also, Answer, Journal, Kind, Mail, Question, Row, Standing, own_key
from firm.kernel.question import answer_to, check_answer, check_open, closed_by
from firm.kernel.status import TERMINAL, Status
from firm.kernel.value import BUILTIN
from firm.policy.approval import APPROVAL, FOUNDER, UNVERIFIED, Asked, CheckProof
from firm.policy.approval import check_answer as check_approval
from firm.policy.gate import unproved

BOOK = "request"
"""The journal's book of requests: id -> what became of it."""
DETAILS = "question"
"""The kernel's book of what lies beside a question."""

_NAMES = {FOUNDER: "the founder", UNVERIFIED: "somebody who has not logged in"}

What = Literal["start", "send", "cancel", "answer", "resume", "stop", "release", "reserve", "close", "report"]


class Request(msgspec.Struct, frozen=True, array_like=True):
    """One thing to be done."""

    id: str
    """`<sender>.<number>`: names sort in the order in which one sender made them."""
    what: What
    target: str
    """The run, the question that is answered, or the name of a report."""
    name: str = ""
    """A message's topic, or the reference of a workflow to start."""
    value: bytes = b""
    """A message, an answer, a report, or the arguments of a start."""
    key: str = ""
    """The id that a message was given, or the hash of the workflow's file."""
    charter: bytes = b""
    """In whose name a start acts, and what it may spend and do."""
    proof: bytes = b""
    """That an answer is the founder's (`firm.policy.identity`), encoded; b'': nobody has proved it."""

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


async def rows_for(request: Request, journal: Journal, check_proof: CheckProof = unproved) -> list[Also]:
    """What to write for a request other than a start; nothing where it is for the engine alone.

    Args:
        request: What is asked.
        journal: To look things up.
        check_proof: Says whether an answer is the founder's.

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
            check_open(question, time.time_ns() // 1000, _NAMES)
            by = await _who_answers(question, request, journal, check_proof)
            return [_answer(question, request.value, by)]
        case "resume":
            return await _rows_to_resume(request.target, journal)
        case "report":
            return [Row(REPORTS, own_key("", request.target), request.value)]
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
    return [_answer(question, BUILTIN.encode("resume"), FOUNDER) for question in stuck]


async def _who_answers(
    question: Question, request: Request, journal: Journal, check_proof: CheckProof
) -> str:
    """Whether an answer may be written down, and whose it is: 'founder' or 'unverified'.

    Raises:
        UsageError: it is none that the question takes, or lets something grave through without proof.
    """
    value, now_us = BUILTIN.decode(request.value), time.time_ns() // 1000
    asked = await asked_of(question, journal)
    proof = BUILTIN.decode(request.proof) if request.proof else None
    if isinstance(value, dict) and asked is not None:
        proof = value.get("proof")
    if isinstance(proof, dict) and proof.get("at_us", 0) < question.asked_us:
        raise UsageError(f"question {question.id!r} was not answered: its proof is older than the question")
    if asked is not None:
        return check_approval(question.id, asked, value, check_proof, now_us)
    check_answer(question, value)
    if not request.proof:
        return UNVERIFIED
    try:
        check_proof(question.id, "", value, proof, now_us)
    except PolicyDenied as error:
        raise UsageError(f"question {question.id!r} was not answered: {error}") from None
    return FOUNDER


async def asked_of(question: Question, journal: Journal) -> Asked | None:
    """The action that an approval is about; None where the question is none."""
    if question.kind != APPROVAL:
        return None
    rows = await journal.rows(DETAILS, prefix=own_key(question.run, question.id))
    return Asked.decode(rows[0].value) if rows else None


def _answer(question: Question, value: bytes, by: str) -> Answer:
    return answer_to(question, value, by=by, at_us=time.time_ns() // 1000)


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
        raise UsageError(f"question {question_id!r} {closed_by(question, _NAMES)}")
    return question
