"""Patterns of paths: `*`, `?` and `[…]` in one name, `**` for any number of folders.

One rule: no pattern takes longer than the number of its parts times the number of the path's.
"""

from fnmatch import fnmatchcase

from firm.errors import UsageError

MAX_GLOB_CHARS = 500


def check_glob(pattern: str) -> tuple[str, ...]:
    """The parts of a pattern.

    Raises:
        UsageError: it is empty or too long, absolute, or has `..`.
    """
    if not pattern or len(pattern) > MAX_GLOB_CHARS:
        raise UsageError(f"pattern {pattern!r:.80}: give 1 to {MAX_GLOB_CHARS} characters, such as '**/*.py'")
    if pattern.startswith("/") or ".." in pattern.split("/"):
        raise UsageError(
            f"pattern {pattern!r}: give it from the workspace down, without '..', such as 'src/**/*.py'"
        )
    parts = tuple(part for part in pattern.split("/") if part not in ("", "."))
    return (*parts, "*") if pattern.endswith("/") or not parts else parts


def matches(path: str, parts: tuple[str, ...]) -> bool:
    """Whether a path, with `/`, fits a pattern; `**` at the end stands for all below."""
    at = _after(frozenset({0}), parts)
    for name in path.split("/"):
        stepped = {place for place in at if place < len(parts) and parts[place] == "**"}
        stepped |= {
            place + 1
            for place in at
            if place < len(parts) and parts[place] != "**" and fnmatchcase(name, parts[place])
        }
        at = _after(frozenset(stepped), parts)
        if not at:
            return False
    return len(parts) in at


def _after(at: frozenset[int], parts: tuple[str, ...]) -> frozenset[int]:
    """Places in the pattern that are reached without another name, for `**` may stand for nothing."""
    found = set(at)
    for place in at:
        while place < len(parts) and parts[place] == "**":
            place += 1
            found.add(place)
    return frozenset(found)
