"""Which models can be reached from here: the default, what servers have, and what is lacking.

One rule: nothing is sent to a hosted model but what was asked for by name.
"""

import asyncio
import importlib.util
import os
from collections.abc import Iterator, Mapping

import msgspec

from firm.cli.text import count
from firm.errors import UsageError
from firm.model import Entry, Model, Models
from firm.model.discover import HOSTED, LOCAL, LOCAL_S, models_at
from firm.model.embedded import store
from firm.model.embedded.catalogue import catalogue
from firm.model.endpoint import Endpoint
from firm.model.local import Embedded
from firm.model.models import DEFAULT, key_of
from firm.model.remedy import error_of
from firm.model.transport import Transport
from firm.model.wire.fault import Fault
from firm.root.config import Config
from firm.root.models import Choice, Finder, entry_of

TRYING_OUT = "a small model for trying out, often wrong"


async def find_default(environ: Mapping[str, str] = os.environ) -> Choice:
    """The default model where the settings name none."""
    transport = Transport()
    try:
        return await Finder().look(transport, environ)
    finally:
        await transport.close()


async def find_entry(config: Config, name: str) -> Entry:
    """What a name stands for: in the settings, in the catalogue, or found.

    Raises:
        UsageError: nobody knows it.
    """
    if name in config.models:
        return entry_of(config.models[name])
    if name == DEFAULT:
        return (await find_default()).entry
    if name in catalogue() and catalogue()[name].kind == "chat":
        return Entry((Embedded(name),))
    import difflib

    known = [DEFAULT, *config.models, *catalogue()]
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else "`firm models list` has them all"
    raise UsageError(f"no model to talk to is named {name!r}; {hint}")


async def models_at_servers(config: Config, name: str) -> list[tuple[str, list[str]]]:
    """What the servers behind a name have: (address, names).

    Raises:
        UsageError: nobody knows the name, or its key is not set.
        ModelError, ModelUnavailable: a server does not say.
    """
    entry = await find_entry(config, name)
    found = []
    async with Models() as models:
        for given in entry.models:
            if not isinstance(given, Model):
                found.append((given.model.address, [given.model.name]))
                continue
            key = key_of(given, name)
            try:
                found.append((given.url, await models_at(given.url, models.transport, key)))
            except Fault as fault:
                raise error_of(fault, name, Endpoint(given, key)) from fault
    return found


class Standing(msgspec.Struct, frozen=True):
    """How it stands with the models of a firm, in words."""

    default: str
    why: tuple[str, ...]
    servers: tuple[str, ...]
    """On the usual ports of this machine."""
    keys: tuple[str, ...]
    lacking: tuple[str, ...]
    """Keys that are named and not set."""
    weights: tuple[str, ...]
    missing: tuple[str, ...]
    """What an embedded model lacks."""


async def look_at_models(config: Config, environ: Mapping[str, str]) -> Standing:
    """How it stands with the models; nothing is sent to a hosted one."""
    if DEFAULT in config.models:
        choice = Choice(entry_of(config.models[DEFAULT]), ("firm.toml",))
    else:
        choice = await find_default(environ)
    entries = {DEFAULT: choice.entry} | {name: entry_of(found) for name, found in config.models.items()}
    keys, lacking = _keys(entries, environ)
    weights, missing = _weights(entries)
    return Standing(
        described(choice.entry), choice.why, await _local_servers(), keys, lacking, weights, missing
    )


async def _local_servers() -> tuple[str, ...]:
    transport = Transport()

    async def ask(name: str, url: str) -> str:
        try:
            async with asyncio.timeout(LOCAL_S):
                models = await models_at(url, transport)
        except (Fault, TimeoutError):
            return ""
        return f"{url} (the port of {name}) has {count(len(models), 'model')}"

    try:
        return tuple(told for told in await asyncio.gather(*(ask(*place) for place in LOCAL)) if told)
    finally:
        await transport.close()


def _keys(
    entries: Mapping[str, Entry], environ: Mapping[str, str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What is said of keys: those that are there, and those that are not."""
    there, lacking = [], []
    for name, key in sorted(_named_keys(entries)):
        kind, _, variable = key.partition(":")
        if kind == "secret":
            lacking.append(f"model {name!r}: {key!r} cannot be read: there are no secrets yet; use env:NAME")
        elif environ.get(variable):
            there.append(f"model {name!r}: {variable} is set")
        else:
            lacking.append(f"model {name!r}: {variable} is not set; set it, or calls fail")
    for provider in HOSTED:
        if environ.get(provider.variable) and not any(provider.variable in told for told in there):
            there.append(f"{provider.variable} is set")
    return tuple(there), tuple(lacking)


def _named_keys(entries: Mapping[str, Entry]) -> set[tuple[str, str]]:
    return {
        (name, given.key)
        for name, entry in entries.items()
        for given in entry.models
        if isinstance(given, Model) and given.key
    }


def _weights(entries: Mapping[str, Entry]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What is said of weights: those that are there, and what the embedded models of this firm lack."""
    there = tuple(f"{held.entry.name} is pulled" for held in store.listing())
    return there, tuple(_missing(entries))


def _missing(entries: Mapping[str, Entry]) -> Iterator[str]:
    used = {
        given.entry.name: given.entry
        for entry in entries.values()
        for given in entry.models
        if isinstance(given, Embedded)
    }
    for name, weights in used.items():
        if not all(store.held(file) for file in weights.files):
            size = f"{weights.bytes / 1e6:,.0f} MB"
            yield f"{name} is not pulled ({size}): `firm chat` pulls it, or `firm models pull {name}`"
    if used and importlib.util.find_spec("xllamacpp") is None:
        yield "the embedded model needs xllamacpp: pip install 'firm[local]'"


def described(entry: Entry) -> str:
    """What a name stands for, in one line."""
    first = entry.models[0]
    if isinstance(first, Embedded):
        return f"{first.entry.name}, embedded, {TRYING_OUT}"
    model = first if isinstance(first, Model) else first.model
    more = f" and {count(len(entry.models) - 1, 'other endpoint')}" if len(entry.models) > 1 else ""
    return f"{model.name} at {model.address}{more}"
