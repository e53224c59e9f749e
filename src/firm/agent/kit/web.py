"""The web for reading: search, and pages as text.

One rule: what comes back was written by strangers and is marked so; only what the founder opened in `[[egress]]` is
reached. Who searches is `firm.agent.kit.search`'s, how HTML becomes text `firm.agent.kit.readable`'s.
"""

import asyncio

from firm.agent.fetch import allowed, fetch
from firm.agent.kit.readable import readable
from firm.agent.kit.search import MAX_HITS, search_here
from firm.agent.page import Page
from firm.agent.tool import tool
from firm.errors import UsageError

MAX_QUERY_CHARS = 1_000
MAX_PAGE_CHARS = 200_000
"""Characters of a page that are kept."""
HIT_CHARS = 1_000
WEB_S = 60.0
"""Longest that one call may take."""
_ACCEPT = (("accept", "text/html,application/xhtml+xml,text/plain;q=0.9,*/*;q=0.5"), ("user-agent", "firm"))
_TEXT = ("text/", "json", "xml", "javascript", "yaml", "toml", "csv")


@tool(risk="read", untrusted=True, timeout_s=WEB_S)
async def web_search(query: str) -> str:
    """Search the web; up to ten pages come back, each with title, address and a few words.

    Args:
        query: What to look for, in a few words.
    """
    if not query.strip() or len(query) > MAX_QUERY_CHARS:
        raise UsageError(f"query {query!r:.80}: give 1 to {MAX_QUERY_CHARS:,} characters")
    hits = list(await search_here()(query))[:MAX_HITS]
    if not hits:
        return f"nothing was found for {query!r}; try other words"
    return "\n\n".join(
        f"{number}. {hit.title[:200]}\n{hit.url}\n{hit.text[:HIT_CHARS]}".rstrip()
        for number, hit in enumerate(hits, 1)
    )


@tool(risk="read", untrusted=True, to="url", host="url", timeout_s=WEB_S)
async def read_page(url: str) -> str:
    """Read a web page as text; links stand as [words](address).

    Args:
        url: Its address, with https:// or http://.
    """
    page = await fetch(url, allow=allowed(), headers=_ACCEPT)
    if page.status >= 400:
        raise UsageError(f"{page.url!r} answered {page.status}; try another address, or later")
    kind = page.headers.get("content-type", "").lower()
    if kind and not any(word in kind for word in _TEXT):
        raise UsageError(
            f"{page.url!r} is no text but {kind[:100]!r}, {len(page.body):,} bytes; read another page"
        )
    title, text = await asyncio.to_thread(_read, page, kind)
    first = f"{title}\n{page.url}" if title else page.url
    if len(text) > MAX_PAGE_CHARS:
        text = f"{text[:MAX_PAGE_CHARS]}\n… {len(text) - MAX_PAGE_CHARS:,} more characters are left out"
    return f"{first}\n\n{text or 'the page has no text'}"


WEB = (web_search, read_page)
"""All tools of this file."""


def _read(page: Page, kind: str) -> tuple[str, str]:
    text = page.text()
    if "html" in kind or (not kind and text.lstrip()[:1] == "<"):
        return readable(text, page.url)
    return "", text.replace("\0", "").strip()
