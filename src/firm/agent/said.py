"""Arguments as a model wrote them: JSON, read in one pass; where they do not fit, words by which it can do better.

One rule: nothing is guessed. Only a JSON string around the whole object is taken off, which some models write.
"""

import difflib
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from firm.errors import UsageError

MAX_CHARS = 1_000_000
"""Of what a model wrote as the arguments of one call."""
SHOWN_CHARS = 120
_WORDS = {
    "str": "text",
    "int": "whole number",
    "float": "number",
    "bool": "true or false",
    "array": "list",
    "object": "object",
    "null": "null",
}
"""What JSON's types are called here, by the names that msgspec has for them."""

Kinds = Mapping[str, Any]


def unwrapped(text: str) -> str | None:
    """The object's text, if the whole is a JSON string with an object in it; None otherwise."""
    if not text.lstrip().startswith('"'):
        return None
    try:
        inner = msgspec.json.decode(text)
    except msgspec.MsgspecError:
        return None
    return inner if isinstance(inner, str) and inner.lstrip().startswith(("{", '"')) else None


class Reader:
    """Says what is wrong with the arguments of one tool.

    Args:
        name: Of the tool.
        kinds: The type of each argument.
        required: Those that have no default.
        convert: Turns builtins into a value of a type; raises what msgspec does.
    """

    def __init__(
        self, name: str, kinds: Kinds, required: tuple[str, ...], convert: Callable[[Any, Any], Any]
    ) -> None:
        self._name, self._kinds, self._required, self._convert = name, kinds, required, convert

    def too_long(self, text: str) -> UsageError:
        """It is not even looked at."""
        return UsageError(
            f"tool {self._name!r}: the arguments have {len(text):,} characters, and at most {MAX_CHARS:,} are read; "
            "put what is long into a file, and give its path"
        )

    def explain(self, text: str, error: Exception) -> UsageError:
        """What a model is told; `error` is what msgspec said."""
        try:
            found = msgspec.json.decode(text)
        except (msgspec.MsgspecError, RecursionError) as broken:
            return self._not_json(text, broken)
        if not isinstance(found, dict):
            return UsageError(
                f"tool {self._name!r}: the arguments are {_came(found)}, not an object. {self._takes()}"
            )
        wrong = [*self._unknown(found), *self._missing(found), *self._unfit(found)]
        return UsageError(f"tool {self._name!r}: {'; '.join(wrong) or str(error)}. {self._takes()}")

    def _not_json(self, text: str, error: Exception) -> UsageError:
        said = str(error)
        if said == "Input data was truncated":
            said = "half a surrogate pair" if "\\ud" in text.lower() else "they end in the middle"
        return UsageError(
            f"tool {self._name!r}: the arguments are not JSON ({said}): {_cut(text)}; "
            f"send one JSON object with double quotes, and nothing around it. {self._takes()}"
        )

    def _unknown(self, found: dict[str, Any]) -> list[str]:
        wrong = []
        for key in found:
            if key not in self._kinds:
                near = difflib.get_close_matches(key.lower(), self._kinds, n=1)
                hint = f", did you mean {near[0]!r}?" if near else ""
                wrong.append(f"there is no argument {key[:SHOWN_CHARS]!r}{hint}")
        return wrong

    def _missing(self, found: dict[str, Any]) -> list[str]:
        return [
            f"argument {key!r} is missing ({_expected(self._kinds[key])})"
            for key in self._required
            if key not in found
        ]

    def _unfit(self, found: dict[str, Any]) -> list[str]:
        wrong = []
        for key, value in found.items():
            if key not in self._kinds:
                continue
            try:
                self._convert(value, self._kinds[key])
            except Exception as error:  # a class of the user's may raise anything
                wrong.append(f"argument {key!r} {_why(str(error), self._kinds[key])}, got {_came(value)}")
        return wrong

    def _takes(self) -> str:
        takes = [
            f"{key} ({_expected(kind)}{'' if key in self._required else ', may be left out'})"
            for key, kind in self._kinds.items()
        ]
        return f"It takes {', '.join(takes)}" if takes else "It takes no arguments: send {}"


def _expected(kind: Any) -> str:
    """A type in words."""
    try:
        (schema,), defs = msgspec.json.schema_components((kind,))
    except (TypeError, ValueError, NotImplementedError):
        return "object"
    if "$ref" in schema:
        schema = defs.get(str(schema["$ref"]).rpartition("/")[2], {})
    return _of_schema(schema)


def _of_schema(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return "one of " + ", ".join(map(str, schema["enum"][:20]))
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_of_schema(one) for one in schema["anyOf"]))
    kind = schema.get("type", "")
    if kind == "array" and isinstance(schema.get("items"), dict) and schema["items"].get("type"):
        return f"list of {_of_schema(schema['items'])}"
    if kind == "object" and schema.get("properties"):
        return "object with " + ", ".join(schema["properties"])
    said = {"string": "text", "integer": "whole number", "boolean": "true or false", "array": "list"}
    return said.get(kind, kind or "anything")


def _why(error: str, kind: Any) -> str:
    """msgspec's words with the names of JSON's types, and the place inside the argument."""
    said, _, place = error.partition(" - at `$")
    for name, word in _WORDS.items():
        said = said.replace(f"`{name}`", word)
    where = place.rstrip("`").removeprefix(".")
    if not where and said.startswith("Invalid enum value"):
        return f"must be {_expected(kind)}"
    if not where and said.startswith("Expected "):
        return f"must be {said.removeprefix('Expected ').partition(', got ')[0]}"
    return f"does not fit: {said[:1].lower()}{said[1:]}{f' at {where}' if where else ''}"


def _came(value: object) -> str:
    kinds = {str: "the text ", int: "the whole number ", float: "the number ", list: "the list "}
    return kinds.get(type(value), "" if value is None or isinstance(value, bool) else "the object ") + _cut(
        msgspec.json.encode(value).decode()
    )


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN_CHARS else f"{text[:SHOWN_CHARS]}…"
