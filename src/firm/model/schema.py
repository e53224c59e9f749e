"""What a caller wants a reply to be: a type, or a JSON Schema.

One rule: a value leaves here only if it matches; what the server promised counts for nothing. What it takes to have
a wrong reply repaired is for others.
"""

import math
import re
import sys
from collections.abc import Callable
from functools import lru_cache
from typing import Any, get_args

import msgspec

from firm.errors import UsageError
from firm.model.guard import refuse_unsafe
from firm.model.parse import every_json, read_json, show
from firm.model.portable import inner, is_strict, portable

MAX_CHARS = 4_000_000
"""Longest reply that is read as JSON; about a million tokens."""
MAX_SCHEMA_BYTES = 1024 * 1024
MAX_PATTERN_CHARS = 2_000
"""Longest text that is held against a pattern of a JSON Schema."""
MAX_SHOWN = 80
_NOT_JSON_SCHEMA = {
    "dict": "object",
    "float": "number",
    "double": "number",
    "int": "integer",
    "str": "string",
    "bool": "boolean",
    "list": "array",
    "tuple": "array",
}
_PATH = re.compile(r" - at `(?:key in )?\$(.*)`$", re.DOTALL)
_STEP = re.compile(r"\.([^.\[]+)|\[(\d+)\]|(\[\.\.\.\])")


class Mismatch(ValueError):
    """A reply is not what was asked for; the message says where, what was expected and what stands there."""


class Shape:
    """What a reply has to be.

    Args:
        schema: JSON Schema of the value, for the server.
        read: Makes the value from builtins; raises `Mismatch`.
        complete: Ask the server for every property.
    """

    __slots__ = ("_read", "json_schema", "strict", "wrapped")

    def __init__(self, schema: dict[str, Any], read: Callable[[Any], Any], *, complete: bool) -> None:
        self._read = read
        found = portable(schema, complete=complete)
        self.wrapped = found.get("type") != "object"
        """The value stands under `value`, since many servers want an object at the root."""
        self.json_schema = _wrap(found) if self.wrapped else found
        """What the server is asked for."""
        self.strict = is_strict(self.json_schema)
        """Whether it fits OpenAI's strict mode, which wants all objects closed and complete."""

    def decode(self, text: str) -> Any:
        """The value that a reply holds: JSON alone, in a fence, or with words around it.

        Raises:
            Mismatch: if there is none, or it is not of this shape.
        """
        if len(text) > MAX_CHARS:
            raise Mismatch(f"the reply has {len(text):,} characters; at most {MAX_CHARS:,} are read")
        try:
            value = read_json(text)
        except ValueError as error:
            return self._search(text, str(error))
        return self.convert(value)

    def _search(self, text: str, why: str) -> Any:
        first: Mismatch | None = None
        for found in every_json(text):
            try:
                return self.convert(read_json(found))
            except Mismatch as error:
                first = first or error
            except ValueError as error:
                first = first or Mismatch(str(error))
        raise first or Mismatch(f"there is no JSON in the reply: {why}; it begins with {_short(text)}")

    def convert(self, value: Any) -> Any:
        """The value from builtins; a value that should be wrapped is taken bare too.

        Raises:
            Mismatch: if it is not of this shape.
        """
        if not self.wrapped:
            return self._read(value)
        if not isinstance(value, dict) or set(value) != {"value"}:
            return self._read(value)
        try:
            return self._read(value["value"])
        except Mismatch:
            try:
                return self._read(value)
            except Mismatch:
                pass
            raise


def _wrap(schema: dict[str, Any]) -> dict[str, Any]:
    defs = schema.pop("$defs", None)
    found = {
        "type": "object",
        "properties": {"value": schema},
        "required": ["value"],
        "additionalProperties": False,
    }
    return found | {"$defs": defs} if defs else found


