"""What is shown of runs, events, spans and questions: records that a person can read.

One rule: reading never fails for one odd row; what cannot be decoded is shown as bytes.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from firm.errors import JournalCorrupt
from firm.kernel.call import Attempt, Posted, Start
from firm.kernel.failure import Failure
from firm.kernel.journal import Event, Kind, Question, Standing
from firm.kernel.mark import unmarked
from firm.kernel.question import Stakes
from firm.kernel.status import Status
from firm.kernel.value import BUILTIN, TAGGED, show_input
from firm.policy.action import UNTRUSTED
from firm.policy.approval import APPROVAL, Asked
from firm.trace import Kept


class RunView(msgspec.Struct, frozen=True, kw_only=True):
    """How a run stands."""

    id: str
    workflow: str
    """Reference to its code: `module:name` or `/path/file.py:name`."""
    status: Status
    reason: str
    """Why it is stuck or waits for its code; '' otherwise."""
    parent: str
    """Id of the run that called it, or ''."""
    created_at: datetime
    changed_at: datetime
    wake_at: datetime | None
    """When it wakes by itself; None: not by the clock."""

    @property
    def name(self) -> str:
        """The workflow's name alone."""
        return self.workflow.rpartition(":")[2]


class EventView(msgspec.Struct, frozen=True, kw_only=True):
    """One event of a run's history."""

    seq: int
    kind: str
    """Word of `firm.kernel.journal.Kind`, in small letters: 'done', 'failed', 'timer' …"""
    place: int
    """Number of the call in the run; 0 where it belongs to none."""
    name: str
    at: datetime
    value: Any = None
    """What came in: a result, a message, an answer, the arguments of the start. Builtins."""
    error: str | None = None
    """`Type: message` of a failure."""
    given: str = ""
    """The call's arguments, as text."""
    detail: str = ""
    """What else there is to say: attempt, sender, id of the question."""
    traceback: str = ""
    attempt: int = 0
    """Number of the attempt that failed, 1 for the first; 0 where the event is about none."""
    marks: list[str] = []
    """What the run was marked with by it: words of `firm.kernel.mark`, sorted."""


