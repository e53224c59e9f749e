"""`firm.toml`: the founder's settings.

One rule: a key that is not known, or of a wrong type, is refused with file, line and the nearest right key;
nothing is ignored silently.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from firm.errors import UsageError
from firm.ledger.price import Rates, rates_of
from firm.model.target import WireName
from firm.org.settings import OrgSettings, Schedule
from firm.policy.capability import Capability
from firm.policy.rule import Mandate, Rule
from firm.root.budgets import Budgets, Limits, budgets_of
from firm.root.setting import (
    Keys,
    Place,
    Problem,
    address,
    check,
    known,
    line_of,
    number,
    read_toml,
    seconds,
    secret,
    section,
    sections,
    text,
    texts,
    time_of_day,
    truth,
    whole,
)
from firm.units import LEVELS

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
    script: str = ""
    """'file.py:function' that answers by rule, instead of `url`: a rehearsal without a model."""
    usd_per_mtok: Rates | None = None
    """Prices of a million tokens; None: those of the price list, for a hosted model."""
    deadline_s: float | None = None
    """Longest time that one call may take; None: 600 s."""

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


class Egress(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One section `[[egress]]`."""

    agent: str = "*"
    """Name or pattern of the agents."""
    hosts: tuple[str, ...] = ()
    """Hosts or patterns that they may reach."""
    private: tuple[str, ...] = ()
    """Addresses of the founder's own network that they may reach, as host:port."""


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
    budget: Budgets = Budgets()
    """What may be spent."""
    limits: Limits = Limits()
    """How often, whatever it costs."""
    rules: tuple[Rule, ...] = ()
    """What is allowed, asked and denied."""
    capabilities: dict[str, tuple[Capability, ...]] = {}
    """What each agent may do, by its name."""
    mandates: tuple[Mandate, ...] = ()
    """Who may be paid without asking."""
    egress: tuple[Egress, ...] = ()
    """Which hosts each agent may reach."""
    org: OrgSettings = OrgSettings()
    """How the organization works."""
    schedules: tuple[Schedule, ...] = ()
    """What starts missions by itself."""


_KEYS: dict[str, Keys] = {
    "": {
        "name": text(),
        "mission": text(),
        "engine": section(),
        "effort": section(),
        "serve": section(),
        "models": section(),
        "budget": section(),
        "limits": section(),
        "rules": sections(),
        "capabilities": sections(),
        "mandates": sections(),
        "egress": sections(),
        "org": section(),
        "schedules": sections(),
    },
    "limits": {
        "same_call": whole(0, 1_000_000),
        "questions_per_hour": whole(0, 1_000_000),
        "wakes": whole(0, 1_000_000),
        "exchanges": whole(0, 1_000_000),
        "helpers": whole(0, 1_000_000),
        "helper_depth": whole(0, 1_000),
        "storm_s": seconds(0.0),
    },
    "engine": {"idle_s": seconds(0.001), "cancel_grace_s": seconds(0.0)},
    "effort": {"default": known(LEVELS)},
    "serve": {"enabled": truth(), "host": text(least=1), "port": whole(0, 65_535)},
    "org": {
        "language": known(("en", "zh")),
        "plan": known(("auto", "template", "free")),
        "usd": number(0.0, "US dollars"),
        "approve_plan_above_usd": number(0.0, "US dollars"),
        "answer_s": seconds(0.001),
        "patience": whole(1, 10_000),
        "panel_above_usd": number(0.0, "US dollars"),
        "briefing": time_of_day(),
        "markup": number(0.0, "a share: 0.25 for a quarter"),
        "usd_per_core_hour": number(0.0, "US dollars an hour"),
        "order_usd": number(0.0, "US dollars"),
    },
}
_SCHEDULE: Keys = {
    "name": text(least=1),
    "mission": text(least=1),
    "cron": text(),
    "hook": text(),
    "file": text(),
    "workflow": text(least=1),
    "usd": number(0.0, "US dollars"),
}
_EGRESS: Keys = {"agent": text(least=1), "hosts": texts(), "private": texts()}
_MODEL: Keys = {
    "url": address(),
    "name": text(least=1),
    "key": secret(),
    "wire": known(("chat", "responses", "anthropic")),
    "usd_per_gpu_hour": number(0.0, "US dollars an hour"),
    "gpus": whole(1, 1_000_000),
    "usd_per_mtok": section(),
    "deadline_s": seconds(0.001),
    "context_tokens": whole(1, 1_000_000_000),
    "eyes": truth(),
    "tier": text(),
    "fallback": texts(),
    "hedge": truth(),
    "embedded": text(least=1),
    "script": text(least=1),
}
_WITH_URL = frozenset(_MODEL) - {"url", "embedded", "script", "fallback"}
"""Keys that say nothing of an embedded model."""


