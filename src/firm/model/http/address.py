"""Where requests of one kind go, made once: the way there, and the head of the request as bytes.

One rule: what could end a line of the head early is refused here, before anything is sent.
"""

import base64
import re
import urllib.request
from typing import NamedTuple
from urllib.parse import SplitResult, quote, unquote, urlsplit

from firm.errors import UsageError
from firm.model.target import is_private

PORTS = {"http": 80, "https": 443}
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f\ud800-\udc7f\udd00-\udfff]")
"""Control characters but the tab, and half characters but those that stand for a byte."""
_PATH_SAFE = "/:@!$&'()*+,;=~%-._"


class End(NamedTuple):
    """One end of a connection."""

    host: str
    port: int
    tls: bool

    @property
    def shown(self) -> str:
        """Host and port as a URL has them."""
        return f"{_bracketed(self.host)}:{self.port}"


class Address:
    """Where requests of one kind go; made once, used often.

    Args:
        base: Address of the server, `http` or `https`; a user in it is sent as basic authorization.
        path: What is asked for, below `base`.
        headers: Of every request.
        direct: Never through a proxy, whatever the environment says.

    Raises:
        UsageError: if the address is not one, or it or a header has a character that would end its line.
    """

    __slots__ = ("base", "end", "get_head", "key", "post_head", "proxy", "proxy_authorization", "rest")

    def __init__(self, base: str, path: str, headers: dict[str, str], *, direct: bool = False) -> None:
        self.base = base
        parts = _split(base.rstrip("/") + path if path else base, f"Address({_without_user(base)!r})")
        self.end = _end(parts)
        proxy = None if direct else proxy_of(base)
        self.proxy: End | None = None
        """The proxy on the way, if there is one."""
        self.proxy_authorization = b""
        """Line of the head that the proxy wants; empty: none."""
        if proxy is not None:
            found = _proxy(proxy)
            self.proxy = _end(found)
            self.proxy_authorization = _basic("Proxy-Authorization", found)
        self.key = f"{self.end.shown} {self.end.tls} {proxy}"
        """Addresses with the same key share connections."""
        self.rest = self._target(parts) + self._lines(parts, headers)
        """The head of any request behind its method, up to what is said of a body."""
        self.get_head = b"GET " + self.rest + b"\r\n"
        """The whole head of a request without a body."""
        self.post_head = b"POST " + self.rest + b"Content-Type: application/json\r\n"
        """The head of a request with a body, up to its length."""

    def post(self, size: int, session: str) -> bytes:
        """The whole head of a request with a body of `size` bytes.

        Raises:
            UsageError: if the session has a character that would end its line.
        """
        if not session:
            return b"%bContent-Length: %d\r\n\r\n" % (self.post_head, size)
        if not session.isprintable():
            raise UsageError(f"session {session!r} is sent as a header: use printable characters only")
        return b"%bX-Session-ID: %b\r\nContent-Length: %d\r\n\r\n" % (
            self.post_head,
            session.encode(),
            size,
        )

    def head(self, method: str, *, size: int | None = None, content_type: str = "") -> bytes:
        """The whole head of a request of any method.

        Args:
            size: bytes of its body; None: it has none.

        Raises:
            UsageError: if the method or the type has a character that would end its line.
        """
        if not _TOKEN.fullmatch(method):
            raise UsageError(f"{method!r} is no method of HTTP; give one such as 'GET'")
        if _CONTROL.search(content_type):
            raise UsageError(f"the content type {content_type!r} has a control character: take it out")
        kind = f"Content-Type: {content_type}\r\n".encode() if content_type else b""
        length = b"" if size is None else b"Content-Length: %d\r\n" % size
        return method.encode() + b" " + self.rest + kind + length + b"\r\n"

    def _target(self, parts: SplitResult) -> bytes:
        target = quote(parts.path or "/", safe=_PATH_SAFE)
        if parts.query:
            target += "?" + quote(parts.query, safe=_PATH_SAFE + "?")
        if self.proxy is not None and not self.end.tls:
            target = f"http://{self.end.shown}{target}"
        return target.encode("ascii")

    def _lines(self, parts: SplitResult, headers: dict[str, str]) -> bytes:
        usual = self.end.port == PORTS[parts.scheme]
        host = _bracketed(self.end.host) if usual else self.end.shown
        names = {name.lower() for name in headers}
        agent = "" if "user-agent" in names else "User-Agent: firm\r\n"
        lines = [f" HTTP/1.1\r\nHost: {host}\r\n{agent}Accept-Encoding: identity\r\n".encode()]
        if "authorization" not in names:
            lines.append(_basic("Authorization", parts))
        if self.proxy is not None and not self.end.tls:
            lines.append(self.proxy_authorization)
        for name, value in headers.items():
            if name.lower() == "content-type":
                continue
            if not _TOKEN.fullmatch(name):
                raise UsageError(f"{name!r} is no name of a header; use letters, digits and hyphens")
            if _CONTROL.search(value):
                raise UsageError(
                    f"the value of the header {name!r} has a line break or another control character: "
                    "take it out (is there one at the end of the key?)"
                )
            lines.append(f"{name}: {value}\r\n".encode("utf-8", "surrogateescape"))
        return b"".join(lines)


def proxy_of(url: str) -> str | None:
    """The proxy that the environment names for an address; None for private ones."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if is_private(host) or urllib.request.proxy_bypass(host):
        return None
    return urllib.request.getproxies().get(parts.scheme)


def _proxy(url: str) -> SplitResult:
    return _split(
        url if "://" in url else f"http://{url}", f"the proxy {_without_user(url)!r} of the environment"
    )


def _split(url: str, what: str) -> SplitResult:
    """The parts of a URL; `urlsplit` would drop line breaks without a word."""
    if _CONTROL.search(url) or "\t" in url:
        raise UsageError(f"{what}: it has a line break or another control character; take it out")
    try:
        parts = urlsplit(url)
        if parts.scheme in PORTS and parts.hostname and parts.port != 0:
            parts.hostname.encode("idna")
            return parts
    except ValueError as error:
        raise UsageError(f"{what}: {error}; give an address such as 'http://127.0.0.1:8000/v1'") from error
    raise UsageError(f"{what}: give an address such as 'http://127.0.0.1:8000/v1'")


def _end(parts: SplitResult) -> End:
    host = (parts.hostname or "").encode("idna").decode("ascii")
    return End(host, parts.port or PORTS[parts.scheme], parts.scheme == "https")


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _basic(header: str, parts: SplitResult) -> bytes:
    """A line with the user and password of a URL; empty where it has none."""
    if parts.username is None:
        return b""
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return f"{header}: Basic {base64.b64encode(pair.encode()).decode()}\r\n".encode()


def _without_user(url: str) -> str:
    scheme, _, rest = url.rpartition("://")
    user, _, host = rest.rpartition("@")
    return f"{scheme}://{host}" if user and scheme else host if user else url
