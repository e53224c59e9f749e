"""Values as bytes: what may be stored, and the promise `decode(encode(x)) == x`.

One rule: decoding never imports or calls foreign code; there is no pickle, no extension type and no fallback.

Two forms, told apart by the first byte. Plain MessagePack carries what it can carry exactly. The tagged form
(first byte 0xC1, which MessagePack never uses) carries the rest of the builtins: tuples, sets, whole numbers
over 64 bits, text with lone surrogates, datetimes without a declared type.
"""

import hashlib
import inspect
import numbers
import types
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from itertools import islice
from typing import Any, cast, get_origin, get_type_hints

import msgspec

from firm.errors import UsageError
from firm.kernel.mark import MARKED, plain

TAGGED = b"\xc1"
MAX_INPUT_BYTES = 128
"""Arguments up to this size stand in the journal as they are, longer ones as a hash."""
MAX_DEPTH = 100
"""Nesting of a value without a declared type."""

_SCALARS = frozenset({type(None), bool, int, float, str, bytes})
_KEYS = frozenset({str, int, bool, float, bytes})
_LOOSE = (Any, object, list, dict, list[Any], dict[str, Any], inspect.Parameter.empty)


def _to_storable(value: object) -> object:
    """Turn what msgspec does not know into what it knows; raises NotImplementedError."""
    dump = getattr(value, "model_dump", None)
    if dump is not None and hasattr(type(value), "model_validate"):
        return dump(mode="json")
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        return float(value)
    if isinstance(value, str):
        return str.__str__(value)
    raise NotImplementedError


def _from_storable(kind: type, value: object) -> object:
    validate = getattr(kind, "model_validate", None)
    if validate is not None:
        return validate(value)
    if isinstance(value, kind):
        return value
    raise NotImplementedError(f"{kind.__module__}.{kind.__qualname__}")


_encode = msgspec.msgpack.Encoder(enc_hook=_to_storable).encode
_decode = msgspec.msgpack.Decoder().decode


class Codec:
    """Encodes and decodes values of one declared type; see `codec_for`."""

    __slots__ = ("_decode", "_where", "declared")

    def __init__(self, declared: Any, where: str) -> None:
        self.declared = declared
        self._where = where
        try:
            self._decode = msgspec.msgpack.Decoder(declared, dec_hook=_from_storable).decode
        except (TypeError, ValueError, NameError) as error:
            raise UsageError(f"{where}: values of type {declared!r} cannot be stored: {error}") from None

    def encode(self, value: object) -> bytes:
        """Bytes of `value`; UsageError if it cannot be stored or is not of the declared type."""
        try:
            body = _encode(value)
            if type(value) is not self.declared or type(value) not in _SCALARS:
                self._decode(body)  # a value of the wrong type must not reach the journal
        except (UnicodeEncodeError, OverflowError):
            body = TAGGED + _encode(
                _tag(msgspec.to_builtins(value, builtin_types=(bytes,), enc_hook=_to_storable))
            )
        except (msgspec.ValidationError, NotImplementedError, TypeError, ValueError) as error:
            raise UsageError(
                f"{self._where}: got {_show(value)} where {_name(self.declared)} is declared: {error}"
            ) from None
        return body

    def decode(self, body: bytes) -> Any:
        """The value without its marks; UsageError if the bytes do not fit the declared type (it was changed)."""
        try:
            if body[:1] == TAGGED:
                if body[:2] == MARKED:
                    return self.decode(plain(body))
                return msgspec.convert(_untag(_decode(body[1:])), self.declared, dec_hook=_from_storable)
            return self._decode(body)
        except (msgspec.ValidationError, msgspec.DecodeError) as error:
            raise UsageError(
                f"{self._where}: the stored value does not fit {_name(self.declared)}: {error}; "
                "put the declaration back, or start the run anew"
            ) from None


class BuiltinCodec(Codec):
    """Encodes and decodes builtins, for places without a declared type."""

    __slots__ = ("_kind",)

    def __init__(self, where: str, kind: type = object) -> None:
        super().__init__(Any, where)
        self._kind = kind
        """What a bare `list` or `dict` was declared as; what is in it may be any builtin."""

    def encode(self, value: object) -> bytes:
        """Bytes of `value`; UsageError for anything but builtins."""
        kind = type(value)
        if not isinstance(value, self._kind):
            raise UsageError(f"{self._where}: got {_show(value)} where {self._kind.__name__} is declared")
        try:
            if kind in _SCALARS or _is_plain(value, self._where):
                return _encode(value)
        except (UnicodeEncodeError, OverflowError):
            pass
        return TAGGED + _encode(_tag(value))

    def decode(self, body: bytes) -> Any:
        """The value."""
        if body[:1] != TAGGED:
            return _decode(body)
        return self.decode(plain(body)) if body[:2] == MARKED else _untag(_decode(body[1:]))


