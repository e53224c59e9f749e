"""An edit whose indentation is not that of the file, made to fit.

One rule: only where its lines occur once but for an indentation that is too small or too large by the same in each of
them, as small models write it. Anything else stays as it was written.
"""

from collections.abc import Sequence


def fitted(text: str, old: str, new: str) -> tuple[str, str]:
    """`old` as it stands in the text, and `new` moved by as much; both as they are where that is not clear.

    Args:
        text: Of the file.
        old: What is to be replaced.
        new: What replaces it.
    """
    if not old.strip() or old in text:
        return old, new
    wanted, lines = old.strip("\n").split("\n"), text.split("\n")
    bare = [line.strip() for line in wanted]
    found = []
    for at in range(len(lines) - len(wanted) + 1):
        window = lines[at : at + len(wanted)]
        if [line.strip() for line in window] == bare and (move := _move(wanted, window)) is not None:
            found.append((window, move))
    if len(found) != 1:
        return old, new
    window, (more, less) = found[0]
    moved = [more + line.removeprefix(less) if line.strip() else line for line in new.strip("\n").split("\n")]
    return "\n".join(window), "\n".join(moved)


def _move(wanted: Sequence[str], window: Sequence[str]) -> tuple[str, str] | None:
    """What is to be put before each line, and what is to be taken away there; None where that differs."""
    moves = set()
    for here, there in zip(wanted, window, strict=True):
        if not here.strip():
            continue
        has, wants = _indent(here), _indent(there)
        if wants.endswith(has):
            moves.add((wants.removesuffix(has), ""))
        elif has.endswith(wants):
            moves.add(("", has.removesuffix(wants)))
        else:
            return None
    return moves.pop() if len(moves) == 1 else None


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]
