"""What a program is handed when it holds a role or checks a result: the surface for a firm's own Python.

One rule: it is all that a program needs to know; a program is a `@workflow`, a `@step` or a plain function in a file
of the firm's folder, `(Assignment) -> Made | str | dict`, and a check `(Assignment, Artifact) -> Verdict | bool | str`.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from firm.org.artifact import Artifact
from firm.org.plan import Task


class Assignment(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One task as it is given to whoever does it."""

    task: Task
    mission: str
    """Its words."""
    inputs: tuple[Artifact, ...] = ()
    """What the task needs, in the order of `task.needs`."""
    folder: str = ""
    """Where its files belong: below the home, with `/`; made before it begins."""
    language: str = "en"
    facts: tuple[str, ...] = ()
    """What the founder has told since the mission began."""
    round: int = 1
    """1 for the first try; with each that was sent back or failed one more."""
    before: str = ""
    """The text that was sent back."""
    reasons: tuple[str, ...] = ()
    """Why it was sent back, or how the last try failed."""
    model: str = ""
    """Name of a model instead of the role's own; '': none."""
    order: str = ""
    """Id of the customer's order that it belongs to; '': none."""

    def input(self, name: str) -> Artifact:
        """An input by its name.

        Raises:
            KeyError: the task does not need it.
        """
        return {one.name: one for one in self.inputs}[name]

    @property
    def by_name(self) -> Mapping[str, Artifact]:
        """Inputs by name."""
        return {one.name: one for one in self.inputs}


class Made(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What a program hands over."""

    text: str = ""
    data: Any = None
    """Builtins; of kind 'json'."""
    files: tuple[str, ...] = ()
    """Paths of files that it wrote: in the assignment's folder, or below the home."""
    how: str = "program"
    """'model' where a model decided what it is; 'template' where it only fills one in."""
    model: str = ""
    """Which model."""
    untrusted: bool = False