def shape_of(schema: Any) -> Shape:
    """The shape of what a caller gave as `schema=`: a type, or a JSON Schema as a dict.

    Types are what msgspec knows (Struct, dataclass, TypedDict, enum, Literal, builtins and generics of them), and
    pydantic models where pydantic is there.

    Raises:
        UsageError: if it cannot be described, or is a JSON Schema that is wrong, unsafe or refers to elsewhere.
    """
    if isinstance(schema, dict):
        return _of_bytes(_dumped(schema))
    try:
        return _of_type(schema)
    except TypeError:  # it cannot be hashed
        return _of_type.__wrapped__(schema)


@lru_cache(maxsize=1024)
def _of_type(kind: Any) -> Shape:
    if isinstance(kind, str | bytes | int | float) or kind is None:
        raise UsageError(
            f"schema={kind!r}: give a type such as list[str], a Struct, or a JSON Schema as a dict"
        )
    if _is_pydantic(kind):
        return _of_pydantic(kind)
    try:
        (schema,), defs = msgspec.json.schema_components(
            (kind,), schema_hook=_pydantic_schema, ref_template="#/$defs/{name}"
        )
        msgspec.json.Decoder(kind, dec_hook=_validate)
    except (TypeError, ValueError, NameError, NotImplementedError) as error:
        raise UsageError(f"schema={kind!r}: a reply cannot be of this type: {error}") from None
    return Shape(_hoisted(schema, defs), lambda value: _convert(value, kind), complete=True)


def _hoisted(schema: dict[str, Any], defs: dict[str, Any]) -> dict[str, Any]:
    """One schema with all definitions at its root, also those of pydantic models inside."""
    found = dict(defs)
    for node in [schema, *defs.values()]:
        _collect(node, found)
    return schema | {"$defs": found}


def _collect(node: Any, found: dict[str, Any]) -> None:
    for part in inner(node):
        if isinstance(part, dict):
            for name, value in part.pop("$defs", {}).items():
                found.setdefault(name, value)
            _collect(part, found)


def _convert(value: Any, kind: Any) -> Any:
    try:
        return msgspec.convert(value, kind, str_keys=True, dec_hook=_validate)
    except msgspec.ValidationError as error:
        raise _told(str(error), value) from None
    except (ValueError, OverflowError, RecursionError) as error:  # of a type's own __post_init__
        raise Mismatch(str(error) or type(error).__name__) from None


def _told(error: str, value: Any) -> Mismatch:
    """msgspec's message, with what stands at its path."""
    found = _PATH.search(error)
    path = found[1] if found else ""
    here, missing = value, False
    for key, index, unknown in _STEP.findall(path):
        try:
            here = here[int(index)] if index else here[key]
        except (LookupError, TypeError):
            missing = True
        missing = missing or bool(unknown)
        if missing:
            break
    where = f"${path}"
    words = error[: found.start()] if found else error
    return Mismatch(f"at {where}: {words}" + ("" if missing else f"; there stands {_short(show(here))}"))


def _short(text: str) -> str:
    return repr(text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1] + "…")


# --- pydantic, where it is there -------------------------------------------------------------------------------


def _is_pydantic(kind: Any) -> bool:
    """Whether a pydantic model is part of a type; pydantic is never imported for that."""
    if "pydantic" not in sys.modules:
        return False
    if isinstance(kind, type) and hasattr(kind, "__pydantic_core_schema__"):
        return True
    return any([_is_pydantic(part) for part in get_args(kind) if not isinstance(part, str | int | bytes)])


def _pydantic_schema(kind: Any) -> dict[str, Any]:
    if not _is_pydantic(kind):
        raise NotImplementedError(f"{kind!r} is not known")
    found: dict[str, Any] = kind.model_json_schema()
    return found


def _validate(kind: Any, value: Any) -> Any:
    if not _is_pydantic(kind):
        raise NotImplementedError(f"{kind!r} is not known")
    return _of_pydantic(kind).convert(value)