BUILTIN = BuiltinCodec("value")
"""For values of no declared type at no particular place."""


@lru_cache(maxsize=4096)
def _cached(declared: Any, where: str) -> Codec:
    if declared in _LOOSE:
        return BuiltinCodec(where, get_origin(declared) or (declared if declared in (list, dict) else object))
    return Codec(declared, where)


def codec_for(declared: Any, where: str) -> Codec:
    """The codec of a declared type; `where` names the place in errors ("result of step 'charge'")."""
    try:
        return _cached(declared, where)
    except TypeError:  # an annotation that cannot be hashed
        return Codec(declared, where)


def _is_plain(value: object, where: str, depth: int = 0) -> bool:
    """True if MessagePack carries `value` exactly; UsageError if nothing of ours can."""
    kind = type(value)
    if kind in _SCALARS:
        return True
    if depth > MAX_DEPTH:
        raise UsageError(f"{where}: a value nested deeper than {MAX_DEPTH} levels cannot be stored")
    if kind is list:
        return all([_is_plain(item, where, depth + 1) for item in cast("list[object]", value)])
    if kind is dict:
        items = cast("dict[object, object]", value)
        keys = [type(key) in _KEYS or _is_plain(key, where, depth + 1) is None for key in items]
        return all([_is_plain(item, where, depth + 1) for item in items.values()]) and all(keys)
    if kind in (tuple, set, frozenset):
        for item in cast("tuple[object, ...]", value):
            _is_plain(item, where, depth + 1)
        return False
    if kind in (datetime, date, time, timedelta):
        return False
    raise UsageError(
        f"{where}: {_show(value)} cannot be stored without a declared type; annotate it "
        "(msgspec.Struct, dataclass, enum, pydantic model), or use builtins"
    )


_MAKE: dict[str, Callable[[Any], object]] = {
    "l": lambda items: [_untag(item) for item in items],
    "t": lambda items: tuple(_untag(item) for item in items),
    "s": lambda items: {_untag(item) for item in items},
    "f": lambda items: frozenset(_untag(item) for item in items),
    "d": lambda items: {_untag(key): _untag(item) for key, item in items},
    "u": lambda raw: raw.decode("utf-8", "surrogatepass"),
    "i": lambda text: int(text, 16),
    "D": datetime.fromisoformat,
    "a": date.fromisoformat,
    "T": time.fromisoformat,
    "p": lambda parts: timedelta(*parts),
}


def _tag(value: Any) -> object:
    """Every container and every awkward scalar as [tag, payload]; other scalars as they are."""
    match value:
        case str():
            try:
                value.encode()
            except UnicodeEncodeError:
                return ["u", value.encode("utf-8", "surrogatepass")]
            return value
        case bool() | None | float() | bytes():
            return value
        case int():
            return value if -(2**63) <= value < 2**63 else ["i", f"{value:x}"]
        case list():
            return ["l", [_tag(item) for item in value]]
        case tuple():
            return ["t", [_tag(item) for item in value]]
        case set() | frozenset():
            items = sorted((_tag(item) for item in value), key=_encode)
            return ["s" if isinstance(value, set) else "f", items]
        case dict():
            return ["d", [[_tag(key), _tag(item)] for key, item in value.items()]]
        case datetime():
            return ["D", value.isoformat()]
        case date():
            return ["a", value.isoformat()]
        case time():
            return ["T", value.isoformat()]
        case timedelta():
            return ["p", [value.days, value.seconds, value.microseconds]]
    raise UsageError(f"{_show(value)} cannot be stored")


def _untag(value: Any) -> Any:
    return _MAKE[value[0]](value[1]) if type(value) is list else value


# --- what a call was given -----------------------------------------------------------------------------------


def _stand_in(value: object) -> object:
    dump = getattr(value, "model_dump", None)
    if dump is not None and hasattr(type(value), "model_validate"):
        return dump()  # sets stay sets, which are sorted
    try:
        return _to_storable(value)
    except NotImplementedError:
        return f"<{type(value).__qualname__}>"


_encode_input = msgspec.msgpack.Encoder(enc_hook=_stand_in, order="deterministic").encode


def encode_input(args: tuple[object, ...], kwargs: dict[str, object]) -> bytes:
    """The arguments of a call as the journal keeps them: whole if short, else a hash; never raises.

    Arguments of types that cannot be stored count by the name of their type.
    """
    try:
        body = _encode_input((args, kwargs) if kwargs else args)
    except Exception:  # anything at all may be an argument of a step; it is compared only as far as it goes
        body = repr([type(arg).__qualname__ for arg in args]).encode()
    if len(body) > MAX_INPUT_BYTES:
        return TAGGED + hashlib.sha256(body).digest()[:16]
    return body


