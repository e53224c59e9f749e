"""Why a request is not answered: a status, a code and a sentence, whichever protocol it came over.

One rule: what a caller is told names what to do; a bug of ours is told as one, without its traceback.
"""

import asyncio
import logging
import math
import traceback

from firm.errors import BudgetExceeded, DeadlineExceeded, PolicyDenied, RetryableError, UsageError
from firm.model.error import (
    BadReply,
    BadRequest,
    ContextTooLong,
    KeyRefused,
    ModelError,
    ModelUnavailable,
    NoModel,
    NotAble,
    RateLimited,
    ReplyFiltered,
    UnknownModel,
)

MAX_WAIT_S = 3600

log = logging.getLogger("firm.serve")


class Refusal(Exception):
    """A request is not answered.

    Args:
        status: of HTTP, 400 to 599.
        message: what happened, and what to do.
        code: a word for programs; '' for none.
        param: the field of the body that is wrong, where it is one.
    """

    def __init__(self, status: int, message: str, code: str = "", *, param: str = "") -> None:
        super().__init__(status, message, code)
        self.status, self.message, self.code, self.param = status, message, code, param
        self.retry_after_s: float | None = None
        """When to try again."""
        self.final = status < 500 and status not in (408, 409, 429)
        """Trying again changes nothing: official clients are told not to."""

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """What the answer says about trying again."""
        found = []
        if self.retry_after_s is not None:
            wait_s = min(math.ceil(max(self.retry_after_s, 0)), MAX_WAIT_S)
            found.append((b"retry-after", str(wait_s).encode()))
        if self.final:
            found.append((b"x-should-retry", b"false"))
        if self.status == 401:
            found.append((b"www-authenticate", b"Bearer"))
        return found


_KNOWN: tuple[tuple[type[Exception], int, str], ...] = (
    (UnknownModel, 404, "model_not_found"),
    (ContextTooLong, 400, "context_length_exceeded"),
    (NotAble, 400, "unsupported_value"),
    (BadRequest, 400, "invalid_value"),
    (ReplyFiltered, 400, "content_filter"),
    (KeyRefused, 502, "model_key_refused"),
    (BadReply, 502, "bad_reply"),
    (RateLimited, 429, "rate_limit_exceeded"),
    (ModelUnavailable, 503, "model_unavailable"),
    (NoModel, 503, "no_model"),
    (ModelError, 502, "model_error"),
    (BudgetExceeded, 429, "insufficient_quota"),
    (PolicyDenied, 403, "policy_denied"),
    (DeadlineExceeded, 504, "deadline_exceeded"),
    (RetryableError, 503, "unavailable"),
    (UsageError, 400, "invalid_value"),
    (RecursionError, 400, "nested_too_deeply"),
)
"""Errors by status and code; the first that fits."""
_FINAL = (KeyRefused, BadReply, NoModel, ModelError, BudgetExceeded)


def refusal_of(error: BaseException) -> Refusal | None:
    """What an error means to who asked; None: it is not foreseen, so a bug."""
    if isinstance(error, Refusal):
        return error
    for kind, status, code in _KNOWN:
        if isinstance(error, kind):
            told = "the request is nested too deeply" if kind is RecursionError else str(error)
            found = Refusal(status, told, code)
            found.final = found.final or isinstance(error, _FINAL)
            found.retry_after_s = getattr(error, "retry_after_s", None)
            return found
    return None


def unforeseen(error: BaseException) -> Refusal:
    """What is told of an error that nobody foresaw; what it was, and where, goes to the log."""
    if isinstance(error, asyncio.CancelledError):
        return Refusal(503, "the firm stops just now; ask again when it is up", "stopping")
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{frames[-1].filename}, line {frames[-1].lineno}" if frames else "nowhere"
    told = f"{type(error).__name__}: {error}"
    log.error("a request failed, it is a bug of firm: %s (%s)", told, place, exc_info=error)
    return Refusal(500, "this should not have happened, it is a bug of firm; its log says where", "bug")