class MomentView(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened while a span lasted: a retry, a fallback, a repair, a cache hit."""

    name: str
    at: datetime
    attributes: dict[str, Any]


class SpanView(msgspec.Struct, frozen=True, kw_only=True):
    """A call of a model, a tool or an agent, as the step that made it kept it."""

    generation: int
    """Part of the run, 1 for the first."""
    place: int
    """Number of the call in that part."""
    attempt: int
    """Of the step, 1 for the first."""
    name: str
    """As OpenTelemetry names it: 'chat gpt-x'."""
    operation: str
    """'chat', 'embeddings', 'execute_tool' …: see `firm.trace.span`."""
    at: datetime
    duration_ms: float
    error: str
    """Class of the error it ended with; '' where it went well."""
    attributes: dict[str, Any]
    """All of them, by the names in `firm.trace.attribute`."""
    moments: list[MomentView]


class QuestionView(msgspec.Struct, frozen=True, kw_only=True):
    """A question that waits for a person."""

    id: str
    run: str
    kind: str
    """'ask' (the workflow asks), 'in doubt' (an effect may have happened), 'stuck' (the run cannot go on)."""
    text: str
    options: list[Any] | None
    """The answers allowed; None: any."""
    default: Any
    """What is taken at the deadline; None: nothing."""
    deadline: datetime | None
    asked_at: datetime
    if_unanswered: Literal["waits", "default", "fails"]
    """What happens if nobody answers: it waits for ever, or at the deadline the default is taken, or it fails."""
    one_way: bool = False
    """What is decided cannot be taken back, and never falls to a default. Of an approval: it sends or spends."""
    waiting: str = ""
    """What waiting costs, in the words of who asks; '' where nothing is said."""
    waiting_usd_per_day: float | None = None
    untrusted: bool = False
    """Who asks has read what strangers wrote: the words may be theirs."""


def when(at_us: int) -> datetime:
    """Microseconds since 1970 as a datetime in UTC; the nearest one that there is."""
    return datetime.fromtimestamp(
        min(max(at_us, -62_135_596_800_000_000), 253_402_300_799_000_000) / 1e6, UTC
    )


def run_view(standing: Standing) -> RunView:
    """A standing, for people."""
    return RunView(
        id=standing.run,
        workflow=standing.workflow,
        status=standing.status,
        reason=standing.reason,
        parent=standing.parent,
        created_at=when(standing.created_us),
        changed_at=when(standing.changed_us),
        wake_at=None if standing.wake_at_us is None else when(standing.wake_at_us),
    )


def question_view(question: Question, detail: bytes = b"") -> QuestionView:
    """A question, for people; `detail`: what lies beside it in the journal."""
    deadline_us = question.deadline_us
    stakes = _stakes_of(question, detail)
    return QuestionView(
        id=question.id,
        run=question.run,
        kind=question.kind,
        text=question.text,
        options=value_of(question.options),
        default=value_of(question.default) if question.default else None,
        deadline=None if deadline_us is None else when(deadline_us),
        asked_at=when(question.asked_us),
        if_unanswered="waits" if deadline_us is None else "default" if question.default else "fails",
        one_way=stakes.one_way,
        waiting=stakes.waiting,
        waiting_usd_per_day=stakes.waiting_usd_per_day,
        untrusted=UNTRUSTED in stakes.marks,
    )


def _stakes_of(question: Question, detail: bytes) -> Stakes:
    """What hangs on a question; an approval lies beside its own with the action."""
    if question.kind != APPROVAL or not detail:
        return Stakes.decode(detail) if question.kind == "ask" else Stakes()
    try:
        asked = Asked.decode(detail)
    except msgspec.MsgspecError:  # of another version
        return Stakes()
    return Stakes(asked.is_grave, marks=asked.action.marks)


def span_view(kept: Kept) -> SpanView:
    """A span, for people."""
    span = kept.span
    return SpanView(
        generation=kept.generation,
        place=kept.place,
        attempt=kept.attempt,
        name=span.name,
        operation=span.operation,
        at=when(span.start_us),
        duration_ms=span.duration_us / 1000,
        error=span.error,
        attributes=span.all_attributes,
        moments=[
            MomentView(name=moment.name, at=when(moment.at_us), attributes=dict(moment.attributes))
            for moment in span.moments
        ],
    )


def value_of(body: bytes) -> Any:
    """A stored value as builtins; the bytes themselves where they cannot be read."""
    if not body:
        return None
    try:
        return BUILTIN.decode(body)
    except Exception:  # whatever is wrong with one row, the rest can still be shown
        return body


def arguments_of(body: bytes) -> dict[str, Any]:
    """The arguments of a start, by name, as builtins."""
    found = value_of(body)
    return {name: value_of(value) for name, value in found.items()} if isinstance(found, dict) else {}


def event_view(event: Event) -> EventView:
    """An event, for people."""
    try:
        told = _TELL.get(Kind(event.kind), _tell_nothing)(event)
        kind = Kind(event.kind).name.lower()
    except (ValueError, msgspec.MsgspecError):  # an event of another version
        told, kind = {"value": event.body}, f"kind {event.kind}"
    return EventView(
        seq=event.seq,
        kind=kind,
        place=event.place,
        name=event.name,
        at=when(event.at_us),
        given=_given(event.input) if event.place and event.kind != Kind.TIMER else "",
        marks=_marks(event),
        **told,
    )


def _marks(event: Event) -> list[str]:
    """Words that came with an event; those of a message count from when it is received."""
    try:
        if event.kind == Kind.STARTED:
            return list(Start.decode(event.body).marks)
        body = Posted.decode(event.body).value if event.kind == Kind.MESSAGE else event.body
        return sorted(unmarked(body)[1])
    except (JournalCorrupt, msgspec.MsgspecError):  # an event of another version
        return []


def _given(input: bytes) -> str:
    """A call's arguments; those of a child run stand encoded inside."""
    found = value_of(input) if input[:1] != TAGGED else None
    if isinstance(found, list) and len(found) == 1 and isinstance(found[0], bytes):
        inside = arguments_of(found[0])
        if inside or found[0] == b"\x80":
            return f"({', '.join(f'{name}={value!r}' for name, value in inside.items())})"
    return show_input(input)


def _tell_nothing(event: Event) -> dict[str, Any]:
    return {}


def _tell_value(event: Event) -> dict[str, Any]:
    return {"value": value_of(event.body)}


def _tell_failure(event: Event) -> dict[str, Any]:
    failure = Failure.decode(event.body)
    return {"error": failure_text(failure), "traceback": failure.traceback}


def _tell_start(event: Event) -> dict[str, Any]:
    start = Start.decode(event.body)
    by = f"by {start.by}" if start.by else ""
    return {
        "value": arguments_of(start.args),
        "detail": by if start.generation == 1 else f"part {start.generation}",
    }


def _tell_attempt(event: Event) -> dict[str, Any]:
    attempt = Attempt.decode(event.body)
    failure = Failure.decode(attempt.failure) if attempt.failure else None
    text = failure_text(failure) if failure is not None else "was not begun"
    return {
        "error": text,
        "detail": f"attempt {attempt.number}, again in {max(0, attempt.next_at_us - event.at_us) / 1e6:.3g} s",
        "traceback": failure.traceback if failure is not None else "",
        "attempt": attempt.number,
    }


def _tell_posted(event: Event) -> dict[str, Any]:
    posted = Posted.decode(event.body)
    return {"value": value_of(posted.value), "detail": f"by {posted.sender}"}


def _tell_question(event: Event) -> dict[str, Any]:
    return {"detail": f"question {event.body.decode('utf-8', 'replace')}"}


def _tell_cancel(event: Event) -> dict[str, Any]:
    return {"detail": f"by {event.name}" if event.name else ""}


def _tell_end(event: Event) -> dict[str, Any]:
    return _tell_value(event) if event.name == Status.SUCCEEDED else _tell_failure(event)


_TELL: dict[Kind, Callable[[Event], dict[str, Any]]] = {
    Kind.STARTED: _tell_start,
    Kind.DONE: _tell_value,
    Kind.FAILED: _tell_failure,
    Kind.ATTEMPT: _tell_attempt,
    Kind.MESSAGE: _tell_posted,
    Kind.ANSWERED: _tell_posted,
    Kind.ASKED: _tell_question,
    Kind.CANCEL: _tell_cancel,
    Kind.ENDED: _tell_end,
}


def failure_text(failure: Failure) -> str:
    """`Type: message`, with the class's own name alone."""
    name = failure.type_name.rpartition(":")[2]
    return f"{name}: {failure.message}" if failure.message else name
