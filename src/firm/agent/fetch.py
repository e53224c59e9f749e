"""Ask the web: one request and its redirects, each only to an address that was checked.

One rule: what was checked is what is connected to; a name is looked up once for each request, and never again behind
the back of the check. What a page says is a stranger's word: tools that return it are declared `untrusted=True`.
Who may reach what is `firm.policy.egress`'s, bytes and TLS are `firm.model.http`'s.
"""

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from urllib.parse import urljoin

from firm.agent.page import Page
from firm.errors import InternalError, NotSent, PolicyDenied, TerminalError, UsageError
from firm.kernel.context import charter_here, current_firm
from firm.model.http.address import Address, End
from firm.model.http.connection import Connection
from firm.model.http.content import Headers, Unfold, too_large
from firm.model.http.download import REDIRECTS
from firm.model.http.opening import Opener, TlsContext
from firm.model.http.pool import Pool
from firm.model.wire.fault import Fault, Kind
from firm.policy.capability import Charter
from firm.policy.egress import METHODS, Allow, Resolver, allow_for, check_addresses, check_url, is_named
from firm.policy.network import parse_address
from firm.policy.url import Target, shown

MAX_BYTES = 5 * 1024 * 1024
"""Default of the largest body that is read, decoded."""
MOST_BYTES = 256 * 1024 * 1024
"""The largest that can be asked for."""
TIMEOUT_S = 30.0
MAX_REDIRECTS = 5
MOST_REDIRECTS = 20
SAFE = frozenset({"GET", "HEAD"})
"""Methods that only look."""
KEPT = frozenset({"accept", "accept-language", "user-agent", "range"})
"""Headers that go along to another origin; all others may be secrets."""
OWN = frozenset(
    {"accept-encoding", "connection", "content-length", "expect", "host", "http2-settings", "keep-alive"}
    | {"proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
)
"""Headers that say where a request goes or where it ends: nobody else may set them."""
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)


def allowed() -> Allow:
    """What `[[egress]]` of firm.toml lets the agent reach that this code acts for; nothing outside any firm.

    Raises:
        UsageError: a host or an address there is none.
    """
    entries = getattr(current_firm(), "egress", ())
    return allow_for(entries, Charter.decode(charter_here()).agent)


async def look_up(host: str, port: int) -> list[str]:
    """All addresses of a host, as the system knows them.

    Raises:
        OSError: if it has none.
    """
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys([str(info[4][0]) for info in found]))


@dataclass(frozen=True, slots=True)
class Way:
    """How requests get out; one is enough for all of a process, and saves reading the certificates anew."""

    resolve: Resolver = look_up
    tls: TlsContext = field(default_factory=TlsContext)


@dataclass(frozen=True, slots=True)
class _Ask:
    """What is asked for, at one hop."""

    method: str
    headers: dict[str, str]
    body: bytes

    def head(self, address: Address) -> bytes:
        kind = next((value for name, value in self.headers.items() if name.lower() == "content-type"), "")
        if self.body:
            return address.head(
                self.method, size=len(self.body), content_type=kind or "application/octet-stream"
            )
        return address.head(self.method, size=None if self.method in SAFE else 0)


async def fetch(
    url: str,
    *,
    allow: Allow,
    method: str = "GET",
    headers: Iterable[tuple[str, str]] = (),
    body: bytes = b"",
    max_bytes: int = MAX_BYTES,
    timeout_s: float = TIMEOUT_S,
    max_redirects: int = MAX_REDIRECTS,
    way: Way | None = None,
) -> Page:
    """Ask for a URL, and for those that it leads to; for steps and tools, not for workflow code.

    No proxy of the environment is used: it would look names up itself, unchecked.

    Args:
        allow: What may be reached; checked for the URL and for each redirect.
        method: One of `METHODS`, in capitals.
        headers: Names and values, each name once. To another origin only `KEPT` go along.
        body: What is sent; not with GET and HEAD.
        max_bytes: Largest body that is read, decoded, 1 to 256 MiB.
        timeout_s: For everything together, from the first look-up to the last byte, above 0, at most 3,600.
        max_redirects: How many are followed, 0 to 20.
        way: Resolver and certificates; None: the system's, read anew.

    Raises:
        PolicyDenied: if the URL, an address of its host, or a redirect is not allowed.
        NotSent: if nothing was sent: the host has no address, no connection came about, or not in time.
        TimeoutError: if the time was over after something was sent.
        ConnectionError: if the connection was lost after something was sent, or what came is not HTTP.
        TerminalError: if the reply is larger than `max_bytes`, cannot be unpacked, or leads on and on.
        UsageError: if an argument is out of its range.
    """
    ask = _Ask(method, _headers(headers), body)
    _check(ask, max_bytes, timeout_s, max_redirects)
    trip = _Trip(allow, way or Way(), max_bytes=max_bytes, timeout_s=timeout_s)
    try:
        async with asyncio.timeout(timeout_s) as timer:
            return await trip.follow(url, ask, max_redirects)
    except TimeoutError:
        if not timer.expired():
            raise
        told = f"{method} {shown(url)!a} took longer than timeout_s={timeout_s:g}"
        raise (TimeoutError if trip.sent else NotSent)(
            f"{told}; ask again later, or give it more time"
        ) from None
    except Fault as fault:
        raise trip.error(fault) from fault


