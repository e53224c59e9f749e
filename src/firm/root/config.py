"""`firm.toml`: the founder's settings.

One rule: a key that is not known, or of a wrong type, is refused with file, line and the nearest right key;
nothing is ignored silently.
"""

import tomllib
from pathlib import Path
from typing import Any

import msgspec

from firm.errors import UsageError
from firm.model.target import WireName
from firm.root.setting import (
    Keys,
    Problem,
    address,
    check,
    known,
    line_of,
    number,
    seconds,
    secret,
    section,
    text,
    texts,
    truth,
    whole,
)
from firm.units import LEVELS

LATER = ("budget", "rules")
"""Sections that belong to parts which this version does not have."""
MAX_MODEL_NAME_CHARS = 200
"""Characters of a model's name."""


class Engine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Section `[engine]`."""

    idle_s: float = 1.0
    """A run in which everything waits for longer than this leaves memory; seconds, at least 0.001."""
    cancel_grace_s: float = 60.0
    """How long a cancelled run may take to clean up; seconds, at least 0."""


class ModelSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Section `[models.NAME]`; an empty one is the embedded default model."""

    url: str | tuple[str, ...] = ()
    """Address of its server up to the version; several: the same model at several places."""
    name: str = ""
    """What its server calls it."""
    key: str | None = None
    """'env:NAME' or 'secret:NAME'; None: it needs none."""
    wire: WireName = "chat"
    """Protocol of the server."""
    usd_per_gpu_hour: float | None = None
    """Price of one of the founder's own GPUs; None: not known."""
    gpus: int = 1
    """How many of them it runs on."""
    context_tokens: int | None = None
    """Size of its window; None: not known."""
    eyes: bool | None = None
    """Whether it sees pictures; None: the server is asked."""
    tier: str = ""
    """Service tier that every call asks for; '': the server's own."""
    fallback: tuple[str, ...] = ()
    """Names of models that are asked when this one does not answer, in order."""
    hedge: bool = False
    """Ask a second time when a reply is slower than most."""
    embedded: str = ""
    """Name in the catalogue of embedded models, instead of `url`."""

    @property
    def urls(self) -> tuple[str, ...]:
        """Every address."""
        return (self.url,) if isinstance(self.url, str) else self.url


class EffortSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Section `[effort]`."""

    default: str = "medium"
    """How much thought a question is worth where nobody says."""


class Serve(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Section `[serve]`."""

    enabled: bool = True
    """Whether `firm up` serves the models over HTTP."""
    host: str = "127.0.0.1"
    """Address to listen at."""
    port: int = 8420
    """Port to listen at; 0: a free one."""


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All settings, with their defaults."""

    name: str = ""
    """What the firm is called."""
    mission: str = ""
    """What it is for, in a sentence."""
    engine: Engine = Engine()
    effort: EffortSettings = EffortSettings()
    serve: Serve = Serve()
    models: dict[str, ModelSettings] = {}
    """Models by name."""


_KEYS: dict[str, Keys] = {
    "": {
        "name": text(),
        "mission": text(),
        "engine": section(),
        "effort": section(),
        "serve": section(),
        "models": section(),
    },
    "engine": {"idle_s": seconds(0.001), "cancel_grace_s": seconds(0.0)},
    "effort": {"default": known(LEVELS)},
    "serve": {"enabled": truth(), "host": text(least=1), "port": whole(0, 65_535)},
}
_MODEL: Keys = {
    "url": address(),
    "name": text(least=1),
    "key": secret(),
    "wire": known(("chat", "responses", "anthropic")),
    "usd_per_gpu_hour": number(0.0, "US dollars an hour"),
    "gpus": whole(1, 1_000_000),
    "context_tokens": whole(1, 1_000_000_000),
    "eyes": truth(),
    "tier": text(),
    "fallback": texts(),
    "hedge": truth(),
    "embedded": text(least=1),
}
_WITH_URL = frozenset(_MODEL) - {"url", "embedded", "fallback"}
"""Keys that say nothing of an embedded model."""


def read_config(path: Path) -> Config:
    """The settings in `path`, or the defaults where there is no such file.

    Raises:
        UsageError: with file, line and what to write instead.
    """
    try:
        words = path.read_text("utf-8")
    except FileNotFoundError:
        return Config()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read: {error}; it must be a UTF-8 text file") from None
    try:
        found = tomllib.loads(words)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path}: not valid TOML: {error}") from None
    try:
        _check(found)
    except Problem as problem:
        raise UsageError(f"{path}, line {line_of(words, problem.place)}: {problem}") from None
    return msgspec.convert(found, Config)


def _check(found: dict[str, Any]) -> None:
    for key in found:
        if key in LATER:
            raise Problem(
                (key,),
                f"[{key}] belongs to a part that this version of firm does not have yet; "
                "take it out, nothing would heed it",
            )
    check(found, (), _KEYS[""], _places())
    for name in ("engine", "effort", "serve"):
        check(found.get(name, {}), (name,), _KEYS[name], _places())
    models = found.get("models", {})
    for name, table in models.items():
        _check_model(name, table, models)


def _places() -> dict[str, str]:
    """Where each key belongs: key -> as it is written."""
    found = {key: f"[models.NAME] {key}" for key in _MODEL}
    for name, keys in _KEYS.items():
        found |= {key: f"[{name}] {key}" if name else key for key in keys}
    return found


def _check_model(name: str, table: Any, models: dict[str, Any]) -> None:
    place = ("models", name)
    if not isinstance(table, dict):
        hint = f"models have names of their own: write [models.default] and below it {name} = …"
        raise Problem(
            place,
            f"[models] {name} is {table!r}; "
            + (hint if name in _MODEL else f"write [models.{name}] and its keys below"),
        )
    if not name.strip() or not name.isprintable() or len(name) > MAX_MODEL_NAME_CHARS:
        raise Problem(
            place,
            f"{name[:80]!r} is no name for a model; give 1 to {MAX_MODEL_NAME_CHARS} printable characters",
        )
    check(table, place, _MODEL, _places())
    shown = f"[models.{name}]"
    if "url" in table and "embedded" in table:
        raise Problem((*place, "embedded"), f"{shown} has a url and embedded; keep one of them")
    if "url" in table and "name" not in table:
        raise Problem(place, f'{shown} has a url but no name; add name = "…", as its server calls the model')
    if "url" not in table and (odd := next((key for key in table if key in _WITH_URL), None)):
        raise Problem((*place, odd), f'{shown} {odd} needs a server; add url = "http://…/v1"')
    if "embedded" in table:
        _check_embedded(name, table["embedded"])
    for other in table.get("fallback", ()):
        _check_fallback(name, other, models)


def _check_embedded(name: str, embedded: str) -> None:
    from firm.model.embedded.catalogue import find

    place = ("models", name, "embedded")
    try:
        kind = find(embedded).kind
    except UsageError as error:
        raise Problem(place, f"[models.{name}] embedded: {error}") from None
    if kind != "chat":
        raise Problem(
            place, f"[models.{name}] embedded is {embedded!r}, which answers no messages; name one that chats"
        )


def _check_fallback(name: str, other: str, models: dict[str, Any]) -> None:
    import difflib

    place = ("models", name, "fallback")
    if other == name:
        raise Problem(place, f"[models.{name}] fallback names itself; name another model")
    if other not in models and other != "default":
        near = difflib.get_close_matches(other, models, n=1)
        others = ", ".join(sorted({"default", *models} - {name}))
        hint = f"did you mean {near[0]!r}?" if near else f"known here: {others}"
        raise Problem(place, f"[models.{name}] fallback names {other!r}, and there is no such model; {hint}")
