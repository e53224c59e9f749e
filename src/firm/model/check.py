"""Asking until the reply is right, and at most twice."""

from collections.abc import Awaitable, Callable

import msgspec

from firm.model.error import BadReply
from firm.model.repair import again, problem
from firm.model.reply import Reply
from firm.model.request import Delta, Request, Watch
from firm.model.schema import Shape

Ask = Callable[[Request], Awaitable[Reply]]
CUT_OFF = ("length", "filter")


async def ask_checked(
    request: Request, shape: Shape | None, ask: Ask, *, watch: Watch | None = None, partial: bool = False
) -> Reply:
    """The reply to a request, with its value; after one round of repair if it was wrong.

    Args:
        request: What is asked.
        shape: What the reply must hold; None: words or tool calls.
        ask: Asks once; in a run each is a step of its own, so that what was paid for is written down first.
        watch: Is told when the reply begins anew.
        partial: Give a reply that was cut off or withheld as it is.

    Raises:
        BadReply: it is still wrong after the repair, or was cut off.
        ReplyFiltered: it was withheld.
    """
    reply = await ask(request)
    if (shape is None and not request.tools) or (partial and reply.stop in CUT_OFF):
        return reply
    wrong = problem(request, reply, shape)
    if not wrong:
        return reply
    first, request = reply, msgspec.structs.replace(again(request, reply, wrong), repair=wrong)
    if watch is not None:
        watch(Delta(restart=True))
    reply = await ask(request)
    reply.usage, reply.cost_usd = first.usage + reply.usage, first.cost_usd + reply.cost_usd
    reply.gpu_s += first.gpu_s
    if partial and reply.stop in CUT_OFF:
        return reply
    if wrong := problem(request, reply, shape):
        raise BadReply(
            f"model {request.model!r} at {reply.endpoint} was asked twice and still answers wrongly: {wrong}; "
            "take another model, a simpler schema, or more max_tokens"
        )
    return reply