class _Trip:
    """One request and its redirects."""

    def __init__(self, allow: Allow, way: Way, *, max_bytes: int, timeout_s: float) -> None:
        self._allow = allow
        self._way = way
        self._max_bytes = max_bytes
        self._timeout_s = timeout_s
        self._at = ""
        self.sent = False
        """Something may have left."""

    async def follow(self, url: str, ask: _Ask, max_redirects: int) -> Page:
        """The page at the end."""
        target, via = check_url(url, self._allow, method=ask.method), list[str]()
        while True:
            self._at = target.end
            async with self._answer(target, ask) as connection:
                status, headers = connection.status, Headers(connection.headers)
                location = headers.raw.get(b"location") if status in REDIRECTS else None
                if location is None:
                    body = b"" if ask.method == "HEAD" else await self._body(connection, headers)
                    return Page(target.url, status, dict(headers), body, tuple(via))
            via.append(target.url)
            if len(via) > max_redirects:
                raise TerminalError(
                    f"{shown(via[0])!a} leads on and on: more than max_redirects={max_redirects} redirects, the last "
                    f"one at {shown(target.url)!a}; ask for the address that it should lead to"
                )
            ask = _led(ask, status)
            target, ask = self._next(target, location, ask)

    def _next(self, target: Target, location: bytes, ask: _Ask) -> tuple[Target, _Ask]:
        """Where a redirect leads, and with what."""
        try:
            found = self._redirected(target, location, ask)
        except PolicyDenied as error:
            raise PolicyDenied(
                f"{shown(target.url)!a} answered with a redirect that is not followed: {error}"
            ) from None
        return found, ask if found.origin == target.origin else _to_stranger(ask)

    def _redirected(self, target: Target, location: bytes, ask: _Ask) -> Target:
        found = check_url(_joined(target, location), self._allow, method=ask.method)
        if target.scheme == "https" and found.scheme == "http":
            raise PolicyDenied(f"it leads from TLS to {shown(found.url)!a}, which anyone on the way can read")
        if is_named(found, self._allow) and not is_named(target, self._allow):
            raise PolicyDenied(
                f"it leads from outside to {found.end!r}; ask for that by itself, if it is meant"
            )
        if found.origin != target.origin and ask.method not in SAFE:
            raise PolicyDenied(
                f"it would have {ask.method} done at {found.end!r}; ask for that by itself, if it is meant"
            )
        return found

    @asynccontextmanager
    async def _answer(self, target: Target, ask: _Ask) -> AsyncIterator[Connection]:
        """A connection on which the head of the answer has come."""
        addresses = await self._addresses(target)
        address = Address(target.url, "", ask.headers, direct=True)
        if address.end != End(target.host, target.port, target.scheme == "https"):
            raise InternalError(
                f"{target.url!a} was read in two ways: {target.end!r} and {address.end.shown!r}"
            )
        loop = asyncio.get_running_loop()
        opener = Opener(loop, address, self._way.tls, connect_s=self._timeout_s, pinned=addresses)
        pool = Pool(loop, opener)
        try:
            connection = await pool.open()
            self.sent = True
            await connection.send(ask.head(address), ask.body, eager=True)
            await connection.head()
            yield connection
        finally:
            await pool.close()

    async def _addresses(self, target: Target) -> tuple[str, ...]:
        """Looked up once, and all of them checked."""
        if parse_address(target.host) is not None:
            return check_addresses(target, (target.host,), self._allow)
        try:
            found = await self._way.resolve(target.host, target.port)
        except (OSError, UnicodeError) as error:
            raise Fault(Kind.CONNECT, f"its name was not found: {error}") from error
        if not found:
            raise Fault(Kind.CONNECT, "its name has no address")
        return check_addresses(target, found, self._allow)

    async def _body(self, connection: Connection, headers: Headers) -> bytes:
        """The whole body, decoded, bounded."""
        length = headers.raw.get(b"content-length", b"")
        try:
            unfold = Unfold(headers.raw.get(b"content-encoding", b""), self._max_bytes)
            if length.isdigit() and int(length[:20]) > self._max_bytes:
                raise too_large(self._max_bytes)
        except Fault as fault:
            raise self._unreadable(fault) from fault
        body, came = bytearray(), False
        while piece := await connection.some():
            came = True
            try:
                body += unfold.feed(piece)
            except Fault as fault:
                raise self._unreadable(fault) from fault
        if came:
            unfold.end()
        return bytes(body)

    def _unreadable(self, fault: Fault) -> TerminalError:
        more = "raise max_bytes, or ask for less" if fault.kind is Kind.SIZE else "ask for it in another form"
        return TerminalError(f"{self._at!r}: {fault.told}; {more}")

    def error(self, fault: Fault) -> Exception:
        """What went wrong, by who must act."""
        if not self.sent:
            return NotSent(
                f"nothing was sent to {self._at!r}: {fault.told}; see whether it is up and reachable"
            )
        return ConnectionError(f"{self._at!r}: {fault.told}; ask again, if twice does no harm")