@lru_cache(maxsize=1024)
def _of_pydantic(kind: Any) -> Shape:
    import pydantic

    try:
        adapter = pydantic.TypeAdapter(kind)
        schema = adapter.json_schema()
    except (pydantic.PydanticUserError, TypeError, NameError) as error:
        raise UsageError(f"schema={kind!r}: a reply cannot be of this type: {error}") from None

    def read(value: Any) -> Any:
        try:
            found = adapter.validate_json(msgspec.json.encode(value))
        except pydantic.ValidationError as error:
            first = error.errors(include_url=False)[0]
            path = "".join([f"[{at}]" if isinstance(at, int) else f".{at}" for at in first["loc"]])
            stands = "" if first["type"] == "missing" else f"; there stands {_short(repr(first['input']))}"
            raise Mismatch(f"at ${path}: {first['msg']}{stands}") from None
        if _endless(adapter.dump_python(found)):
            raise Mismatch("a number is infinite or NaN; give a finite number")
        return found

    return Shape(schema, read, complete=True)


def _endless(value: Any) -> bool:
    """Whether a number in it is not finite: pydantic takes the word "inf" for a number."""
    if isinstance(value, float):
        return not math.isfinite(value)
    if isinstance(value, dict):
        return any([_endless(item) for item in value.values()])
    return isinstance(value, list | tuple | set | frozenset) and any([_endless(item) for item in value])


# --- JSON Schema -----------------------------------------------------------------------------------------------


def _dumped(schema: dict[Any, Any]) -> bytes:
    try:
        found = msgspec.json.encode(schema)
    except (TypeError, ValueError, RecursionError) as error:
        raise UsageError(f"schema={_short(repr(schema))}: it is no JSON: {error}; give JSON Schema") from None
    if len(found) > MAX_SCHEMA_BYTES:
        raise UsageError(f"the schema has {len(found):,} bytes; at most {MAX_SCHEMA_BYTES:,} are taken")
    return found


@lru_cache(maxsize=1024)
def _of_bytes(dumped: bytes) -> Shape:
    from jsonschema.exceptions import SchemaError, best_match
    from jsonschema.validators import Draft202012Validator, validator_for
    from referencing import Registry

    schema: dict[str, Any] = msgspec.json.decode(dumped)
    refuse_unsafe(schema)
    kind = validator_for(schema, default=Draft202012Validator)
    try:
        kind.check_schema(schema)
    except SchemaError as error:
        hint = _NOT_JSON_SCHEMA.get(str(error.instance), "")
        wrong = f"at {error.json_path}: {_short(str(error.message))}"
        raise UsageError(f"the schema is no JSON Schema: {wrong}{f'; write {hint!r}' * bool(hint)}") from None
    validator = kind(schema, registry=Registry())
    patterned = b'"pattern' in dumped

    def read(value: Any) -> Any:
        try:
            if patterned:
                _refuse_long(value)
            error = best_match(validator.iter_errors(value))
        except RecursionError:
            raise Mismatch("it is nested too deep for the schema") from None
        except ArithmeticError as wrong:
            raise Mismatch(f"a number is out of range: {wrong}") from None
        if error is not None:
            what = str(error.message)
            asked = _short(show(error.validator_value)) if len(what) > 2 * MAX_SHOWN else ""
            told = f"{what[: 2 * MAX_SHOWN]}… ({error.validator}: {asked})" if asked else what
            raise Mismatch(f"at {error.json_path}: {told}")
        return value

    return Shape(schema, read, complete=False)


def _refuse_long(value: Any) -> None:
    """Mismatch for a text that is too long to be held against patterns."""
    level = [value]
    while level:
        for item in level:
            if isinstance(item, str) and len(item) > MAX_PATTERN_CHARS:
                raise Mismatch(f"a text has {len(item):,} characters; at most {MAX_PATTERN_CHARS:,} fit here")
        nested = [item for item in level if isinstance(item, dict | list)]
        level = [part for item in nested for part in (item.values() if isinstance(item, dict) else item)]
