"""URLs, read strictly.

One rule: a URL has one reading or is refused: what two programs could read differently is how one is led past a check.
"""

import re
from urllib.parse import quote

import msgspec

from firm.errors import PolicyDenied
from firm.policy.network import parse_address

MAX_URL_CHARS = 8_000
MAX_HOST_CHARS = 253
SHOWN_CHARS = 200
"""How much of a URL stands in an error."""
PORTS = {"http": 80, "https": 443}
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_AUTHORITY = re.compile(r"(\[[0-9a-f:.]+\]|[^:\[\]]+)(:[0-9]{1,5})?", re.IGNORECASE)
_USER = re.compile(r"(^|//)[^/?#]*@")
_SAFE = "/:@!$&'()*+,;=~%-._"


class Target(msgspec.Struct, frozen=True):
    """A URL in its one reading."""

    url: str
    """In ASCII, without fragment; the host is written as `host` is."""
    scheme: str
    """'http' or 'https'."""
    host: str
    """Lower case, international names as 'xn--…'; an address in its usual spelling, without brackets."""
    port: int
    """1 to 65,535."""

    @property
    def origin(self) -> tuple[str, str, int]:
        """What headers with secrets are bound to."""
        return (self.scheme, self.host, self.port)

    @property
    def end(self) -> str:
        """Host and port, as a message shows them and `Allow.private` has them."""
        return f"{bracketed(self.host)}:{self.port}"


def parse_url(url: str) -> Target:
    """Read a URL strictly: what two programs could read differently is refused.

    Raises:
        PolicyDenied: for any other scheme than http and https, user names, control characters, spaces and backslashes,
            odd spellings of addresses and hosts, and ports out of range.
    """
    try:
        return _parse(url)
    except Unclear as why:
        raise PolicyDenied(f"the URL {shown(url)!a} is refused: {why}") from None


def shown(url: object) -> str:
    """A URL as it may stand in a message: without user, query and fragment, and cut."""
    text = _USER.sub(r"\1…@", str(url)[: MAX_URL_CHARS + 1])
    cut = re.split(r"[?#]", text, maxsplit=1)[0]
    return cut if len(cut) <= SHOWN_CHARS else cut[: SHOWN_CHARS - 1] + "…"


class Unclear(Exception):
    """Why a URL or a host is refused, and what to write instead."""


def _parse(url: str) -> Target:
    if not isinstance(url, str):
        raise Unclear(f"it is {type(url).__name__}; give text")
    if len(url) > MAX_URL_CHARS:
        raise Unclear(f"it has {len(url):,} characters; give one of at most {MAX_URL_CHARS:,}")
    if not url.isprintable() or " " in url or "\\" in url:
        raise Unclear(
            "it has a space, a backslash or a character that cannot be seen; write those as %20, %5C …"
        )
    scheme, mark, rest = url.partition("#")[0].partition("://")
    scheme = scheme.lower()
    if not mark or scheme not in PORTS:
        raise Unclear("it begins with neither 'http://' nor 'https://'; give one that does")
    authority = re.split(r"[/?]", rest, maxsplit=1)[0]
    host, port = read_end(authority)
    path, query_mark, query = rest[len(authority) :].partition("?")
    number = PORTS[scheme] if port is None else port
    end = bracketed(host) if number == PORTS[scheme] else f"{bracketed(host)}:{number}"
    tail = quote(path or "/", safe=_SAFE) + (f"?{quote(query, safe=_SAFE + '?')}" if query_mark else "")
    return Target(f"{scheme}://{end}{tail}", scheme, host, number)


def read_end(authority: str) -> tuple[str, int | None]:
    """Host and port as they stand in a URL; the port is None where it is not said.

    Raises:
        Unclear: if they could be read differently.
    """
    if "@" in authority:
        raise Unclear("it has a user name or an '@' before its host; leave that out")
    if "%" in authority:
        raise Unclear("its host is written with '%'; write it plainly, without a zone")
    found = _AUTHORITY.fullmatch(authority)
    if found is None:
        raise Unclear(
            "host and port cannot be told apart; write 'host', 'host:port' or '[IPv6 address]:port'"
        )
    host, port = _host(found[1]), found[2]
    if port is None:
        return host, None
    number = int(port[1:])
    if str(number) != port[1:] or not 1 <= number <= 65_535:
        raise Unclear(f"its port is {port[1:]!r}; give one from 1 to 65535")
    return host, number


def _host(text: str) -> str:
    """A host in its one spelling."""
    if text.startswith("["):
        address = parse_address(text[1:-1])
        if address is None or address.version != 6:
            raise Unclear("there is no IPv6 address between its brackets; write one such as [2001:db8::1]")
        return str(address)
    host = ".".join(_ascii(label) for label in text.split(".")) if not text.isascii() else text.lower()
    labels = host.split(".")
    if not labels[-1]:
        raise Unclear("its host ends with a dot; leave that out")
    if _NUMBER.fullmatch(labels[-1]):
        address = parse_address(host)
        if address is None:
            raise Unclear("its host is a number; write an address as four decimal numbers, such as 192.0.2.1")
        return str(address)
    if len(host) > MAX_HOST_CHARS or not all([_LABEL.fullmatch(label) for label in labels]):
        raise Unclear("its host is no name; use letters, digits, hyphens and dots")
    if not all([_is_coded(label) for label in labels if label.startswith("xn--")]):
        raise Unclear("its host has an 'xn--' that stands for no international name; put it right")
    return host


def _ascii(label: str) -> str:
    """A label of an international name as 'xn--…'; only if it is written as it would come back."""
    if label.isascii():
        return label.lower()
    try:
        coded = label.encode("idna").decode("ascii")
        if coded.encode("ascii").decode("idna") == label.lower():
            return coded
    except UnicodeError:
        pass
    raise Unclear("its host has characters that are read in more than one way; write it as 'xn--…'")


def _is_coded(label: str) -> bool:
    try:
        return not label[4:].encode("ascii").decode("punycode").isascii()
    except UnicodeError:
        return False


def bracketed(host: str) -> str:
    """A host as it stands before a port."""
    return f"[{host}]" if ":" in host else host
