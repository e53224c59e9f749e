"""A model as the founder names it, and what was found out about the server behind it."""

import functools
import ipaddress
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec

from firm.errors import UsageError
from firm.ledger.price import Rates, rates_of

WireName = Literal["chat", "responses", "anthropic"]
WIRES: tuple[str, ...] = ("chat", "responses", "anthropic")


class Model(msgspec.Struct, frozen=True):
    """A model at an address.

    Args:
        url: Address of the server up to the version, such as 'http://gpu-1:8000/v1'.
        name: What its server calls it.
        key: 'env:NAME' (a variable of the environment), 'secret:NAME', or the key itself (only in code); None: none.
        wire: Protocol that the server speaks: 'chat' (Chat Completions), 'responses' or 'anthropic'.
        usd_per_gpu_hour: Price of one of the founder's own GPUs; None: not known.
        usd_per_mtok: Prices of a million tokens, `{"input": …, "output": …}` and where they differ `cache_read` and
            `cache_write`; None: those of the price list, for a hosted model.
        gpus: How many of them the model runs on, at least 1.
        deadline_s: Longest time that one call may take, above 0; None: as `Patience` has it. It bounds what a call
            to one's own GPUs can cost.
        context_tokens: Size of its window; None: not known.
        eyes: Whether it sees pictures; None: not known, the server is asked.
        tier: Service tier that every call asks for; '': the server's default.

    Raises:
        UsageError: if the address is not one, or a value is out of its range.
    """

    url: str
    name: str
    key: str | None = None
    wire: WireName = "chat"
    usd_per_gpu_hour: float | None = None
    gpus: int = 1
    context_tokens: int | None = None
    eyes: bool | None = None
    tier: str = ""
    usd_per_mtok: Rates | Mapping[str, float] | None = None
    deadline_s: float | None = None

    def __post_init__(self) -> None:
        if not _is_address(self.url):
            raise UsageError(f"Model(url={self.url!r}): give an address such as 'http://127.0.0.1:8000/v1'")
        if self.wire not in WIRES:
            raise UsageError(f"Model(wire={self.wire!r}): give one of {', '.join(WIRES)}")
        if not self.name:
            raise UsageError(
                f"Model(name={self.name!r}): give the name under which {self.address!r} knows the model"
            )
        if type(self.gpus) is not int or self.gpus < 1:
            raise UsageError(f"Model(gpus={self.gpus!r}): give a whole number of at least 1")
        price = self.usd_per_gpu_hour
        if price is not None and not 0 <= price < 1e6:
            raise UsageError(f"Model(usd_per_gpu_hour={price!r}): give US dollars an hour, at least 0")
        if self.usd_per_mtok is not None:
            if price is not None:
                raise UsageError("Model(usd_per_gpu_hour=…, usd_per_mtok=…): give one of them, not both")
            msgspec.structs.force_setattr(self, "usd_per_mtok", rates_of(self.usd_per_mtok))
        if self.deadline_s is not None and not 0 < self.deadline_s < 1e6:
            raise UsageError(f"Model(deadline_s={self.deadline_s!r}): give seconds above 0")

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """All fields; of a key that was given as itself, and of a password in the address, nothing is shown."""
        shown = {field: getattr(self, field) for field in self.__struct_fields__} | {"url": self.address}
        if self.key and not self.key.startswith(("env:", "secret:")):
            shown["key"] = "[key]"
        return list(shown.items())

    def __repr__(self) -> str:
        return f"Model({', '.join([f'{field}={value!r}' for field, value in self.__rich_repr__()])})"

    @property
    def address(self) -> str:
        """The URL as it may be shown: without user and password."""
        return _without_user(self.url)

    @property
    def rates(self) -> Rates | None:
        """What the founder says that tokens cost."""
        return self.usd_per_mtok if isinstance(self.usd_per_mtok, Rates) else None

    @property
    def own(self) -> bool:
        """Whether it is the founder's own compute: at a private address, or with a price of its GPUs."""
        return self.usd_per_gpu_hour is not None or _is_near(self.url)


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


@functools.lru_cache(maxsize=1000)
def _without_user(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl() if "@" in parts.netloc else url


@functools.lru_cache(maxsize=1000)
def _is_near(url: str) -> bool:
    return is_private(urlsplit(url).hostname or "")


def is_private(host: str) -> bool:
    """Whether a host is this machine or lies in a private network."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost" or host.endswith((".localhost", ".local", ".internal")) or "." not in host
    return address.is_private or address.is_loopback


class Abilities(msgspec.Struct, frozen=True):
    """What a server was seen to do; the defaults are what is believed before it was asked."""

    tools: bool = True
    """It takes tools, and answers with tool calls of its own kind."""
    required: bool = True
    """`tool_choice: required` really gives a tool call."""
    schema: bool = True
    """It takes a JSON Schema for the reply."""
    strict: bool = True
    """Replies are held to the schema by the server."""
    logprobs: bool = True
    stream_usage: bool = True
    """It takes `stream_options: include_usage`."""
    completion_tokens: bool = False
    """It wants `max_completion_tokens`, not `max_tokens`."""
    effort: bool = False
    """It takes an effort of reasoning."""
    probed: bool = False
    """Whether these were seen, and not only believed."""