def read_config(path: Path) -> Config:
    """The settings in `path`, or the defaults where there is no such file.

    Raises:
        UsageError: with file, line and what to write instead.
    """
    if not path.exists():
        return Config()
    words, found = read_toml(path)
    try:
        _check(found)
        command = _command(found)
    except Problem as problem:
        raise UsageError(f"{path}, line {line_of(words, problem.place)}: {problem}") from None
    plain = {key: value for key, value in found.items() if key not in command}
    return msgspec.structs.replace(msgspec.convert(plain, Config), **command)


def _command(found: dict[str, Any]) -> dict[str, Any]:
    """What may be spent and done: the sections that are more than keys and values."""
    made: dict[str, Any] = {}
    if "budget" in found:
        made["budget"] = budgets_of(found["budget"])
    for count, table in enumerate(found.get("egress", ())):
        _check_egress(count, table)
    if not any(key in found for key in ("rules", "capabilities", "mandates")):
        return made
    from firm.policy.load import BadRule, capabilities_of, mandates_of, rules_of

    try:
        if "rules" in found:
            made["rules"] = rules_of(found["rules"])
        if "capabilities" in found:
            made["capabilities"] = capabilities_of(found["capabilities"])
        if "mandates" in found:
            made["mandates"] = mandates_of(found["mandates"])
    except BadRule as error:
        raise Problem(error.place, str(error)) from None
    return made


def _check(found: dict[str, Any]) -> None:
    check(found, (), _KEYS[""], _places())
    for name in ("engine", "effort", "serve", "limits", "org"):
        check(found.get(name, {}), (name,), _KEYS[name], _places())
    for place, table in enumerate(found.get("egress", ())):
        check(table, ("egress", place), _EGRESS, _places())
    _check_schedules(found.get("schedules", ()))
    models = found.get("models", {})
    for name, table in models.items():
        _check_model(name, table, models)


def _check_schedules(tables: Sequence[dict[str, Any]]) -> None:
    names: set[str] = set()
    for count, table in enumerate(tables):
        place = ("schedules", count)
        check(table, place, _SCHEDULE, _places())
        shown = f"[[schedules]] {count + 1}"
        if missing := next((key for key in ("name", "mission") if key not in table), None):
            raise Problem(place, f"{shown} has no {missing}; add {missing} = …")
        if table["name"] in names:
            raise Problem(
                (*place, "name"), f"{shown} has the name {table['name']!r} of another; give each its own"
            )
        names.add(table["name"])
        if sum(bool(table.get(key)) for key in ("cron", "hook", "file")) != 1:
            raise Problem(place, f"{shown} needs one of cron, hook and file: what starts it")
        if table.get("cron"):
            _check_cron(place, shown, table["cron"])


def _check_cron(place: Place, shown: str, words: str) -> None:
    from firm.org.time.cron import cron_of

    try:
        cron_of(words)
    except UsageError as error:
        raise Problem((*place, "cron"), f"{shown} cron: {error}") from None


def _check_egress(count: int, table: dict[str, Any]) -> None:
    from firm.policy.egress import Allow

    try:
        Allow(hosts=tuple(table.get("hosts", ())), private=tuple(table.get("private", ())))
    except UsageError as error:
        raise Problem(("egress", count), f"[[egress]] {count + 1}: {error}") from None


def _places() -> dict[str, str]:
    """Where each key belongs: key -> as it is written."""
    found = {key: f"[[schedules]] {key}" for key in _SCHEDULE}
    found |= {key: f"[models.NAME] {key}" for key in _MODEL}
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
    kinds = [key for key in ("url", "embedded", "script") if key in table]
    if len(kinds) > 1:
        raise Problem((*place, kinds[1]), f"{shown} has {' and '.join(kinds)}; keep one of them")
    if "script" in table and not table["script"].rpartition(":")[0].endswith(".py"):
        raise Problem((*place, "script"), f'{shown} script is {table["script"]!r}; write "file.py:function"')
    if "url" in table and "name" not in table:
        raise Problem(place, f'{shown} has a url but no name; add name = "…", as its server calls the model')
    if "url" not in table and (odd := next((key for key in table if key in _WITH_URL), None)):
        raise Problem((*place, odd), f'{shown} {odd} needs a server; add url = "http://…/v1"')
    if "usd_per_mtok" in table:
        _check_rates(name, table)
    if "embedded" in table:
        _check_embedded(name, table["embedded"])
    for other in table.get("fallback", ()):
        _check_fallback(name, other, models)


def _check_rates(name: str, table: dict[str, Any]) -> None:
    place = ("models", name, "usd_per_mtok")
    try:
        rates_of(table["usd_per_mtok"], f"[models.{name}] usd_per_mtok")
    except UsageError as error:
        raise Problem(place, str(error)) from None
    if "usd_per_gpu_hour" in table:
        raise Problem(
            place,
            f"[models.{name}] has usd_per_mtok and usd_per_gpu_hour; keep one of them, it is paid for once",
        )


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
