"""The arguments of a tool: checked against its signature, as builtins for the gate, as JSON Schema for a model.

One rule: what does not fit the declared types never reaches the gate, let alone the function.
"""

import copy
import functools
import inspect
import re
import sys
from collections.abc import Callable
from typing import Any, cast, get_type_hints

import msgspec

from firm.agent.said import MAX_CHARS, Reader, unwrapped
from firm.errors import UsageError

MAX_WRAPPED = 3
"""How often JSON may stand in a JSON string."""
_PLAIN = frozenset({str, int, bool, float, type(None)})
_ARGUMENT = re.compile(r"^\s{0,12}(\w+)\s*(?:\([^)]*\))?:\s*(.+)$")


class Arguments:
    """What a function takes.

    Args:
        function: With annotations that can be resolved; an argument without one may be any builtin.
        name: Of the tool, for errors.

    Raises:
        UsageError: `*args`, `**kwargs`, arguments without a name, or a type that JSON cannot say.
    """

    __slots__ = (
        *("_decode", "_defaults", "_kinds", "_plain", "_positional", "_struct"),
        *("json_schema", "name", "names"),
    )

    def __init__(self, function: Callable[..., Any], name: str) -> None:
        self.name = name
        parameters = inspect.signature(function).parameters
        for parameter in parameters.values():
            if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
                raise UsageError(
                    f"tool {name!r} takes {str(parameter)!r}; a tool has arguments with names only"
                )
        try:
            hints = get_type_hints(function, include_extras=True)
        except Exception as error:
            raise UsageError(f"tool {name!r}: its annotations cannot be resolved: {error}") from None
        self.names = tuple(parameters)
        self._kinds = {key: hints.get(key, Any) for key in self.names}
        self._defaults = {
            key: parameter.default
            for key, parameter in parameters.items()
            if parameter.default is not parameter.empty
        }
        kinds = tuple(self._kinds.values())
        self._plain = kinds if all(any(kind is one for one in _PLAIN) for kind in kinds) else None
        """The types of all arguments, where builtins need no more than a look at them."""
        self._struct = self._make()
        self._decode = msgspec.json.Decoder(self._struct, dec_hook=_from_builtins).decode
        last_kind = [parameter.kind for parameter in parameters.values()][-1:]
        self._positional = last_kind != [inspect.Parameter.KEYWORD_ONLY]
        self.json_schema = self._schema(_described(inspect.getdoc(function) or ""))
        """JSON Schema of an object, for a model."""

    def _make(self) -> type[msgspec.Struct]:
        """A type with a field for each argument: what a model's call is read into."""
        fields: list[Any] = []
        for key in self.names:
            if key in self._defaults:
                make = functools.partial(copy.copy, self._defaults[key])
                fields.append((key, self._kinds[key], msgspec.field(default_factory=make)))
            else:
                fields.append((key, self._kinds[key]))
        try:
            made = msgspec.defstruct("Arguments", fields, kw_only=True, forbid_unknown_fields=True)
            msgspec.json.Decoder(made, dec_hook=_from_builtins)
        except (TypeError, ValueError, NameError) as error:
            raise UsageError(f"tool {self.name!r}: an argument of such a type cannot be: {error}") from None
        return made

    def _schema(self, described: dict[str, str]) -> dict[str, Any]:
        try:
            (_,), defs = msgspec.json.schema_components(
                (self._struct,), schema_hook=_schema_of, ref_template="#/$defs/{name}"
            )
        except (TypeError, ValueError, NotImplementedError) as error:
            raise UsageError(f"tool {self.name!r}: its arguments cannot be described: {error}") from None
        schema = cast("dict[str, Any]", defs.pop("Arguments"))
        schema.pop("title", None)
        for key, words in described.items():
            if key in schema["properties"]:
                schema["properties"][key] |= {"description": words}
        for key, default in self._defaults.items():
            if type(default) in _PLAIN and "$ref" not in schema["properties"][key]:
                schema["properties"][key]["default"] = default
        return schema | {"$defs": defs} if defs else schema

    def read(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """All arguments by name, and the same as builtins; see `bind` and `builtins`."""
        if not kwargs and tuple(map(type, args)) == self._plain:
            values = dict(zip(self.names, args, strict=True))
            return values, values
        values = self.bind(args, kwargs)
        return values, self.builtins(values)

    def bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        """All arguments by name, defaults filled in, in the order of the signature.

        Raises:
            UsageError: too many, too few, or of another name.
        """
        names = self.names
        if len(args) > len(names):
            raise UsageError(f"tool {self.name!r} takes {len(names)} arguments, {len(args)} were given")
        given = dict(zip(names, args, strict=False))
        for key in kwargs:
            if key in given or key not in self._kinds:
                why = "given twice" if key in given else f"not known (it has {', '.join(names) or 'none'})"
                raise UsageError(f"argument {key!r} of tool {self.name!r} is {why}")
        values = {**self._defaults, **given, **kwargs}
        if len(values) < len(names):
            missing = ", ".join(key for key in names if key not in values)
            raise UsageError(f"tool {self.name!r} was called without {missing}")
        return {key: values[key] for key in names}

    def builtins(self, values: dict[str, Any]) -> dict[str, Any]:
        """The arguments as builtins, checked against their types.

        Raises:
            UsageError: one is not of its declared type, or no builtin stands for it.
        """
        found = {}
        for key, value in values.items():
            kind = self._kinds[key]
            if type(value) is kind and type(value) in _PLAIN:
                found[key] = value
            else:
                found[key] = self._builtin(key, value, kind)
        return found

    def _builtin(self, key: str, value: Any, kind: Any) -> Any:
        try:
            plain = msgspec.to_builtins(value, str_keys=True, enc_hook=_to_builtins)
            if kind is not Any:
                msgspec.convert(plain, kind, str_keys=True, dec_hook=_from_builtins)
        except (msgspec.ValidationError, TypeError, ValueError, NotImplementedError, RecursionError) as error:
            raise UsageError(f"argument {key!r} of tool {self.name!r}: {error}; got {value!r:.80}") from None
        return plain

    def typed(self, plain: dict[str, Any]) -> dict[str, Any]:
        """Arguments of the declared types from builtins by name, defaults filled in: those that a model wrote.

        Raises:
            UsageError: one is missing, not known, or does not fit its type.
        """
        try:
            found = msgspec.convert(plain, self._struct, str_keys=True, dec_hook=_from_builtins)
        except (msgspec.ValidationError, TypeError, ValueError, RecursionError) as error:
            raise UsageError(f"arguments of tool {self.name!r}: {error}; got {plain!r:.200}") from None
        return {key: getattr(found, key) for key in self.names}

    def said(self, text: str) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Positional and keyword arguments from the JSON that a model wrote, all of them, defaults filled in.

        Raises:
            UsageError: it is no JSON object, or does not fit; says so in words that a model can act on.
        """
        if len(text) > MAX_CHARS:
            raise self._reader().too_long(text)
        text = text if text.strip() else "{}"
        for _ in range(MAX_WRAPPED):
            try:
                found = self._decode(text)
            except Exception as error:  # a class of the user's may raise anything
                inner = unwrapped(text)
                if inner is None:
                    raise self._reader().explain(text, error) from None
                text = inner
            else:
                values = msgspec.structs.astuple(found)
                return (values, {}) if self._positional else ((), dict(zip(self.names, values, strict=True)))
        raise self._reader().explain(text, UsageError("a string in a string"))

    def _reader(self) -> Reader:
        required = tuple([key for key in self.names if key not in self._defaults])

        def convert(value: Any, kind: Any) -> Any:
            return msgspec.convert(value, kind, dec_hook=_from_builtins)

        return Reader(self.name, self._kinds, required, convert)


def _described(words: str) -> dict[str, str]:
    """What a docstring says about each argument, in its section `Args:`."""
    _, _, section = words.partition("\nArgs:\n")
    described: dict[str, str] = {}
    depth, last = 0, ""
    for line in section.splitlines():
        indent = len(line) - len(line.lstrip())
        if line.strip() and not indent:
            break  # the next section
        match = _ARGUMENT.match(line)
        if match is not None and indent == (depth or indent):
            depth, last = indent, match[1]
            described[last] = match[2].strip()
        elif last and line.strip():
            described[last] += " " + line.strip()
    return described


def _to_builtins(value: Any) -> Any:
    dump = getattr(value, "model_dump", None)
    if dump is not None and hasattr(type(value), "model_validate"):
        return dump(mode="json")
    raise NotImplementedError(f"a {type(value).__name__} cannot be stored")


def _from_builtins(kind: type, value: Any) -> Any:
    validate = getattr(kind, "model_validate", None)
    if validate is not None:
        return validate(value)
    raise NotImplementedError(f"{kind!r} is not known")


def _schema_of(kind: Any) -> dict[str, Any]:
    describe = getattr(kind, "model_json_schema", None) if "pydantic" in sys.modules else None
    if describe is None:
        raise NotImplementedError(f"{kind!r} is not known")
    found: dict[str, Any] = describe()
    return found