def show_input(body: bytes) -> str:
    """The arguments as a person reads them."""
    if body[:1] == TAGGED:
        return f"(arguments with hash {body[1:9].hex()})"
    try:
        value = _decode(body) if body else []
    except msgspec.DecodeError:
        value = [body]
    if (
        isinstance(value, list)
        and len(value) == 2
        and isinstance(value[0], list)
        and isinstance(value[1], dict)
    ):
        shown = [*map(repr, value[0]), *(f"{key}={item!r}" for key, item in value[1].items())]
    else:
        shown = list(map(repr, value)) if isinstance(value, list) else [repr(value)]
    return f"({', '.join(shown)})"


def _show(value: object) -> str:
    text = repr(value)
    kind = type(value)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    return f"{text if len(text) <= 80 else text[:77] + '...'} ({name})"


def _name(declared: object) -> str:
    return declared.__name__ if isinstance(declared, type) else str(declared)


# --- signatures ----------------------------------------------------------------------------------------------


class Signature:
    """Codecs for the arguments and the result of a function, made at first use.

    Raises UsageError where an annotation cannot be resolved or stored.
    """

    __slots__ = ("_codecs", "_least", "_signature", "_simple", "name", "result")

    def __init__(self, function: Callable[..., object], name: str) -> None:
        self.name = name
        self._signature = inspect.signature(function)
        try:
            hints = get_type_hints(function, include_extras=True)
        except Exception as error:
            raise UsageError(f"{name}: its annotations cannot be resolved: {error}") from None
        self.result = codec_for(hints.get("return", Any), f"result of {name}")
        self._codecs = {
            parameter.name: codec_for(_many(parameter, hints), f"argument {parameter.name!r} of {name}")
            for parameter in self._signature.parameters.values()
        }

        parameters = self._signature.parameters.values()
        self._simple = all(one.kind is one.POSITIONAL_OR_KEYWORD for one in parameters)
        self._least = sum(one.default is one.empty for one in parameters)
        """So many arguments have to be given, where all are simple: those without a default stand first."""

    def encode_args(self, args: tuple[object, ...], kwargs: dict[str, object]) -> bytes:
        """Arguments as bytes; UsageError if number, names or types are wrong."""
        if self._simple and not kwargs and self._least <= len(args) <= len(self._codecs):
            given = zip(self._codecs.items(), args, strict=False)
            return _encode({key: codec.encode(item) for (key, codec), item in given})
        try:
            bound = self._signature.bind(*args, **kwargs)
        except TypeError as error:
            raise UsageError(
                f"{self.name}{self._signature}: {error}; got {args!r} {kwargs or ''}".rstrip()
            ) from None
        return _encode({key: self._codecs[key].encode(item) for key, item in bound.arguments.items()})

    def decode_args(self, body: bytes) -> tuple[tuple[object, ...], dict[str, object]]:
        """Positional and keyword arguments; UsageError if the signature no longer takes them."""
        values: dict[str, Any] = {}
        for key, item in _decode(body).items():
            if key not in self._codecs:
                raise UsageError(f"{self.name}{self._signature}: it was started with an argument {key!r}")
            values[key] = self._codecs[key].decode(item)
        count = len(values)
        if (
            self._simple
            and count >= self._least
            and all(map(values.__contains__, islice(self._codecs, count)))
        ):
            return tuple([values[key] for key in islice(self._codecs, count)]), {}
        bound = inspect.BoundArguments(self._signature, cast("Any", values))
        return bound.args, bound.kwargs

    def convert_args(self, values: list[object]) -> list[object]:
        """Arguments that came as JSON, in their declared types; UsageError if they do not fit."""
        try:
            bound = self._signature.bind(*values)
        except TypeError as error:
            raise UsageError(f"{self.name}{self._signature}: {error}; got {values!r}") from None
        for key, item in bound.arguments.items():
            codec = self._codecs[key]
            if codec.declared is not Any:
                try:
                    bound.arguments[key] = msgspec.convert(item, codec.declared, dec_hook=_from_storable)
                except msgspec.ValidationError as error:
                    raise UsageError(f"argument {key!r} of {self.name}: {error}; got {item!r}") from None
        return list(bound.args)


def _many(parameter: inspect.Parameter, hints: dict[str, Any]) -> Any:
    declared = hints.get(parameter.name, Any)
    if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
        return Any if declared is Any else types.GenericAlias(tuple, (declared, ...))
    if parameter.kind is inspect.Parameter.VAR_KEYWORD:
        return Any if declared is Any else types.GenericAlias(dict, (str, declared))
    return declared
