"""Where agents may go over HTTP: hosts that the founder named, at addresses of the open internet.

One rule: a name is worth only the addresses that it led to, and of these a single bad one refuses all. Nothing here
looks a name up or opens a connection: that is `firm.agent.fetch`'s.
"""

import functools
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple, Protocol

import msgspec

from firm.errors import PolicyDenied, UsageError
from firm.policy.network import Kind, kind_of, parse_address
from firm.policy.url import PORTS, Target, Unclear, bracketed, parse_url, read_end, shown

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
NEAR_NAMES = (".localhost", ".local", ".internal", ".home.arpa")
"""Ends of names that only mean something near by; they are not even looked up unless the founder named them."""
NAMEABLE: frozenset[Kind] = frozenset({"loopback", "private", "shared"})
"""What a name may lead to that the founder named with its port."""
BY_ADDRESS: frozenset[Kind] = NAMEABLE | {"link-local", "metadata"}
"""What may be reached where the founder named the address itself with its port."""


class Allow(msgspec.Struct, frozen=True):
    """What one agent may reach.

    Raises:
        UsageError: if a host, a port, a scheme or a method is none.
    """

    hosts: tuple[str, ...] = ()
    """'example.com' (this one), '*.example.com' (all below it, not itself) or '*' (all); at the usual port of the
    scheme, or at the one that is given: 'example.com:8443'. Only at public addresses."""
    private: tuple[str, ...] = ()
    """'db.lan:8080', '127.0.0.1:8000', '[::1]:8000': exactly these, also in the founder's own network."""
    schemes: tuple[str, ...] = ("https", "http")
    methods: tuple[str, ...] = ("GET", "HEAD")
    agent: str = ""
    """Whose it is, for messages."""

    def __post_init__(self) -> None:
        for text in self.hosts:
            _pattern(text)
        for text in self.private:
            _named(text)
        _known(self.schemes, PORTS, "schemes")
        _known(self.methods, METHODS, "methods")


class Resolver(Protocol):
    """Finds the addresses of a name."""

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        """All addresses of a host, as text; an OSError where it has none."""
        ...


class Entry(Protocol):
    """One `[[egress]]` of firm.toml."""

    @property
    def agent(self) -> str:
        """Name or pattern of the agents."""
        ...

    @property
    def hosts(self) -> tuple[str, ...]:
        """As in `Allow`."""
        ...

    @property
    def private(self) -> tuple[str, ...]:
        """As in `Allow`."""
        ...


def allow_for(entries: Iterable[Entry], agent: str) -> Allow:
    """What the entries that fit an agent allow together; nothing where none fits.

    Raises:
        UsageError: if a host or an address in them is none.
    """
    fitting = [entry for entry in entries if fnmatchcase(agent, entry.agent)]
    return Allow(
        hosts=tuple(dict.fromkeys(host for entry in fitting for host in entry.hosts)),
        private=tuple(dict.fromkeys(end for entry in fitting for end in entry.private)),
        agent=agent,
    )


def check_url(url: str, allow: Allow, *, method: str = "GET") -> Target:
    """The target of a URL that an agent may reach, as far as can be said before its name is looked up.

    Raises:
        PolicyDenied: if it is not clear, or scheme, method, host, port or a literal address is not allowed.
    """
    target = parse_url(url)
    who = f"agent {allow.agent!r}" if allow.agent else "this agent"
    if target.scheme not in allow.schemes:
        raise PolicyDenied(
            f"{who} may not use {target.scheme!r} ({shown(url)!a}): use {' or '.join(allow.schemes) or 'none'}"
        )
    if method not in allow.methods:
        raise PolicyDenied(
            f"{who} may not {method!r} {shown(url)!a}: allowed is {', '.join(allow.methods) or 'none'}"
        )
    if is_named(target, allow):
        return target
    if not any(_pattern(text).fits(target) for text in allow.hosts):
        raise PolicyDenied(
            f"{who} may not reach {target.end!r}; its hosts are {_listed(allow.hosts)}: "
            'add it to "hosts" of [[egress]] in firm.toml, with its port if that is not the usual one'
        )
    if _is_near(target.host):
        raise PolicyDenied(
            f"{target.host!r} is a name of a private network: "
            f'if it is meant, add {target.end!r} to "private" of [[egress]] in firm.toml'
        )
    if parse_address(target.host) is not None:
        check_addresses(target, (target.host,), allow)
    return target


