"""`chat`: one question to a model, one reply; inside a run a journaled step.

One rule: a reply that was paid for is written down before anything is decided about it. What is wrong with it, and
the one round of repair, is worked out outside the step, from what the journal has.
"""

import contextlib
import functools
import logging
from collections.abc import Callable, Coroutine, Sequence
from contextvars import ContextVar
from typing import Any, cast

import msgspec

from firm.errors import NeedsApproval, UsageError
from firm.ids import digest
from firm.kernel import Retry, step
from firm.kernel.context import StepInfo, current, current_firm
from firm.kernel.run import Run
from firm.kernel.value import encode_input
from firm.model.check import ask_checked
from firm.model.embedded import error as embedded
from firm.model.error import RAISED
from firm.model.message import Message
from firm.model.models import Models, label_of
from firm.model.repair import shape_of_tool
from firm.model.reply import Reply
from firm.model.request import MAX_TOKENS, Delta, Request, Sampling, Tool, Watch
from firm.model.schema import Shape, shape_of
from firm.model.target import Model
from firm.policy.action import Action
from firm.policy.consent import Consent, permitted, through
from firm.policy.gate import check_loop, command_of, may_loop, no_edit
from firm.policy.loop import Key, loops_of
from firm.units.effort import Effort, effort_of

WAIT = Retry(attempts=6, first_s=4, factor=4, max_s=600)
"""How long a run waits for a model that is not there: durably, beyond the retries of the router."""
MAX_TOKENS_LIMIT = 1_000_000

_beside: ContextVar[tuple[Model | None, Watch | None]] = ContextVar("firm_model_beside", default=(None, None))
"""What a step needs that does not belong into the journal: a model that was given as itself, and who watches."""

_asked: ContextVar[Request | None] = ContextVar("firm_model_asked", default=None)
"""The request of a conversation, whose journaled arguments only name it."""

log = logging.getLogger("firm")


async def chat(
    messages: str | Sequence[Message],
    *,
    model: str | Model = "default",
    schema: Any = None,
    tools: Sequence[Tool] = (),
    tool_choice: str = "auto",
    effort: Effort | str | None = None,
    max_tokens: int = MAX_TOKENS,
    sampling: Sampling | None = None,
    watch: Watch | None = None,
    urgent: bool = False,
) -> Reply:
    """Ask a model for one reply.

    Inside a run it is a journaled step: after a crash a reply that is in the journal is not asked for again. Inside
    an open firm it goes through the firm's router. With neither, a `Model` must be given, and it is a bare call.

    Args:
        messages: The question, or the conversation so far.
        model: Name of a model of the firm, or a `Model`.
        schema: Type of the value that the reply must hold (Struct, dataclass, pydantic model, builtin types), or
            a JSON Schema. The reply is checked here, whatever the server promised, and repaired once.
        tools: What the model may call; the calls come back in `Reply.tool_calls`, nothing is executed.
        tool_choice: 'auto', 'required', 'none', or the name of a tool.
        effort: A level of `firm.units.LEVELS`; None: the server's own.
        max_tokens: Bound of the reply, 1..1,000,000.
        sampling: Temperature, seed, stop words, log-probabilities.
        watch: Is told of each piece while the reply comes; changes nothing about the reply. One that raises ends
            the call; inside a run it is told no more, and the call goes on.
        urgent: A person waits: this goes before background work.

    Returns:
        The reply; `Reply.value` is the checked value where a schema was given.

    Raises:
        UsageError: messages, tools or options that cannot be right; no such model.
        ModelError: the model cannot do it: key refused, context too long, a reply that stayed wrong …
        ModelUnavailable: no server answered in the end.
    """
    request = _request(messages, model, tools, effort, max_tokens)
    shape: Shape | None = None
    if schema is not None:
        shape = shape_of(schema)
        request = msgspec.structs.replace(request, schema=shape.json_schema)
    if sampling is not None or tool_choice != "auto" or urgent:
        request = _with(request, sampling, tool_choice, urgent)
    given = None if isinstance(model, str) else model
    here = current.get()
    if isinstance(here, Run):
        request = msgspec.structs.replace(request, session=session_of(here.id))
        return await _in_run(here, request, shape, given, watch)
    firm = current_firm()
    if firm is None:
        return await _bare(request, shape, model, watch)
    models = _models_of(firm)
    if given is not None:
        request = msgspec.structs.replace(request, model=models.add(given))
    if shape is None and not request.tools:
        return await models.call(request, watch)
    return await ask_checked(request, shape, functools.partial(models.call, watch=watch), watch=watch)


