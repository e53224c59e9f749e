"""A JSON Schema in the words that every server understands.

One rule: what a server is sent may ask for less than the schema says, never for something else. Servers differ in
what they refuse (patterns, defaults, tuples, `oneOf`, references), and a refused schema is a failed call; whatever
is left out here is checked when the reply is there.
"""

import re
from collections.abc import Iterator
from typing import Any

MAX_DEPTH = 64
"""Nesting of a schema."""
MAX_ITEMS = 100
"""Bounds on the length of a list up to here are sent: grammars grow with them."""
FORMATS = frozenset(
    {"date-time", "date", "time", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"},
)
ANY: dict[str, Any] = {"type": ["string", "number", "boolean", "object", "array", "null"]}
"""Any value at all: llama.cpp takes `{}` for an object."""

_MAPS = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")
_LISTS = ("anyOf", "oneOf", "allOf", "prefixItems", "items")
_ONES = (
    "items",
    "additionalProperties",
    "additionalItems",
    "not",
    "if",
    "then",
    "else",
    "contains",
    "propertyNames",
    "unevaluatedItems",
    "unevaluatedProperties",
)
_BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
_PLAIN_PATTERN = re.compile(r"\^(?:[^\\?]|\\[d.-]|(?<!\()\?)*\$")
"""What llama.cpp's grammars know: from beginning to end, no classes but digits, no groups with extras."""
_IMPLIED = {
    "properties": "object",
    "additionalProperties": "object",
    "required": "object",
    "items": "array",
    "prefixItems": "array",
    "pattern": "string",
    "format": "string",
    "minLength": "string",
    "maxLength": "string",
    "minimum": "number",
    "maximum": "number",
}


def inner(schema: dict[str, Any]) -> Iterator[Any]:
    """The schemas that stand directly inside of one."""
    for key in _MAPS:
        if isinstance(found := schema.get(key), dict):
            yield from found.values()
    for key in _LISTS:
        if isinstance(found := schema.get(key), list):
            yield from found
    for key in _ONES:
        if isinstance(found := schema.get(key), dict):
            yield found


def pointed(root: Any, ref: str) -> Any:
    """What a reference such as '#/$defs/Offer' points at; LookupError if nothing."""
    found = root
    for token in ref.lstrip("#").split("/")[1:]:
        token = token.replace("~1", "/").replace("~0", "~")
        found = found[int(token)] if isinstance(found, list) and token.isdigit() else found[token]
    return found


def portable(schema: dict[str, Any], *, complete: bool = False) -> dict[str, Any]:
    """The schema as it is sent, with its `$defs`.

    Args:
        schema: A JSON Schema whose references were checked.
        complete: Ask for every property, also for those that may be left out.
    """
    defs: dict[str, Any] = {}
    found = Writer(schema, defs, complete=complete).root()
    return found | {"$defs": defs} if defs else found


class Writer:
    """Writes one schema anew; several can share their `$defs`.

    Args:
        schema: The schema.
        defs: Where definitions are put; they are named so that none collide.
        complete: Ask for every property.
    """

    def __init__(self, schema: dict[str, Any], defs: dict[str, Any], *, complete: bool = False) -> None:
        self._root = schema
        self._defs = defs
        self._complete = complete
        self._names: dict[str, str] = {}

    def root(self) -> dict[str, Any]:
        """The schema without its `$defs`; a reference at its root is followed, since servers want an object there."""
        return self._node(self._followed(self._root))

    def _followed(self, node: Any) -> Any:
        for _ in range(MAX_DEPTH):
            if not isinstance(node, dict) or "$ref" not in node:
                break
            node = pointed(self._root, node["$ref"])
        return node

    def _node(self, node: Any, depth: int = 0) -> dict[str, Any]:
        if not isinstance(node, dict) or depth > MAX_DEPTH:
            return ANY
        if "$ref" in node:
            return {"$ref": f"#/$defs/{self._definition(node['$ref'])}"}
        found = {"description": node["description"]} if isinstance(node.get("description"), str) else {}
        return found | self._body(node, depth + 1)

    def _definition(self, ref: str) -> str:
        name = self._names.get(ref)
        if name is None:
            last = ref.rpartition("/")[2].strip("#") or "root"
            name = plain = "".join([char if char.isalnum() else "_" for char in last])
            while name in self._defs:
                name = f"{plain}_{len(self._defs)}"
            self._names[ref] = name
            self._defs[name] = {}
            self._defs[name] = self._node(self._followed(pointed(self._root, ref)))
        return name

    def _body(self, node: dict[str, Any], depth: int) -> dict[str, Any]:
        options = node.get("anyOf") or node.get("oneOf")
        if isinstance(options, list):
            return {"anyOf": [self._node(option, depth) for option in options]}
        if isinstance(node.get("allOf"), list):
            return self._body(self._merged(node), depth)
        if "const" in node or isinstance(node.get("enum"), list):
            return _choice([node["const"]] if "const" in node else node["enum"])
        kind = node.get("type") or next((_IMPLIED[key] for key in _IMPLIED if key in node), None)
        if isinstance(kind, list):
            if {"object", "array"}.isdisjoint(kind):
                return {"type": kind} | _bounds(node)
            return {"anyOf": [self._body(node | {"type": one}, depth) for one in kind]}
        if kind == "object":
            return self._object(node, depth)
        if kind == "array":
            return self._array(node, depth)
        return ANY if kind is None else {"type": kind} | _bounds(node) | _words(node)

    def _merged(self, node: dict[str, Any]) -> dict[str, Any]:
        merged = {key: value for key, value in node.items() if key != "allOf"}
        for part in node["allOf"]:
            part = self._followed(part)
            if not isinstance(part, dict):
                continue
            for key, value in part.items():
                known = merged.get(key)
                if key in ("properties", "$defs") and isinstance(known, dict):
                    merged[key] = known | value
                elif key in ("required", "allOf") and isinstance(known, list):
                    merged[key] = [*known, *value]
                else:
                    merged[key] = value
        return merged if "allOf" not in merged else {}

    def _object(self, node: dict[str, Any], depth: int) -> dict[str, Any]:
        properties = node.get("properties")
        more = node.get("additionalProperties")
        if "patternProperties" in node:
            more = True
        if not isinstance(properties, dict):
            if isinstance(more, dict) and more:
                return {"type": "object", "additionalProperties": self._node(more, depth)}
            return {"type": "object"}
        found = {key: self._node(value, depth) for key, value in properties.items() if value is not False}
        required = [key for key in node.get("required") or () if isinstance(key, str)]
        found |= {key: ANY for key in required if key not in found}
        return {
            "type": "object",
            "properties": found,
            "required": list(found) if self._complete else list(dict.fromkeys(required)),
            "additionalProperties": self._node(more, depth) if isinstance(more, dict) else more is True,
        }

    def _array(self, node: dict[str, Any], depth: int) -> dict[str, Any]:
        places = node.get("prefixItems") or node.get("items")
        if isinstance(places, list):
            return {"type": "array", "prefixItems": [self._node(place, depth) for place in places]}
        found: dict[str, Any] = {"type": "array"}
        if isinstance(items := node.get("items"), dict) and items:
            found["items"] = self._node(items, depth)
            for key in ("minItems", "maxItems"):
                if type(bound := node.get(key)) is int and 0 <= bound <= MAX_ITEMS:
                    found[key] = bound
        return found


def _choice(values: list[Any]) -> dict[str, Any]:
    kinds = list(dict.fromkeys([_kind(value) for value in values]))
    return {"type": kinds[0] if len(kinds) == 1 else kinds, "enum": values} if kinds else ANY


def _kind(value: object) -> str:
    names = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
    return names.get(type(value), "null")


def _bounds(node: dict[str, Any]) -> dict[str, Any]:
    """Bounds of a number, as far as they are whole and small enough for a grammar."""
    return {
        key: int(node[key])
        for key in _BOUNDS
        if type(node.get(key)) in (int, float) and abs(node[key]) < 2**53 and node[key] == int(node[key])
    }


def _words(node: dict[str, Any]) -> dict[str, Any]:
    """Format and pattern of a string, where servers know them."""
    found = {}
    if node.get("format") in FORMATS:
        found["format"] = node["format"]
    pattern = node.get("pattern")
    if isinstance(pattern, str) and _PLAIN_PATTERN.fullmatch(pattern):
        found["pattern"] = pattern
    return found


def unbounded(schema: Any) -> Any:
    """A portable schema without bounds and patterns, for servers that refuse them (Anthropic's)."""
    if isinstance(schema, list):
        return [unbounded(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    names = (*_BOUNDS, "pattern", "maxItems", "minItems")
    return {
        key: {name: unbounded(item) for name, item in value.items()}
        if key in ("properties", "$defs")
        else (value if key in ("enum", "required") else unbounded(value))
        for key, value in schema.items()
        if key not in names
    }


def is_strict(schema: Any) -> bool:
    """Whether a portable schema fits OpenAI's strict mode: an object at the root, all objects closed and complete."""
    return (
        isinstance(schema, dict)
        and schema.get("type") == "object"
        and _closed(schema)
        and all([_closed(node) for node in schema.get("$defs", {}).values()])
    )


def _closed(node: Any) -> bool:
    kind = node.get("type")
    if isinstance(kind, list) and not {"object", "array"}.isdisjoint(kind):
        return False
    if kind == "object":
        properties = node.get("properties")
        if properties is None or node.get("additionalProperties") is not False:
            return False
        if set(node.get("required", ())) != set(properties):
            return False
    if kind == "array" and "items" not in node:
        return False
    return all([_closed(part) for part in inner({key: node[key] for key in node if key != "$defs"})])
