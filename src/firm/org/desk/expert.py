"""Who can be asked: the experts of a firm, or the built-in ones.

One rule: an expert is a role with fields, read from one Markdown file; no other file makes one.
"""

from functools import lru_cache
from pathlib import Path

from firm.errors import UsageError
from firm.org.role import Role
from firm.org.roster import read_role

FOLDER = "experts"
"""In a firm's folder: its own experts, instead of the built-in ones."""
BUILT_IN = Path(__file__).parent.parent / "expert"
MAX_EXPERTS = 40


def experts(folder: Path | None = None) -> tuple[Role, ...]:
    """The experts, by name.

    Args:
        folder: Of the firm; where it has files `experts/NAME.md`, those are all. None: the built-in ones.

    Raises:
        UsageError: a file with a mistake, an expert that no model can be, one without fields, or more than 40.
    """
    paths = sorted((folder / FOLDER).glob("*.md")) if folder is not None else []
    if not paths:
        return built_in()
    if len(paths) > MAX_EXPERTS:
        raise UsageError(f"{str(folder)!r} has {len(paths)} experts; at most {MAX_EXPERTS} can be asked")
    found = tuple([read_role(path) for path in paths])
    for role, path in zip(found, paths, strict=True):
        if role.held_by != "agent":
            raise UsageError(
                f"{path}: an expert is held by an agent, not by a {role.held_by}; take held_by out"
            )
        if not role.fields:
            raise UsageError(f"{path}: an expert needs fields; add `fields: pricing, contracts` to its head")
    return found


@lru_cache(maxsize=1)
def built_in() -> tuple[Role, ...]:
    """The experts that come with the program."""
    return tuple([read_role(path) for path in sorted(BUILT_IN.glob("*.md"))])
