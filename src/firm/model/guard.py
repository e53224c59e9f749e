"""Which JSON Schemas are taken: those that can be checked here, completely and in time.

One rule: a schema comes from strangers too (tools of other servers), so what would fetch something, never end, or be
passed over in silence is refused before any call.
"""

import re
from collections.abc import Iterator
from typing import Any

from firm.errors import UsageError
from firm.model.portable import MAX_DEPTH, inner, pointed

_TOKEN = re.compile(
    r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\?(?:[:=!]|<[=!]|P?<\w+>)|[*+?]\??|\{\d*,?\d*\}\??|.", re.DOTALL
)
_BROAD = re.compile(r"(?<!\\)\.|\\[WSDB]|\[\^")


def refuse_unsafe(schema: dict[str, Any]) -> None:
    """Refuse a schema that could not be checked, would fetch something, or might never end.

    Raises:
        UsageError: with what is wrong, and what to write instead.
    """
    _look(schema, schema, 0)


def _look(root: dict[str, Any], node: Any, depth: int) -> None:
    if not isinstance(node, dict):
        return
    if depth > MAX_DEPTH:
        raise UsageError(f"the schema is nested deeper than {MAX_DEPTH} levels; use $defs")
    for key in ("$dynamicRef", "$recursiveRef"):
        if key in node:
            raise UsageError(
                f"the schema has {key} {node[key]!r}, which is not supported; use $ref and $defs"
            )
    if "$id" in node and depth:
        raise UsageError(f"the schema has an inner $id {node['$id']!r}, which is not supported; take it out")
    if "$ref" in node:
        _follow(root, node["$ref"])
    patterns = node.get("patternProperties")
    for pattern in [node.get("pattern"), *(patterns if isinstance(patterns, dict) else ())]:
        if isinstance(pattern, str):
            refuse_pattern(pattern)
    for part in inner(node):
        _look(root, part, depth + 1)


def _follow(root: dict[str, Any], ref: Any) -> None:
    seen: list[Any] = []
    node: Any = {"$ref": ref}
    while isinstance(node, dict) and "$ref" in node:
        ref = node["$ref"]
        if not isinstance(ref, str) or not (ref == "#" or ref.startswith("#/")):
            raise UsageError(
                f"the schema refers to {ref!r}; only references into itself ('#/$defs/…') are followed"
            )
        if ref in seen:
            raise UsageError(f"the schema's reference {ref!r} leads back to itself")
        seen.append(ref)
        try:
            node = pointed(root, ref)
        except (LookupError, TypeError):
            raise UsageError(f"the schema refers to {ref!r}, which is not in it") from None


def refuse_pattern(pattern: str) -> None:
    """Refuse a pattern that is wrong, or could take time that doubles with each character.

    The test is careful: it refuses some patterns that would do no harm.

    Raises:
        UsageError: naming the pattern.
    """
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise UsageError(f"the schema has the pattern {pattern!r}, which is wrong: {error}") from None
    if re.search(r"\\[1-9]|\(\?P=|\(\?\(", pattern) or any([_risky(body) for body in _repeated(pattern)]):
        raise UsageError(
            f"the schema has the pattern {pattern!r}: a reference back, or a repetition of what can match in several "
            "ways, can take for ever; write it without"
        )


def _repeated(pattern: str) -> Iterator[list[str]]:
    """The tokens of every group that may be repeated without end."""
    tokens = _TOKEN.findall(pattern)
    opened: list[int] = []
    for place, token in enumerate(tokens):
        if token[0] == "(":
            opened.append(place)
        elif token == ")":
            start = opened.pop()
            after = tokens[place + 1] if place + 1 < len(tokens) else ""
            if _endless(after):
                yield tokens[start + 1 : place]


def _endless(token: str) -> bool:
    """Whether it repeats without end, or so often that it makes no difference."""
    if token[:1] in ("*", "+"):
        return True
    numbers = re.findall(r"\d+", token) if token[:1] == "{" else []
    return bool(numbers) and (token.rstrip("}?").endswith(",") or int(numbers[-1]) > 10)


def _risky(body: list[str]) -> bool:
    """Whether what is repeated can match one text in several ways; true if in doubt."""
    repeats = any([token[0] in "*+?{" for token in body])
    if repeats:
        return not (_marked(body[0], body[1:]) or _marked(body[-1], body[:-1]))
    if "|" not in body:
        return False
    starts = [body[0], *(body[place + 1] for place, token in enumerate(body[:-1]) if token == "|")]
    plain = all([re.fullmatch(r"\w|\\?[^\w\\.\[(|]", start) is not None for start in starts])
    return not plain or len(set(starts)) < len(starts)


def _marked(separator: str, rest: list[str]) -> bool:
    """Whether a mark that stands nowhere else tells each repetition from the next."""
    mark = re.fullmatch(r"\\?([-,;:/_.@# ])", separator)
    if mark is None or separator == "." or "|" in rest:
        return False
    text = "".join(rest)
    broad = _BROAD.search(text) or (mark[1] == "_" and "\\w" in text) or (mark[1] == " " and "\\s" in text)
    return not broad and mark[1] not in re.sub("a-z|A-Z|0-9", "", text)