def _joined(target: Target, location: bytes) -> str:
    """The URL that a redirect names; what is odd is left as it is, and refused when it is read."""
    text = location.decode("utf-8", "backslashreplace")
    if _SCHEME.match(text) or not text.isprintable() or " " in text or "\\" in text:
        return text
    return f"{target.scheme}:{text}" if text.startswith("//") else urljoin(target.url, text)


def _led(ask: _Ask, status: int) -> _Ask:
    """What is asked for after a redirect: a look at what came of it, unless the server wants it done there."""
    if ask.method in SAFE or status in (307, 308) or (status != 303 and ask.method != "POST"):
        return ask
    return _Ask(
        "GET", {name: value for name, value in ask.headers.items() if name.lower() != "content-type"}, b""
    )


def _to_stranger(ask: _Ask) -> _Ask:
    return replace(ask, headers={name: value for name, value in ask.headers.items() if name.lower() in KEPT})


def _headers(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Headers by name, each once, none of `OWN`."""
    found: dict[str, str] = {}
    seen: set[str] = set()
    for name, value in pairs:
        if name.lower() in OWN:
            raise UsageError(f"fetch(headers=…): {name!r} is set by fetch alone; leave it out")
        if name.lower() in seen:
            raise UsageError(f"fetch(headers=…): {name!r} is there twice; give it once")
        seen.add(name.lower())
        found[name] = value
    return found


def _check(ask: _Ask, max_bytes: int, timeout_s: float, max_redirects: int) -> None:
    if ask.method not in METHODS:
        raise UsageError(f"fetch(method={ask.method!r}): give one of {', '.join(METHODS)}")
    if not isinstance(ask.body, bytes):
        raise UsageError(f"fetch(body=…) is {type(ask.body).__name__}: give bytes")
    if ask.body and ask.method in SAFE:
        raise UsageError(
            f"fetch(method={ask.method!r}) has a body of {len(ask.body):,} bytes: use POST, or leave it out"
        )
    if not 1 <= max_bytes <= MOST_BYTES:
        raise UsageError(f"fetch(max_bytes={max_bytes!r}): give 1 to {MOST_BYTES:,}")
    if not 0 < timeout_s <= 3600:
        raise UsageError(f"fetch(timeout_s={timeout_s!r}): give seconds, above 0 and at most 3,600")
    if not 0 <= max_redirects <= MOST_REDIRECTS:
        raise UsageError(f"fetch(max_redirects={max_redirects!r}): give 0 to {MOST_REDIRECTS}")
