"""The founder's consent, as workflow code waits for it: puts the question, reads the answer, makes the call again.

One rule: nothing here looks at rules, ledger, configuration or clock. It goes by what attempts raised and what was
answered, both of which the journal has; so a replay takes the same way.
"""

from collections.abc import Awaitable, Callable, Coroutine
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from firm.errors import (
    ApprovalRejected,
    DeadlineExceeded,
    InternalError,
    LoopDetected,
    NeedsApproval,
    PolicyDenied,
    UsageError,
)
from firm.ids import question_id
from firm.kernel.api import put_question
from firm.kernel.context import charter_here, workflow_here
from firm.kernel.value import BUILTIN, encode_input
from firm.policy.action import MODEL_CALLS, Action
from firm.policy.approval import (
    APPROVAL,
    APPROVE,
    GO_ON,
    LOOP,
    STOP,
    VALID_S,
    Asked,
    Permit,
    Word,
    call_text,
    question_text,
    read_word,
    when,
)
from firm.policy.canonical import canonical
from firm.policy.capability import Charter
from firm.policy.gate import no_edit, permit_here
from firm.policy.loop import Asking, Key, loops_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from firm.kernel.run import Run

MAX_WAIT_S = 100 * 366 * 86_400.0
USED = "policy.used"
"""In `Run.state`: approvals that were used, so that none is used twice."""

