"""The result of a tool: what may be stored of it, and what is said where it may not.

One rule: a result that does not fit is an error of that call, which names the tool, what came, what is declared and
what to do; it is encoded once, and what is surely too large is not encoded at all.
"""

import inspect
from collections.abc import Callable
from typing import Any

from firm.errors import UsageError
from firm.kernel.definition import StepDef
from firm.kernel.value import Codec, Signature

MAX_RESULT_BYTES = 16 * 1024 * 1024
"""Of one result, encoded. What is larger belongs into a file whose path is the result."""
_LONG = frozenset({str, bytes, bytearray})


class ResultCodec(Codec):
    """Encodes and decodes what one tool returns.

    Args:
        codec: Of the declared type.
        name: Of the tool, for errors.
    """

    __slots__ = ("_codec", "_encode", "_name")

    def __init__(self, codec: Codec, name: str) -> None:
        self._codec, self._name = codec, name
        self._encode = codec.encode
        self.declared = codec.declared

    def encode(self, value: object) -> bytes:
        """Bytes of `value`; UsageError if it is too large, cannot be stored, or is not of the declared type."""
        if type(value) in _LONG:
            check_length(value, self._name)
        try:
            body = self._encode(value)
        except Exception as error:  # the classes of others say what can be stored of them
            raise UsageError(self._unfit(value, error)) from None
        if len(body) > MAX_RESULT_BYTES:
            raise _too_large(self._name, f"{len(body):,} bytes ({type(value).__name__})")
        return body

    def decode(self, body: bytes) -> Any:
        """The value; UsageError if the bytes do not fit the declared type."""
        return self._codec.decode(body)

    def _unfit(self, value: object, error: Exception) -> str:
        declared = self.declared
        said = getattr(declared, "__name__", None) if isinstance(declared, type) else None
        wanted = "nothing is declared, so builtins only" if _is_loose(declared) else f"-> {said or declared}"
        what = "return what is declared, or declare what is returned"
        if inspect.iscoroutine(value):
            value.close()
            what = "write it as `async def`, or await it inside"
        elif _is_loose(declared):
            what = "annotate its result (msgspec.Struct, dataclass, enum, pydantic model), or return builtins"
        why = f"{error}" if isinstance(error, UsageError) else f"{type(error).__name__}: {error}"
        why = why.removeprefix(f"result of tool {self._name!r}: ")
        return (
            f"result of tool {self._name!r} cannot be used: it returned {type(value).__name__} {_short(value)}, and "
            f"declared is: {wanted}; {what} ({why:.300})"
        )


def result_codec(function: Callable[..., Any], name: str) -> ResultCodec:
    """The codec of what a function declares that it returns.

    Raises:
        UsageError: its annotations cannot be resolved, or no such value can be stored.
    """
    return ResultCodec(Signature(function, f"tool {name!r}").result, name)


class ToolStep(StepDef):
    """A step that does what a tool does, with the tool's word on results."""

    __slots__ = ("tool_name",)

    def __init__(self, name: str, function: Any, **options: Any) -> None:
        super().__init__(function, **options)
        self.tool_name = name

    @property
    def signature(self) -> Signature:
        """Codecs of arguments and result."""
        found = self._signature
        if found is None:
            found = self._signature = Signature(self.function, f"tool {self.tool_name!r}")
            found.result = ResultCodec(found.result, self.tool_name)
        return found


def check_length(value: object, name: str) -> None:
    """Refuse a text or bytes that are too large, without a look at what is in them.

    Raises:
        UsageError: it is larger than MAX_RESULT_BYTES.
    """
    if type(value) in _LONG and len(value) > MAX_RESULT_BYTES:  # type: ignore[arg-type]
        unit = "characters of text" if type(value) is str else "bytes"
        raise _too_large(name, f"{len(value):,} {unit}")  # type: ignore[arg-type]


def _too_large(name: str, came: str) -> UsageError:
    return UsageError(
        f"result of tool {name!r} is too large: {came}, and at most {MAX_RESULT_BYTES:,} bytes are kept; write it to a "
        "file and return the path, or ask for less at a time"
    )


def _is_loose(declared: Any) -> bool:
    return declared is Any or declared is object or declared is inspect.Parameter.empty


def _short(value: object) -> str:
    """The beginning of what it shows; foreign code may fail at that."""
    if isinstance(value, (str, bytes, bytearray)):
        return repr(value[:60])
    if isinstance(value, (list, tuple, set, frozenset, dict)):
        return f"of {len(value):,}"
    try:
        return f"{value!r:.80}"
    except Exception as error:
        return f"(its repr raised {type(error).__name__})"
