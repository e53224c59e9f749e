"""HTTP requests as they are, for APIs.

One rule: a request that may change something is a `send`, which the gate asks about and which is never repeated in
silence; a secret is put into headers or body only for the host of the call. What may be reached is `[[egress]]`'s.
"""

from typing import Literal

from msgspec.structs import replace

from firm.agent.fetch import SAFE, allowed, fetch
from firm.agent.kit.text import ends_of
from firm.agent.page import Page
from firm.agent.tool import tool
from firm.errors import UsageError

MAX_BODY_CHARS = 200_000
"""Characters of an answer that are kept; both ends of what is longer."""
MAX_SENT_CHARS = 1_000_000
MAX_HEADERS = 30
HTTP_S = 60.0
"""Longest that one call may take."""
_TOLD = ("content-type", "location", "retry-after", "link", "etag", "last-modified", "www-authenticate")
Headers = dict[str, str]


@tool(risk="read", untrusted=True, to="url", host="url", timeout_s=HTTP_S)
async def http_get(url: str, headers: Headers | None = None) -> str:
    """Make a GET request; status, some headers and the body come back.

    Args:
        url: The address, with https:// or http://.
        headers: More headers by name; a value may be 'secret:NAME', which is filled in on the way.
    """
    page = await fetch(url, allow=allowed(), headers=_pairs(headers))
    return _told(page)


@tool(risk="send", untrusted=True, to="url", host="url", timeout_s=HTTP_S)
async def http_send(
    url: str,
    method: Literal["POST", "PUT", "PATCH", "DELETE"] = "POST",
    body: str = "",
    headers: Headers | None = None,
) -> str:
    """Make a request that may change something at the other end; status, some headers and the body come back.

    Args:
        url: The address, with https:// or http://.
        method: POST, PUT, PATCH or DELETE.
        body: What is sent, as text; JSON unless headers name another content-type.
        headers: More headers by name; a value may be 'secret:NAME', which is filled in on the way.
    """
    if len(body) > MAX_SENT_CHARS:
        raise UsageError(f"body has {len(body):,} characters, at most {MAX_SENT_CHARS:,} are sent; send less")
    pairs = _pairs(headers)
    if body and not any(name.lower() == "content-type" for name, _ in pairs):
        pairs.append(("content-type", "application/json"))
    allow = replace(allowed(), methods=(*SAFE, method))
    page = await fetch(url, allow=allow, method=method, headers=pairs, body=body.encode("utf-8", "replace"))
    return _told(page)


HTTP = (http_get, http_send)
"""All tools of this file."""


def _pairs(headers: Headers | None) -> list[tuple[str, str]]:
    pairs = list((headers or {}).items())
    if len(pairs) > MAX_HEADERS:
        raise UsageError(f"{len(pairs)} headers; give at most {MAX_HEADERS}")
    return pairs


def _told(page: Page) -> str:
    """An answer as a model reads it."""
    lines = [f"{page.status} {page.url}"]
    lines += [f"{name}: {page.headers[name][:500]}" for name in _TOLD if name in page.headers]
    if b"\0" in page.body[:8192]:
        return "\n".join((*lines, "", f"(binary, {len(page.body):,} bytes)"))
    return "\n".join((*lines, "", ends_of(page.text(), MAX_BODY_CHARS) or "(no body)"))