def check_addresses(target: Target, addresses: Sequence[str], allow: Allow) -> tuple[str, ...]:
    """The addresses that a target may be reached at, each in its usual spelling; one bad one refuses all.

    Args:
        addresses: all that its name led to; the connection then goes to one of those that are returned.

    Raises:
        PolicyDenied: if one is not in the open internet, unless `allow.private` names the target; or if there is none.
    """
    if not addresses:
        raise PolicyDenied(f"{target.host!r} has no address: nothing was asked; put the name right")
    literal = parse_address(target.host) is not None
    near = frozenset[Kind]() if not is_named(target, allow) else BY_ADDRESS if literal else NAMEABLE
    found = []
    for text in addresses:
        address = parse_address(text)
        kind = "link-local" if "%" in text else "reserved" if address is None else kind_of(address)
        if address is None or (kind and kind not in near):
            raise PolicyDenied(_not_open(target, text, kind))
        found.append(str(address))
    return tuple(dict.fromkeys(found))


def is_named(target: Target, allow: Allow) -> bool:
    """Whether the founder named exactly this host and port, so that it may lie in a private network."""
    return any(_named(text) == (target.host, target.port) for text in allow.private)


def _not_open(target: Target, address: str, kind: Kind) -> str:
    what = f"the {kind} address {address!a}"
    if kind not in BY_ADDRESS:
        return f"{target.end!r} leads to {what}, which nobody may ask: give another host"
    if kind not in NAMEABLE and target.host != address:
        return f"{target.end!r} leads to {what}, which no name may lead to: give another host"
    return (
        f"{target.end!r} leads to {what}, and only the open internet may be asked: "
        f'if it is meant, add {target.end!r} to "private" of [[egress]] in firm.toml'
    )


def _is_near(host: str) -> bool:
    if parse_address(host) is not None:
        return False
    return "." not in host or host.endswith(NEAR_NAMES)


# What the founder wrote.


class _Pattern(NamedTuple):
    """One of `Allow.hosts`."""

    host: str
    """Exactly this; '.example.com': all below; '': all."""
    port: int | None

    def fits(self, target: Target) -> bool:
        if target.port != (PORTS[target.scheme] if self.port is None else self.port):
            return False
        if not self.host.startswith("."):
            return self.host in ("", target.host)
        return target.host.endswith(self.host) and parse_address(target.host) is None


@functools.lru_cache(maxsize=10_000)
def _pattern(text: str) -> _Pattern:
    rest, star = text, ""
    if rest.startswith("*."):
        rest, star = rest[2:], "."
    elif rest == "*" or rest.startswith("*:"):
        rest, star = "any.example" + rest[1:], "*"
    try:
        host, port = read_end(rest)
    except Unclear as why:
        raise UsageError(
            f"{text!r} in \"hosts\": {why}; such as 'example.com', '*.example.com', 'example.com:8443' or '*'"
        ) from None
    address = parse_address(host)
    if address is not None and (star or kind_of(address)):
        raise UsageError(f'{text!r} in "hosts": only public addresses stand there; others go into "private"')
    return _Pattern("" if star == "*" else star + host, port)


@functools.lru_cache(maxsize=10_000)
def _named(text: str) -> tuple[str, int]:
    try:
        host, port = read_end(text)
    except Unclear as why:
        raise UsageError(f"{text!r} in \"private\": {why}; such as 'db.lan:8080' or '[::1]:8000'") from None
    if port is None:
        raise UsageError(f"{text!r} in \"private\": give the port too, such as '{bracketed(host)}:8000'")
    address = parse_address(host)
    kind = "" if address is None else kind_of(address)
    if kind and kind not in BY_ADDRESS:
        raise UsageError(f'{text!r} in "private": nobody may ask a {kind} address; give one of a host')
    return host, port


def _known(words: Iterable[str], known: Iterable[str], what: str) -> None:
    for word in words:
        if word not in known:
            raise UsageError(f"{word!r} in {what!r}: give some of {', '.join(known)}")


def _listed(hosts: Sequence[str]) -> str:
    more = f" and {len(hosts) - 10:,} more" if len(hosts) > 10 else ""
    return ", ".join([repr(host) for host in hosts[:10]]) + more if hosts else "none"
