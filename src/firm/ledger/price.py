"""What a call to a hosted model costs: prices a token, by kind of token.

One rule: money is counted in whole pico-dollars a token and rounded up to whole micro-dollars once, at the end; where
two prices may apply, the dearer one is taken. A price that is not surely known is no price.

Prices come from the founder's own line (`usd_per_mtok`) or from the package `genai-prices` (extra `prices`), which is
imported when the first hosted model is asked and never fetches anything here.
"""

import functools
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import ROUND_CEILING, Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec

from firm.errors import UsageError
from firm.units.usage import Usage

if TYPE_CHECKING:  # takes 0.2 s to import, and is an extra
    from genai_prices.types import ModelInfo, ModelPrice, Provider

PICO = 1_000_000
"""Pico-dollars in a micro-dollar; also pico-dollars a token in one US dollar a million tokens."""
MAX_USD_PER_MTOK = 1e6
"""Dearest price of a million tokens that is believed to be meant."""

PROVIDERS = {
    "api.anthropic.com": "anthropic",
    "api.arcee.ai": "arcee",
    "api.cerebras.ai": "cerebras",
    "api.cohere.ai": "cohere",
    "api.cohere.com": "cohere",
    "api.deepseek.com": "deepseek",
    "api.fireworks.ai": "fireworks",
    "api.groq.com": "groq",
    "api.minimax.io": "minimax",
    "api.mistral.ai": "mistral",
    "api.moonshot.ai": "moonshotai",
    "api.moonshot.cn": "moonshotai",
    "api.novita.ai": "novita",
    "api.openai.com": "openai",
    "api.perplexity.ai": "perplexity",
    "api.together.xyz": "together",
    "api.voyageai.com": "voyageai",
    "api.x.ai": "x-ai",
    "api.z.ai": "zai",
    "generativelanguage.googleapis.com": "google",
    "inference.baseten.co": "baseten",
    "open.bigmodel.cn": "zhipuai",
    "openrouter.ai": "openrouter",
}
"""Hosts whose price list is known by their name alone. Of clouds where a customer names the model, or rents by the
hour (Azure, Modal, Databricks), nothing can be told from the name."""


class Rates(msgspec.Struct, frozen=True):
    """Prices as people write them: US dollars for a million tokens, each 0 to 1,000,000."""

    input: float
    output: float
    """Reasoning is paid for as output."""
    cache_read: float | None = None
    """None: as `input`."""
    cache_write: float | None = None
    """None: as `input`."""


RATES = Rates.__struct_fields__


def rates_of(given: object, what: str = "usd_per_mtok") -> Rates:
    """The founder's line `usd_per_mtok = {input = …, output = …}`; `what` names it in errors.

    Raises:
        UsageError: no table, an unknown or missing key, a price that is none.
    """
    if isinstance(given, Rates):
        found: Mapping[str, Any] = {name: getattr(given, name) for name in RATES}
    elif isinstance(given, Mapping):
        found = given
    else:
        raise UsageError(
            f"{what}={given!r}: give {{input = …, output = …}}, US dollars for a million tokens each"
        )
    for name, value in found.items():
        if name not in RATES:
            raise UsageError(f"{what} has {name!r}; there are only {', '.join(RATES)}")
        if value is None and name.startswith("cache"):
            continue
        if type(value) not in (int, float) or not 0 <= value <= MAX_USD_PER_MTOK:
            raise UsageError(
                f"{what} {name}={value!r}: give US dollars for a million tokens, 0 to {MAX_USD_PER_MTOK:,.0f}"
            )
    for name in ("input", "output"):
        if name not in found:
            raise UsageError(f"{what} has no {name!r}; add {name} = US dollars for a million tokens")
    return given if isinstance(given, Rates) else Rates(**found)


