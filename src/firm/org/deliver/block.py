"""What a report is put together from, before it is a page or Markdown.

One rule: a block says what is said, never how it looks; both writers say all of it.
"""

from dataclasses import dataclass
from typing import Literal

from firm.org.artifact import Artifact
from firm.org.deliver.markup import Html
from firm.org.deliver.parcel import Packed

Mood = Literal["good", "bad", "soft", "plain"]


@dataclass(frozen=True, slots=True)
class Badge:
    """A word with a colour."""

    word: str
    mood: Mood


@dataclass(frozen=True, slots=True)
class Code:
    """Something to be copied: a hash, a path."""

    text: str


@dataclass(frozen=True, slots=True)
class Link:
    """A file of the delivery."""

    text: str
    path: str
    """Beside the report; '': it is only named."""


@dataclass(frozen=True, slots=True)
class Lines:
    """Something, and lines that explain it."""

    head: str
    more: tuple[str, ...] = ()


Cell = str | Badge | Code | Link | Lines


@dataclass(frozen=True, slots=True)
class Words:
    """A paragraph."""

    text: str
    kind: Literal["said", "note"] = "said"


@dataclass(frozen=True, slots=True)
class Points:
    """Lines below each other, each with lines that explain it."""

    items: tuple[Lines, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows; the first cell of each is its heading."""

    titles: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    figures: tuple[int, ...] = ()
    """Columns of numbers."""


@dataclass(frozen=True, slots=True)
class Result:
    """An artifact that is delivered, with its files; pictures among them are shown."""

    artifact: Artifact
    head: str
    files: tuple[Packed, ...]
    excerpt: str = ""
    more: str = ""
    """Where the excerpt is cut off: how it goes on."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """The picture of the plan."""

    svg: Html
    title: str


Block = Words | Points | Table | Result | Drawing


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the report."""

    name: str
    """What a link to it ends with."""
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Account:
    """A whole report."""

    language: str
    title: str
    badge: Badge
    says: str
    """The one paragraph."""
    doubts: tuple[str, ...]
    """What a reader must know before he believes it."""
    figures: tuple[tuple[str, str], ...]
    """(what, how much)."""
    parts: tuple[Part, ...]
    closing: str

    @property
    def drawing(self) -> Html | None:
        """The picture of the plan, where there is one."""
        found = [block.svg for part in self.parts for block in part.blocks if isinstance(block, Drawing)]
        return found[0] if found else None