async def converse(
    request: Request, words: tuple[str | int, ...], *, given: Model | None = None, watch: Watch | None = None
) -> Reply:
    """One request of a conversation that goes on; the reply as it came, nothing in it is checked.

    Inside a run it is a step `chat` whose journaled arguments are `words` alone, so that what was said before is not
    written again with each request. Whoever asks sees to it that the same words stand for the same request only. No
    request of a conversation is that before it: the loop breaker has nothing to count here.

    Args:
        request: What is asked; its messages best as a `Transcript`.
        words: Short and plain; what stands for the request in the journal.
        given: The model, where it was given as itself.
        watch: As in `chat`.

    Raises:
        UsageError, ModelError, ModelUnavailable: as `chat`.
    """
    here = current.get()
    if not isinstance(here, Run):
        return await _undurable(request, given, watch)
    token = _beside.set((given, None if watch is None else _Quiet(watch)))
    asked = _asked.set(request)
    try:
        reply: Reply = await _say(*words)
        return reply
    except NeedsApproval as error:
        return await _gated(here, request, functools.partial(_say, *words), wanted=error)
    finally:
        _asked.reset(asked)
        _beside.reset(token)


async def _undurable(request: Request, given: Model | None, watch: Watch | None) -> Reply:
    """Outside any run: in an open firm, or bare."""
    firm = current_firm()
    if firm is None and given is None:
        raise _no_firm(request.model)
    async with contextlib.AsyncExitStack() as stack:
        models = await stack.enter_async_context(Models()) if firm is None else _models_of(firm)
        if given is not None:
            request = msgspec.structs.replace(request, model=models.add(given))
        return await models.call(request, watch)


def _no_firm(name: object) -> UsageError:
    return UsageError(
        f"chat(model={name!r}) outside any firm: names of models stand in a firm's firm.toml; call it inside "
        "`async with Firm.open(...)`, or give a Model(url=…, name=…)"
    )


async def _bare(request: Request, shape: Shape | None, model: str | Model, watch: Watch | None) -> Reply:
    """Neither firm nor run: connections for this one call."""
    if not isinstance(model, Model):
        raise _no_firm(model)
    async with Models() as models:
        models.add(model)
        return await ask_checked(request, shape, functools.partial(models.call, watch=watch), watch=watch)


async def _in_run(
    run: Run, request: Request, shape: Shape | None, given: Model | None, watch: Watch | None
) -> Reply:
    """Each request is a step of its own; who watches is no part of it, nor is a model's key."""

    async def ask(request: Request) -> Reply:
        return await _gated(run, request, functools.partial(_draw, request))

    if watch is None and given is None:
        return await ask_checked(request, shape, ask)
    quiet = None if watch is None else _Quiet(watch)
    token = _beside.set((given, quiet))
    try:
        return await ask_checked(request, shape, ask, watch=quiet)
    finally:
        _beside.reset(token)


async def _gated(
    run: Run,
    request: Request,
    draw: Callable[..., Coroutine[Any, Any, Reply]],
    *,
    wanted: NeedsApproval | None = None,
) -> Reply:
    """One request, after the founder's word where the gate wants that first; `draw` makes the step.

    `wanted`: what an attempt that was made already wants to have asked.
    """

    async def approved(consent: Consent) -> Reply:
        permit = consent.permit(run)
        with permitted(permit):
            return await draw(permit.shown())

    def make(consent: Consent | None) -> Coroutine[Any, Any, Reply]:
        return draw() if consent is None else approved(consent)

    try:
        reply: Reply = await through(run, _key(request), make, no_edit, outcome=_said, wanted=wanted)
    finally:
        words = request.messages[-1].text[:40]
        loops_of(run).note("chat", encode_input((request.model[:40], words), {}), ())
    return reply


def _key(request: Request) -> Key:
    """What makes a request the same as another for the loop breaker, in this process."""
    last = request.messages[-1].content
    said = last if type(last) is str else repr(last)
    return "chat", b"%d %d %d" % (len(request.messages), hash(request.model), hash(said))