class Step(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Prices in pico-dollars a token, for calls that read more than `above` tokens: they hold for all of the call."""

    above: int
    input: int
    cache_read: int
    cache_write: int
    output: int
    audio: int = 0
    """A token of sound that is read; at least `input`."""
    image: int = 0
    """A token of a picture that is read; at least `input`."""

    @property
    def dearest(self) -> int:
        """The dearest price of a token of text that is read."""
        return max(self.input, self.cache_read, self.cache_write)


class Price(msgspec.Struct, frozen=True):
    """What calls to one model cost.

    Args:
        steps: At least one, by rising `above`; the first is that of the smallest call.
        call: Pico-dollars a call, whatever it reads.
        since: Date from which it holds (ISO); '' where its source names none.
        source: Where it comes from, with the version.
        reads_only: No price of what is written is known: it makes vectors, or cannot be asked for replies.
    """

    steps: tuple[Step, ...]
    call: int = 0
    since: str = ""
    source: str = ""
    reads_only: bool = False

    def cost(self, usage: Usage) -> int:
        """What a call took, in millionths of a dollar, rounded up."""
        steps = self.steps
        step = steps[0] if len(steps) == 1 else self._step(usage)
        pico = (
            self.call
            + usage.input * step.input
            + usage.cache_read * step.cache_read
            + usage.cache_write * step.cache_write
            + (usage.output + usage.reasoning) * step.output
        )
        if usage.audio or usage.image:
            pico += usage.audio * (step.audio - step.input) + usage.image * (step.image - step.input)
        return -(-pico // PICO)

    def saved(self, usage: Usage) -> int:
        """What was cheaper because it was read from a cache, in millionths of a dollar, rounded down; at least 0."""
        if not usage.cache_read:
            return 0
        step = self._step(usage)
        return max(0, usage.cache_read * (step.input - step.cache_read) // PICO)

    def most(self, read: int, written: int, *, media: bool = False) -> int:
        """What a call can cost at most, in millionths of a dollar, rounded up.

        Args:
            read: Tokens that it reads at most, of whichever kind.
            written: Tokens that it writes at most.
            media: Whether it holds sound or pictures, which may cost more a token.
        """
        dearest = output = 0
        for step in self.steps:
            if step.above and step.above >= read:
                break
            dearest, output = max(dearest, step.dearest), max(output, step.output)
            if media:
                dearest = max(dearest, step.audio, step.image)
        return -(-(self.call + read * dearest + written * output) // PICO)

    def _step(self, usage: Usage) -> Step:
        read, found = usage.read, self.steps[0]
        for step in self.steps[1:]:
            if read <= step.above:
                break
            found = step
        return found


def price_of(rates: Rates) -> Price:
    """The founder's own prices."""
    cached = [rates.input if value is None else value for value in (rates.cache_read, rates.cache_write)]
    into, read, write, out = (_pico(Decimal(str(value))) for value in (rates.input, *cached, rates.output))
    return Price((Step(0, into, read, write, out, into, into),), source="usd_per_mtok")


def _pico(usd_per_mtok: Decimal) -> int:
    return int((usd_per_mtok * PICO).to_integral_value(ROUND_CEILING))


# --- the price list of hosted models ---------------------------------------------------------------------------

_QUARTER_S = 900
"""Prices that differ by hour change on the quarter."""
_READ = ("input_mtok", "cache_read_mtok", "cache_write_mtok")
_WRITTEN = ("output_mtok", "output_reasoning_mtok", "output_image_mtok", "output_citation_mtok")
"""What a reply may hold without being asked for; the dearest of them is the price of output."""
_UNASKED = frozenset(
    {
        "cache_write_1h_mtok",
        "cache_audio_read_mtok",
        "cache_image_read_mtok",
        "output_audio_mtok",
        "output_video_mtok",
        "storage_searches_kcount",
        "web_searches_kcount",
    }
)
"""What costs something only where it is asked for, and no request of `firm` asks for it."""
_SEARCHES = re.compile(r"\bsonar|-search\b")
"""Models that search the web at every call, asked or not."""
_ROAMS = re.compile(r"deep-research")
"""Models that search as often as they like: no bound of what a call costs is known."""
_TAIL = re.compile(
    r"(?:[-@]\d{4}-\d\d-\d\d|[-@]\d{4,8}|-\d\d-\d\d|-0\d*|-latest|-preview|-exp|-thinking|[-@]v\d+|:\d+|[-@])+$"
)
"""What may follow a model's name without making it another model: dates and versions."""


def find_price(host: str, name: str, at: datetime, *, tier: str = "") -> Price | None:
    """The price of a hosted model; None: it is not surely known.

    Args:
        host: The server's host, or its whole address.
        name: What the server calls the model.
        at: When it is asked; without a time zone: UTC.
        tier: Service tier that is asked for; where the list has no price of it, the usual price holds.

    Raises:
        UsageError: the host's list is known, and the package that has it is not installed.
    """
    host = (urlsplit(host).hostname or "") if "://" in host else host.lower()
    provider = PROVIDERS.get(host)
    if provider is None:
        return None
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    quarter = int(at.timestamp()) // _QUARTER_S
    return _found(provider, name.lower(), tier, quarter)


def list_version() -> str:
    """The price list and its version.

    Raises:
        UsageError: it is not installed.
    """
    try:
        import genai_prices
    except ImportError:
        raise UsageError(
            "the prices of hosted models are in a package that is not installed; "
            "run: pip install 'firm[prices]'"
        ) from None
    return f"genai-prices {genai_prices.__version__}"


@functools.lru_cache(maxsize=1000)
def _found(provider_id: str, name: str, tier: str, quarter: int) -> Price | None:
    source = list_version()
    from genai_prices import data_snapshot

    provider = data_snapshot.find_provider_by_id(data_snapshot.get_snapshot().providers, provider_id)
    model = _model(provider, name) if provider is not None else None
    if model is None or _ROAMS.search(name):
        return None
    at = datetime.fromtimestamp(quarter * _QUARTER_S, UTC)
    found = model.get_prices(at, {"service_tier": tier} if tier else None)
    price = _read(found, name)
    return price and msgspec.structs.replace(price, since=_since(model, at), source=source)


def _model(provider: "Provider", name: str) -> "ModelInfo | None":
    """The model that this surely is: by its very name, or by one that differs in its date alone."""
    model = provider.find_model(name)
    return model if model is not None and _is_sure(model.match, name) else None


def _is_sure(clause: Any, name: str) -> bool:
    """Whether a match is more than the beginning of another model's name."""
    if (parts := getattr(clause, "or_", None)) is not None:
        return any([part.is_match(name) and _is_sure(part, name) for part in parts])
    if (parts := getattr(clause, "and_", None)) is not None:
        return any([_is_sure(part, name) for part in parts])
    known = getattr(clause, "starts_with", None) or getattr(clause, "contains", None)
    if known is None or known.startswith(
        "ft:"
    ):  # the name itself, its end, a pattern; or a model that was tuned
        return True
    known = known.lower()
    return _TAIL.sub("", name[name.index(known) :]) == _TAIL.sub("", known)


def _read(found: "ModelPrice", name: str) -> Price | None:
    """The list's prices in our buckets; None where it has a kind of price that is not understood here."""
    from genai_prices.types import TieredPrices

    prices = {key: value for key, value in found.__dict__.items() if value is not None}
    known = {*_READ, *_WRITTEN, *_UNASKED, "requests_kcount", "input_audio_mtok", "input_image_mtok"}
    if not prices and name.endswith(":free"):
        return Price((Step(0, 0, 0, 0, 0),))
    searches = _SEARCHES.search(name) is not None
    if "input_mtok" not in prices or not prices.keys() - {"input_video_mtok"} <= known:
        return None
    if searches and not prices.keys() & {"requests_kcount", "web_searches_kcount"}:
        return None
    starts = {0}
    for value in prices.values():
        if isinstance(value, TieredPrices):
            starts |= {tier.start for tier in value.tiers}

    def at(key: str, start: int) -> int:
        value = prices.get(key)
        if value is None:
            return 0
        if isinstance(value, TieredPrices):
            value = next((tier.price for tier in reversed(value.tiers) if tier.start <= start), value.base)
        return _pico(value)

    steps = []
    for start in sorted(starts):
        into = at("input_mtok", start)
        read, write = (at(key, start) if key in prices else into for key in _READ[1:])
        out = max(at(key, start) for key in _WRITTEN)
        audio, image = (max(at(key, start), into) for key in ("input_audio_mtok", "input_image_mtok"))
        steps.append(Step(start, into, read, write, out, audio, image))
    call = at("requests_kcount", 0) + (at("web_searches_kcount", 0) if searches else 0)
    return Price(tuple(steps), call * 1000, reads_only="output_mtok" not in prices)


def _since(model: "ModelInfo", at: datetime) -> str:
    """Since when the price holds, as far as the list says."""
    dates = [getattr(price.constraint, "start_date", None) for price in _conditional(model)]
    past = [date for date in dates if date is not None and date <= at.date()]
    return max(past).isoformat() if past else ""


def _conditional(model: "ModelInfo") -> Any:
    return model.prices if isinstance(model.prices, list) else ()
