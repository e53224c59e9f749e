"""Errors as data: what a step raised, written down and raised again.

One rule: live and replay see the same rebuilt exception; only builtin classes, ours and those that the step
names in `raises=` are rebuilt as themselves, everything else becomes `StepFailed`.
"""

import asyncio
import builtins
import traceback
from typing import cast

import msgspec

import firm.errors
from firm.errors import RetryableError, StepFailed
from firm.kernel.mark import plain
from firm.kernel.value import BUILTIN

MAX_TRACEBACK_CHARS = 8_000
MAX_MESSAGE_CHARS = 20_000
MAX_RETRY_AFTER_S = 366 * 86_400.0
"""Longest wait that an error may ask for."""


class Failure(msgspec.Struct, array_like=True, frozen=True):
    """An exception as the journal keeps it."""

    type_name: str
    """`module:qualname`."""
    message: str
    retry_after_s: float | None = None
    args: bytes | None = None
    """The encoded arguments of the exception, None if they cannot be stored."""
    traceback: str = ""

    def encode(self) -> bytes:
        """Bytes for an event's body."""
        return _encoder.encode(self)

    @staticmethod
    def decode(body: bytes) -> "Failure":
        """The failure from an event's body, with or without marks."""
        return _decoder.decode(plain(body))


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Failure)


def readable(text: str, limit: int = MAX_MESSAGE_CHARS) -> str:
    """Text that can be stored: lone surrogates as escapes, cut at `limit` characters."""
    return text.encode("utf-8", "backslashreplace").decode()[:limit]


def record_failure(error: BaseException) -> Failure:
    """Write an exception down; never raises."""
    kind = type(error)
    try:
        args = BUILTIN.encode(tuple(error.args))
    except Exception:  # what cannot be stored, or even shown
        args = None
    try:
        message = str(error)
    except Exception as broken:
        message = f"(its message could not be made: {type(broken).__name__})"
    try:
        trace = "".join(traceback.format_exception(error))[-MAX_TRACEBACK_CHARS:]
    except Exception as broken:
        trace = f"(its traceback could not be made: {type(broken).__name__})"
    return Failure(
        f"{kind.__module__}:{kind.__qualname__}",
        readable(message, MAX_MESSAGE_CHARS),
        _seconds(getattr(error, "retry_after_s", None)) if isinstance(error, RetryableError) else None,
        args,
        readable(trace, MAX_TRACEBACK_CHARS),
    )


def _seconds(value: object) -> float | None:
    """A time to wait as a number, at most a year; None for anything else."""
    try:
        wait_s = float(cast("float", value))
    except (TypeError, ValueError):
        return None
    return min(wait_s, MAX_RETRY_AFTER_S) if wait_s >= 0 else None


def _find_class(type_name: str, raises: tuple[type[BaseException], ...]) -> type[BaseException] | None:
    for kind in raises:
        if f"{kind.__module__}:{kind.__qualname__}" == type_name:
            return kind
    module, _, name = type_name.partition(":")
    found: object = None
    if module == "builtins":
        found = getattr(builtins, name, None)
    elif module == "firm.errors":
        found = getattr(firm.errors, name, None)
    elif type_name == "asyncio.exceptions:InvalidStateError":
        found = asyncio.InvalidStateError
    return found if isinstance(found, type) and issubclass(found, Exception) else None


def rebuild_failure(failure: Failure, raises: tuple[type[BaseException], ...] = ()) -> BaseException:
    """The exception to raise; its `__notes__` hold the traceback of the original."""
    kind = _find_class(failure.type_name, raises)
    error: BaseException | None = None
    if kind is not None:
        args = BUILTIN.decode(failure.args) if failure.args is not None else (failure.message,)
        try:
            error = kind(*args)
            if isinstance(error, RetryableError):
                error.retry_after_s = failure.retry_after_s
            if failure.traceback:
                error.add_note(f"as recorded in the journal:\n{failure.traceback.rstrip()}")
        except Exception:  # a class whose constructor wants something else, or that cannot be noted on
            error = None
    if error is None:
        return StepFailed(failure.type_name, failure.message, failure.traceback)
    return error