def _said(reply: Reply) -> list[Any]:
    """What makes a reply the same as another."""
    return [reply.text, [(call.name, call.arguments) for call in reply.tool_calls]]


async def _draw_step(request: Request, permit: str = "") -> Reply:
    """One reply, inside a run; `permit` names the approval that it was made with."""
    return await _drawn(request)


async def _say_step(*words: Any) -> Reply:
    """The same, of a request that stands beside the journaled arguments."""
    request = _asked.get()
    assert request is not None
    return await _drawn(request)


async def _drawn(request: Request) -> Reply:
    here = current.get()
    if isinstance(here, StepInfo) and here.run is not None:
        limits = command_of(here.run.firm).limits
        if may_loop(here.run, limits):
            action = Action("chat", "read", {"model": request.model}, run=here.run.id)
            check_loop(here.run, limits, action, _key(request))
    models = _models_of(current_firm())
    given, watch = _beside.get()
    if given is not None:
        request = msgspec.structs.replace(request, model=models.add(given))
    if models.storms is None or not isinstance(here, StepInfo):
        return await models.call(request, watch)
    ask = functools.partial(models.call, request, watch)
    return await models.storms.call(request.model, ask, last=here.attempt >= WAIT.attempts)


class _Quiet:
    """A watcher that may fail: then it is told no more, and the reply, which is paid for, still comes."""

    def __init__(self, watch: Watch) -> None:
        self._watch: Watch | None = watch

    def __call__(self, delta: Delta) -> None:
        if self._watch is None:
            return
        try:
            self._watch(delta)
        except Exception as error:
            self._watch = None
            log.warning("chat(watch=…) failed and is told no more: %s: %s", type(error).__name__, error)


_draw_step.__name__ = _say_step.__name__ = "chat"
_draw = step(retry=WAIT, raises=(*RAISED, *embedded.RAISED))(_draw_step)
_say = step(retry=WAIT, raises=(*RAISED, *embedded.RAISED))(_say_step)


@functools.lru_cache(maxsize=10_000)
def session_of(run_id: str) -> str:
    """The session of a run: stable, and without the words of its id."""
    return digest("firm/session", run_id)


def _models_of(firm: object | None) -> Models:
    models = getattr(firm, "models", None)
    if models is None:
        raise UsageError("chat() in a run of a firm without models; open it with Firm.open")
    return cast("Models", models)


def _request(
    messages: str | Sequence[Message],
    model: str | Model,
    tools: Sequence[Tool],
    effort: Effort | str | None,
    max_tokens: int,
) -> Request:
    if type(messages) is str:
        said: tuple[Message, ...] = (Message("user", messages),)
    else:
        said = tuple(messages)  # type: ignore[arg-type]
        if not said or not all(isinstance(message, Message) for message in said):
            raise UsageError(
                f"chat(messages={messages!r:.80}): give a text, or a list of Message with at least one"
            )
    if type(max_tokens) is not int or not 1 <= max_tokens <= MAX_TOKENS_LIMIT:
        raise UsageError(f"chat(max_tokens={max_tokens!r}): give a whole number, 1 to {MAX_TOKENS_LIMIT:,}")
    level = ""
    if effort is not None:
        dial = effort_of(effort)
        if dial is None or dial.level is None:
            raise UsageError(
                f"chat(effort={effort!r}): one call to a model takes a level only; give Effort(level=…)"
            )
        level = dial.level
    for tool in tools:
        shape_of_tool(tool)  # a schema that cannot be is refused before anything is paid for
    if not isinstance(model, str | Model):
        raise UsageError(f"chat(model={model!r:.80}): give the name of a model, or a Model(url=…, name=…)")
    name = model if isinstance(model, str) else label_of(model)
    return Request(said, name, max_tokens, None, tuple(tools), effort=level)


def _with(request: Request, sampling: Sampling | None, tool_choice: str, urgent: bool) -> Request:
    names = {tool.name for tool in request.tools}
    if tool_choice not in ("auto", "required", "none") and tool_choice not in names:
        known = ", ".join(sorted(names)) or "none"
        raise UsageError(
            f"chat(tool_choice={tool_choice!r}): give 'auto', 'required', 'none' or a tool ({known})"
        )
    return msgspec.structs.replace(
        request, sampling=sampling or request.sampling, tool_choice=tool_choice, urgent=urgent
    )
