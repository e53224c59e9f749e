"""Measuring a model by calling it."""

from typing import TYPE_CHECKING

import msgspec

from firm.cli.finding import find_entry
from firm.cli.pulling import pull_if_missing
from firm.errors import FirmError
from firm.model import Abilities, Entry, Message, Model, Models, Reply, Request
from firm.model.local import Embedded
from firm.model.probe import Probes
from firm.root.config import Config

if TYPE_CHECKING:
    from firm.model.backend import Backend

QUESTION = "Count from 1 to 60 in words, separated by commas. Write nothing else."
MAX_TOKENS = 200
MIN_TOKENS = 8
"""Fewer say nothing about speed."""
WORDS = {
    "tools": "tool calls of its own kind",
    "required": "a tool call where one is required",
    "schema": "takes a JSON Schema",
    "strict": "holds replies to the schema",
    "logprobs": "log-probabilities",
    "effort": "an effort of reasoning",
}
"""Abilities that are shown."""


class Measured(msgspec.Struct, frozen=True):
    """What a call of one endpoint has shown."""

    endpoint: str
    model: str
    first_token_s: float = 0.0
    total_s: float = 0.0
    read_tokens: int = 0
    written_tokens: int = 0
    tokens_per_s: float = 0.0
    """While it wrote, after the first token; 0: not known."""
    usd_per_million_tokens: float | None = None
    """Of what was read and written, at this speed; None: no price is known."""
    able: tuple[str, ...] = ()
    unable: tuple[str, ...] = ()
    error: str = ""
    """Why it could not be measured."""


async def measure(config: Config, name: str) -> list[Measured]:
    """Call each endpoint of a model once, and probe it.

    Raises:
        UsageError: nobody knows the model.
    """
    entry = await find_entry(config, name)
    found = []
    for given in entry.models:
        if isinstance(given, Embedded):
            await pull_if_missing(given.entry)
        model = given if isinstance(given, Model) else given.model
        try:
            found.append(await _measure_one(name, given))
        except FirmError as error:
            found.append(Measured(model.address, model.name, error=str(error)))
    return found


async def _measure_one(name: str, given: "Model | Backend") -> Measured:
    pieces = 0

    def watch(_: object) -> None:
        nonlocal pieces
        pieces += 1

    request = Request((Message("user", QUESTION),), name, MAX_TOKENS, urgent=True)
    async with Models({name: Entry((given,))}) as models:
        if isinstance(given, Embedded):
            await models.call(
                msgspec.structs.replace(request, max_tokens=1)
            )  # its server may have to be started
        reply = await models.call(request, watch)
        backend = models.server(given, name) if isinstance(given, Model) else given
        known = backend.abilities
        return _measured(reply, backend.model, known if known.probed else await Probes(None).of(backend))


def _measured(reply: Reply, model: Model, abilities: Abilities) -> Measured:
    timing, usage = reply.timing, reply.usage
    writing_s = timing.total_s - timing.first_token_s
    known = usage.written >= MIN_TOKENS and writing_s > 0
    priced = reply.priced and usage.total
    return Measured(
        model.address,
        model.name,
        timing.first_token_s,
        timing.total_s,
        usage.read,
        usage.written,
        (usage.written - 1) / writing_s if known else 0.0,
        reply.cost_usd / usage.total * 1e6 if priced else None,
        tuple(words for field, words in WORDS.items() if getattr(abilities, field)),
        tuple(words for field, words in WORDS.items() if not getattr(abilities, field)),
    )
