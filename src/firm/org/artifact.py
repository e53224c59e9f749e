"""What roles hand over: artifacts, and what is said about them.

One rule: a verdict is about exactly one content; what is delivered has the digest that was accepted.
"""

from typing import Any, Literal

import msgspec

from firm.ids import digest

How = Literal["model", "script", "program", "template", "person", "unit"]
"""Who did it in truth; `script`: a rehearsal in a model's place."""
ArtifactKind = Literal["text", "json", "files", "decision"]
MAX_TEXT_CHARS = 200_000
"""Of one artifact; what is longer belongs into a file."""


class FileMade(msgspec.Struct, frozen=True):
    """A file of an artifact."""

    path: str
    """Below the home, with `/`."""
    sha256: str
    """Of its bytes, in hex."""
    bytes: int


class Artifact(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What a task has made."""

    name: str
    """As the plan calls it."""
    text: str = ""
    """Its content, or what is to be said about its files."""
    data: Any = None
    """Of kind 'json': builtins."""
    files: tuple[FileMade, ...] = ()
    maker: str = ""
    """The role that made it."""
    how: How = "model"
    model: str = ""
    """Name of the model, where one made it."""
    task: str = ""
    """Id of the task; '' for what was given."""
    untrusted: bool = False
    """Strangers wrote it, or who made it had read what they wrote."""

    @property
    def digest(self) -> str:
        """16 hexadecimal digits over its content."""
        body = msgspec.json.encode(
            [self.text, self.data, [(one.path, one.sha256) for one in self.files]], order="deterministic"
        )
        return digest("firm/artifact", self.name, body)[:16]


class Verdict(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What came of a check."""

    accept: bool
    by: str
    """The role or the program that has checked; never the maker."""
    how: How = "program"
    reasons: tuple[str, ...] = ()
    """Of a refusal: what is missing or wrong, so that its maker can mend it; at least one."""
    evidence: tuple[str, ...] = ()
    """What was looked at and what was seen; at least one line."""
    digest: str = ""
    """Of the artifact that was checked."""