T = TypeVar("T")
Normal = Callable[[dict[str, Any]], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Consent:
    """An answer that lets a call through."""

    question: str
    asked: Asked
    given: dict[str, Any]
    word: Word
    others: "tuple[Consent, ...]" = ()
    """Of a call to a model: those that the endpoints before were approved with."""

    @property
    def args(self) -> dict[str, Any]:
        """Arguments as they are approved."""
        return {**self.asked.action.args, **self.word.args}

    def permit(self, run: "Run", *, last: bool = True) -> Permit:
        """Good for the next step that this run calls, and for no other; `last`: that step does what was approved."""
        if last:
            used: set[str] = run.state.setdefault(USED, set())
            for one in (self, *self.others):
                if one.question in used:
                    raise InternalError(f"the approval {one.question!r} of run {run.id!r} was used already")
                used.add(one.question)
        place = run.places + 1
        others = tuple([Permit(one.question, one.asked, one.given, place) for one in self.others])
        return Permit(self.question, self.asked, self.given, place, others)

    def unused(self, run: "Run") -> None:
        """The gate wanted something else first: nothing was done with it."""
        run.state.setdefault(USED, set()).difference_update(one.question for one in (self, *self.others))


@contextmanager
def permitted(permit: Permit | None) -> "Iterator[None]":
    """Calls that are begun in this block have this permit beside them."""
    token = permit_here.set(permit)
    try:
        yield
    finally:
        permit_here.reset(token)


Make = Callable[[Consent | None], Coroutine[Any, Any, Any]]
"""Makes the call: the first time, and again with the founder's consent."""


async def through(
    run: "Run",
    key: Key,
    make: Make,
    normal: Normal,
    *,
    outcome: Callable[[Any], object] | None = None,
    wanted: NeedsApproval | None = None,
) -> Any:
    """The result of a call that goes through the gate; where that wants it the founder is asked first.

    Args:
        run: That makes it.
        key: Its name and encoded arguments, for the loop breaker.
        make: Makes the call; with a consent as `Permit.place` says: the step that it makes next.
        normal: Arguments as the tool has them; UsageError for an edit that does not fit.
        outcome: What of the result says whether it is the same; None: all of it.
        wanted: What an attempt that was made already wants to have asked; None: none was made.

    Raises:
        ApprovalRejected: the founder said no, or answered in words (`error.words`).
        DeadlineExceeded: nobody answered in time.
        LoopDetected: it came to the same result again and again, and the founder has stopped it.
        PolicyDenied, BudgetExceeded: see `firm.policy.gate.admit`.
    """
    loops = loops_of(run)
    consent: Consent | None = None
    while True:
        began = loops.ends
        try:
            if wanted is not None:
                first, wanted = wanted, None
                raise first
            value = await make(consent)
        except NeedsApproval as error:
            asked = _own(error, key[0], run)
            if asked is None:
                loops.ended(key, began, failed(error))
                raise
            if consent is not None:
                consent.unused(run)
            decided = await decide(run, asked, key, normal)
            if decided is not None and consent is not None and key[0] in MODEL_CALLS:
                decided = replace(decided, others=(consent, *consent.others))  # asked at another endpoint now
            consent = decided or consent
            continue
        except Exception as error:
            loops.ended(key, began, failed(error))
            raise
        loops.ended(key, began, encode_input((value if outcome is None else outcome(value),), {}))
        return value


async def counted(run: "Run", key: Key, work: Awaitable[T]) -> T:
    """What comes of a child run, counted for the loop breaker as a call is; `firm.policy.runaway` looks at the count.

    Args:
        run: That calls it.
        key: Name of its workflow, and its encoded arguments as the run has them.
        work: The call.
    """
    loops = loops_of(run)
    began = loops.ends
    try:
        value = await work
    except Exception as error:
        loops.ended(key, began, failed(error))
        raise
    loops.ended(key, began, encode_input((value,), {}))
    return value


def failed(error: Exception) -> bytes:
    """A failure as an outcome, for the loop breaker."""
    return encode_input(("failed", type(error).__qualname__, str(error)), {})


def _own(error: NeedsApproval, name: str, run: "Run") -> Asked | None:
    """What the attempt of this call wants to have asked; not what some call inside it wanted."""
    asked = Asked.of(error)
    return asked if asked is not None and (asked.action.tool, asked.action.run) == (name, run.id) else None


async def decide(run: "Run", asked: Asked, key: Key, normal: Normal) -> Consent | None:
    """Ask the founder and wait; None where the call may simply be made again."""
    if asked.kind == LOOP:
        await _go_on(run, asked, key)
        return None
    if asked.kind != APPROVAL:
        raise InternalError(f"an attempt asks for {asked.kind!r}, which is not known")
    return await _approved(run, asked, normal)


async def approve(action: str, *, detail: Any = None, deadline: float | timedelta | None = None) -> None:
    """Have the founder approve something, in workflow code; waits at no cost.

    Args:
        action: What is to be approved, in plain words.
        detail: What belongs to it: builtins, shown and bound to the answer.
        deadline: Seconds until it expires, above 0; None: seven days.

    Raises:
        ApprovalRejected: the founder said no, or answered in words (`error.words`).
        DeadlineExceeded: nobody answered in time.
        UsageError: outside a workflow, or what cannot be shown or stored.
    """
    run = workflow_here("approve()")
    wait_s = deadline.total_seconds() if isinstance(deadline, timedelta) else deadline
    if wait_s is not None and not 0 < wait_s <= MAX_WAIT_S:
        raise UsageError(f"approve(deadline={deadline!r}): give seconds above 0, at most {MAX_WAIT_S:,.0f}")
    if not action.strip():
        raise UsageError(f"approve({action!r}): say in words what is to be approved")
    args = {"action": action} if detail is None else {"action": action, "detail": detail}
    canonical(args)
    agent = Charter.decode(charter_here()).agent
    until_us = run.loop.now_us + round((VALID_S if wait_s is None else wait_s) * 1e6)
    seen = Action(APPROVE, "send", args, agent=agent, run=run.id, marks=tuple(sorted(run.marks)))
    await _approved(run, Asked(seen, run.places + 1, "", "the workflow asks for it", until_us), no_edit)


async def _approved(run: "Run", asked: Asked, normal: Normal) -> Consent:
    asked = msgspec.structs.replace(asked, before=tuple(loops_of(run).shown()))
    note = ""
    while True:
        question, answer = _put(run, asked, question_text(asked) + note, None)
        try:
            given = await answer
        except DeadlineExceeded:
            raise DeadlineExceeded(
                f"{call_text(asked.action)} was not done: nobody approved it before {when(asked.until_us)} "
                f"(question {question}); make the call again to ask again"
            ) from None
        try:
            word = read_word(given, asked)
            if word.do == "edit":
                normal({**asked.action.args, **word.args})
        except (UsageError, PolicyDenied) as error:
            note = f"\n(the answer before could not be taken: {error})"
            continue
        if word.do == "refuse":
            raise ApprovalRejected(
                f"the founder refused {call_text(asked.action)}" + (f": {word.reason}" if word.reason else "")
            )
        if word.do == "say":
            raise ApprovalRejected(
                f"the founder answered {call_text(asked.action)} with words: {word.words}", word.words
            )
        return Consent(question, asked, given, word)


async def _go_on(run: "Run", asked: Asked, key: Key) -> None:
    """One question for all calls that go round alike at this moment."""
    loops = loops_of(run)
    asking = loops.asking.get(key)
    if asking is not None:
        await asking.over.wait()
    else:
        asking = loops.asking[key] = Asking()
        try:
            _, answer = _put(run, asked, question_text(asked), [GO_ON, STOP])
            asking.word = await answer
        finally:
            del loops.asking[key]
            if asking.word == GO_ON:
                loops.forgive(key)
            asking.over.set()
    if asking.word == STOP:
        raise LoopDetected(f"{call_text(asked.action)}: {asked.why}; the founder has stopped it")


def _put(
    run: "Run", asked: Asked, text: str, options: list[Any] | None
) -> tuple[str, Coroutine[Any, Any, Any]]:
    """Put the question; its id, and what gives its answer."""
    detail = asked.encode()
    answer = put_question(
        asked.kind,
        text,
        options=options,
        detail=detail,
        deadline_us=asked.until_us if options is None else None,
    )
    input = encode_input((asked.kind, text, options, sha256(detail).digest()), {})
    content = input + BUILTIN.encode((text, options))
    return question_id(run.id, run.generation, run.places, asked.kind, content), answer
