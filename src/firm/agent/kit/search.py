"""Who searches the web: a provider that the founder chose; one for SearXNG, one for a folder of documents.

One rule: a provider is a `Search`, nothing else is asked of it; it reaches the web only where the agent may.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import urlencode

import msgspec

from firm.agent.fetch import allowed, fetch
from firm.errors import TerminalError, UsageError
from firm.kernel.context import current_firm

MAX_HITS = 10
"""Hits of one search."""
MAX_DOCUMENTS = 10_000
MAX_DOCUMENT_BYTES = 1024 * 1024
HIT_CHARS = 400
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Hit:
    """One thing that was found."""

    title: str
    url: str
    text: str
    """What it says about the query, in a few lines."""


class Search(Protocol):
    """Find pages for a query."""

    async def __call__(self, query: str) -> Sequence[Hit]:
        """The best ones first."""
        ...


_search: ContextVar[Search | None] = ContextVar("firm_search", default=None)


@contextmanager
def use_search(provider: Search) -> Iterator[None]:
    """Have `web_search` ask this provider inside the block; outside any it asks the attribute `search` of the firm."""
    token = _search.set(provider)
    try:
        yield
    finally:
        _search.reset(token)


def search_here() -> Search:
    """The provider that is to be asked.

    Raises:
        UsageError: there is none.
    """
    found = _search.get() or getattr(current_firm(), "search", None)
    if found is None:
        raise UsageError(
            "no search is set up: the founder gives one, as `with use_search(SearxNG('https://search.example')):`; "
            "read pages whose address you know with read_page"
        )
    provider: Search = found
    return provider


@dataclass(frozen=True, slots=True)
class SearxNG:
    """A SearXNG instance that gives JSON (`search.formats` in its settings has `json`); its host is in `[[egress]]`.

    Args:
        url: Of the instance, such as 'https://search.example'.
    """

    url: str

    async def __call__(self, query: str) -> Sequence[Hit]:
        """The first page of what it finds.

        Raises:
            TerminalError: it answered with an error, or with something else than JSON.
            PolicyDenied: its host is not allowed.
        """
        asked = urlencode({"q": query, "format": "json"})
        page = await fetch(f"{self.url.rstrip('/')}/search?{asked}", allow=allowed())
        if page.status != 200:
            raise TerminalError(
                f"the search at {self.url!r} answered {page.status}; see that it runs, and that its settings have "
                "'json' among search.formats"
            )
        try:
            found = msgspec.json.decode(page.body, type=_Found)
        except (msgspec.ValidationError, msgspec.DecodeError) as error:
            raise TerminalError(f"the search at {self.url!r} answered no JSON of SearXNG: {error}") from None
        return [
            Hit(one.title or one.url, one.url, (one.content or "")[:HIT_CHARS])
            for one in found.results[:MAX_HITS]
        ]


class _Result(msgspec.Struct):
    url: str
    title: str | None = None
    content: str | None = None


class _Found(msgspec.Struct):
    results: list[_Result]


@dataclass(frozen=True, slots=True)
class Folder:
    """Text files in a folder, searched for the words of a query: for tests, and for work without a network.

    Args:
        folder: Its files, and those below, are the pages; the first line of each is its title.
        url: What their addresses begin with.
    """

    folder: Path
    url: str = "file://"

    async def __call__(self, query: str) -> Sequence[Hit]:
        """Files that have the most words of the query, rare ones counting more."""
        import asyncio

        return await asyncio.to_thread(self._search, query)

    def _search(self, query: str) -> list[Hit]:
        wanted = set(_WORD.findall(query.casefold()))
        found = list[tuple[Path, str, set[str]]]()
        for path in sorted(self.folder.rglob("*"))[:MAX_DOCUMENTS]:
            if path.is_file():
                with path.open("rb") as file:
                    text = file.read(MAX_DOCUMENT_BYTES).decode("utf-8", "replace")
                found.append((path, text, wanted & set(_WORD.findall(text.casefold()))))
        holders = {word: sum(word in words for *_, words in found) for word in wanted}
        scored = [
            (sum(1 / holders[word] for word in words), path, text) for path, text, words in found if words
        ]
        scored.sort(key=lambda one: (-one[0], one[1]))
        return [self._hit(path, text, wanted) for _, path, text in scored[:MAX_HITS]]

    def _hit(self, path: Path, text: str, wanted: set[str]) -> Hit:
        name = path.relative_to(self.folder).as_posix()
        title = text.partition("\n")[0].strip("# ").strip()[:200] or name
        lines = [line for line in text.splitlines() if wanted & set(_WORD.findall(line.casefold()))]
        return Hit(title, f"{self.url}/{name}", "\n".join(lines)[:HIT_CHARS])
