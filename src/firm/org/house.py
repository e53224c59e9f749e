"""The firm that this code belongs to, as the organization needs it: a port that `firm.root` fills.

One rule: only what stands here is asked of it.
"""

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from firm.errors import UsageError
from firm.kernel.context import current_firm
from firm.org.settings import OrgSettings, Schedule

if TYPE_CHECKING:
    from firm.kernel.journal import Row
    from firm.ledger.books import Books
    from firm.model.models import Models


class HomeFolder(Protocol):
    """Where it lives."""

    @property
    def folder(self) -> Path:
        """Of its files."""
        ...


class Settings(Protocol):
    """Of firm.toml, what the organization goes by."""

    @property
    def name(self) -> str:
        """What it is called."""
        ...

    @property
    def mission(self) -> str:
        """What it is for."""
        ...

    @property
    def org(self) -> OrgSettings:
        """How the organization works."""
        ...

    @property
    def schedules(self) -> tuple[Schedule, ...]:
        """What begins missions by itself."""
        ...


class House(Protocol):
    """The firm."""

    @property
    def home(self) -> HomeFolder:
        """Where it lives."""
        ...

    @property
    def config(self) -> Settings:
        """Its settings."""
        ...

    @property
    def models(self) -> "Models":
        """Its models."""
        ...

    async def start(self, target: object, *args: Any, id: str | None = None) -> object:
        """Start a run of its own; the same id again joins it."""
        ...

    async def rows(
        self, book: str, *, prefix: str = "", after: str = "", limit: int | None = None
    ) -> list["Row"]:
        """Rows of a book of the journal."""
        ...

    async def books(self) -> tuple["Books", Any]:
        """What was spent."""
        ...


def house() -> House:
    """The firm of this code, in a workflow, in a step or in an open block.

    Raises:
        UsageError: there is none.
    """
    found = current_firm()
    if found is None or not hasattr(found, "home"):
        raise UsageError("an organization needs a firm: open one with `async with Firm.open(folder)`")
    return cast("House", found)


def folder() -> Path:
    """The firm's folder, absolute."""
    return _real(str(house().home.folder))


@functools.lru_cache(maxsize=256)
def _real(path: str) -> Path:
    return Path(path).resolve()
