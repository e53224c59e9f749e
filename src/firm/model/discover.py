"""Which model is `default` where the founder has named none.

One rule: what was looked at, and why it was or was not taken, is said; nothing is sent to a hosted model to find out.
"""

import asyncio
import os
from collections.abc import Mapping

import msgspec

from firm.model.target import Model, WireName
from firm.model.transport import Address, Transport
from firm.model.wire.fault import Fault

MAX_NAME_CHARS = 200
"""Longest name of a model that is believed to be one."""
LOCAL_S = 1.0
"""How long a server on this machine may take to say what it has."""


class Found(msgspec.Struct, frozen=True):
    """What was found."""

    model: Model | None
    """The default model; None: the embedded one."""
    why: tuple[str, ...]
    """What was looked at, in order, in words."""


class Hosted(msgspec.Struct, frozen=True):
    """A hosted provider that a key in the environment stands for."""

    variable: str
    url: str
    wire: WireName
    name: str
    """The model that is taken unless `FIRM_MODEL` names another."""
    base: str = ""
    """Variable that names another address."""


HOSTED = (
    Hosted("OPENAI_API_KEY", "https://api.openai.com/v1", "responses", "gpt-5-mini", "OPENAI_BASE_URL"),
    Hosted(
        "ANTHROPIC_API_KEY",
        "https://api.anthropic.com/v1",
        "anthropic",
        "claude-sonnet-4-5",
        "ANTHROPIC_BASE_URL",
    ),
    Hosted("OPENROUTER_API_KEY", "https://openrouter.ai/api/v1", "chat", "openrouter/auto"),
)
LOCAL = (
    ("Ollama", "http://127.0.0.1:11434/v1"),
    ("vLLM", "http://127.0.0.1:8000/v1"),
    ("LM Studio", "http://127.0.0.1:1234/v1"),
    ("llama.cpp", "http://127.0.0.1:8080/v1"),
)


def hosted(environ: Mapping[str, str]) -> Found:
    """The provider whose key stands in the environment, the first of `HOSTED`."""
    why = []
    for provider in HOSTED:
        if not environ.get(provider.variable):
            why.append(f"no {provider.variable} in the environment")
            continue
        url = environ.get(provider.base, "") if provider.base else ""
        url = _with_version(url, provider) if url else provider.url
        wire: WireName = "chat" if url != provider.url and provider.wire == "responses" else provider.wire
        name = environ.get("FIRM_MODEL") or provider.name
        model = Model(url, name, f"env:{provider.variable}", wire)
        why.append(
            f"{provider.variable} is in the environment: {name} at {model.address} (another: FIRM_MODEL)"
        )
        return Found(model, tuple(why))
    return Found(None, tuple(why))


def _with_version(url: str, provider: Hosted) -> str:
    """Anthropic's own variable leaves the version out."""
    url = url.rstrip("/")
    return url if provider.wire != "anthropic" or url.endswith("/v1") else f"{url}/v1"


class _Listed(msgspec.Struct):
    id: str


class _List(msgspec.Struct):
    data: list[_Listed]


_decoder = msgspec.json.Decoder(_List)


async def models_at(url: str, transport: Transport, key: str = "") -> list[str]:
    """Names of the models that a server has; none where it answers with something else.

    Raises:
        Fault: if it does not say.
    """
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    body = await transport.get(Address(url, "/models", headers))
    try:
        found = _decoder.decode(body).data
    except (ValueError, RecursionError):  # bytes that are no UTF-8 are a ValueError too
        return []
    return [item.id for item in found if 0 < len(item.id) <= MAX_NAME_CHARS and item.id.isprintable()]


async def local(
    transport: Transport, servers: tuple[tuple[str, str], ...] = LOCAL, wanted: str = ""
) -> Found:
    """A server on the usual ports of this machine; all are asked at once, the first in order is taken.

    Where one of them has the model that is wanted, it is that one.
    """

    async def ask(url: str) -> list[str]:
        try:
            async with asyncio.timeout(LOCAL_S):
                return await models_at(url, transport)
        except (Fault, TimeoutError):
            return []

    found = await asyncio.gather(*(ask(url) for _, url in servers))
    somebody_has_it = any([wanted in models for models in found])
    why = []
    for (name, url), models in zip(servers, found, strict=True):
        if not models:
            why.append(f"no {name} at {url}")
            continue
        if wanted and wanted not in models:
            why.append(f"{name} at {url} has no {wanted!r}, which FIRM_MODEL names")
            if somebody_has_it:
                continue
        model = wanted if wanted in models else models[0]
        why.append(f"a server at {url} (the port of {name}): {model}")
        return Found(Model(url, model), tuple(why))
    return Found(None, tuple(why))


async def discover(transport: Transport, environ: Mapping[str, str] = os.environ) -> Found:
    """The default model: keys in the environment, then local servers, then the embedded one."""
    by_key = hosted(environ)
    if by_key.model is not None:
        return by_key
    here = await local(transport, wanted=environ.get("FIRM_MODEL", ""))
    why = (*by_key.why, *here.why)
    if here.model is not None:
        return Found(here.model, why)
    return Found(None, (*why, "so the embedded model"))
