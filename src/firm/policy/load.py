"""Read `[[rules]]`, `[[capabilities]]` and `[[mandates]]`, as TOML gives them.

One rule: what is not understood is refused, with its place and what to write instead; nothing is ignored.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from typing import Any

import msgspec

from firm.errors import UsageError
from firm.policy.capability import Capability
from firm.policy.consistent import BadRule, Place, check_rules, nearest
from firm.policy.mandate import Cover, mandate_name
from firm.policy.permit import Permit
from firm.policy.rule import Mandate, Rule
from firm.policy.rulebook import Ready

_Kinds = tuple[type, ...]
_TEXT: _Kinds = (str,)
_NUMBER: _Kinds = (int, float)
_WHOLE: _Kinds = (int,)
_TRUTH: _Kinds = (bool,)
_TABLE: _Kinds = (dict,)
_WORDS: dict[_Kinds, str] = {
    _TEXT: "text in quotes",
    _NUMBER: "a number of US dollars",
    _WHOLE: "a whole number",
    _TRUTH: "true or false, without quotes",
    _TABLE: 'a table such as {amount = {max = 100}, to = "*@example.com"}',
}
_Keys = dict[str, _Kinds]
RULE: _Keys = {"then": _TEXT, "tool": _TEXT, "risk": _TEXT, "agent": _TEXT, "host": _TEXT, "where": _TABLE,
               "usd_over": _NUMBER}  # fmt: skip
CAPABILITY: _Keys = {"agent": _TEXT, "tool": _TEXT, "id": _TEXT, "where": _TABLE, "calls": _WHOLE, "per": _TEXT,
                     "usd": _NUMBER, "until": _TEXT, "delegate": _TRUTH}  # fmt: skip
MANDATE: _Keys = {"payee": _TEXT, "usd": _NUMBER, "per": _TEXT, "tool": _TEXT, "agent": _TEXT, "until": _TEXT,
                  "name": _TEXT}  # fmt: skip

_CURRENCY = re.compile(
    r"(?:^|_)(?:eur|euros?|gbp|pounds?|chf|francs?|jpy|yen|cny|rmb|inr|cad|aud|btc|eth)(?:_|$)|[€£¥₹₿]"
)
DOLLARS_ONLY = "US dollars only: firm counts no other currency, and converts none"


def foreign_currency(key: str) -> bool:
    """Whether a key, or an amount that was written as text, speaks of another currency than the US dollar."""
    return _CURRENCY.search(re.sub(r"[\s\d.,]+", "_", key.lower())) is not None


def rules_of(tables: Sequence[Mapping[str, Any]]) -> tuple[Rule, ...]:
    """`[[rules]]`, numbered from 1.

    Raises:
        BadRule: what cannot be meant, or contradicts another rule.
    """
    rules = []
    for count, table in enumerate(tables):
        place: Place = ("rules", count)
        _check(table, place, RULE)
        if "then" not in table:
            raise BadRule(
                place, f'{_shown(place)} says not what is to happen; add then = "allow", "ask" or "deny"'
            )
        if not set(table) - {"then"}:
            raise BadRule(
                place, f'{_shown(place)} speaks of everything; say of what, with tool = "*" if it is meant'
            )
        rule = Rule(**dict(table), number=count + 1)
        rules.append(rule)
    check_rules(rules)
    for count, rule in enumerate(rules):
        _made(Ready, rule, ("rules", count))
    return tuple(rules)


def capabilities_of(tables: Sequence[Mapping[str, Any]]) -> dict[str, tuple[Capability, ...]]:
    """`[[capabilities]]`, by the agent that has them.

    Raises:
        BadRule: what cannot be meant, or two with one id.
    """
    found: dict[str, tuple[Capability, ...]] = {}
    ids: dict[str, int] = {}
    for count, table in enumerate(tables):
        place: Place = ("capabilities", count)
        _check({key: value for key, value in table.items() if key != "to"}, place, CAPABILITY, also=("to",))
        fields = dict(table)
        for key in ("agent", "tool"):
            if not fields.get(key):
                raise BadRule(place, f'{_shown(place)} names no {key}; add {key} = "…"')
        agent = fields.pop("agent")
        if not fields.get("id"):
            fields["id"] = _own_id(agent, fields)
        capability = Capability(**fields | {"to": _destinations(table.get("to", []), (*place, "to"))})
        _made(Permit, capability, place)
        if (first := ids.setdefault(capability.id, count)) != count:
            raise BadRule(
                (*place, "id"), f"{_shown(place)} has the id {capability.id!r} of [[capabilities]] {first + 1}; "
                "give each its own, since they would count together"
            )  # fmt: skip
        found[agent] = (*found.get(agent, ()), capability)
    return found


def mandates_of(tables: Sequence[Mapping[str, Any]]) -> tuple[Mandate, ...]:
    """`[[mandates]]`.

    Raises:
        BadRule: what cannot be meant, or two with one name.
    """
    mandates = []
    names: dict[str, int] = {}
    for count, table in enumerate(tables):
        place: Place = ("mandates", count)
        _check(table, place, MANDATE)
        for key in ("payee", "usd"):
            if key not in table:
                raise BadRule(place, f"{_shown(place)} names no {key}; add {key} = …")
        mandate = Mandate(**dict(table))
        _made(Cover, mandate, place)
        if (first := names.setdefault(mandate_name(mandate), count)) != count:
            raise BadRule(
                place, f"{_shown(place)} has the name {mandate_name(mandate)!r} of [[mandates]] {first + 1}; "
                'give each its own name = "…", since they would count together'
            )  # fmt: skip
        mandates.append(mandate)
    return tuple(mandates)


def _check(table: Mapping[str, Any], place: Place, keys: _Keys, also: tuple[str, ...] = ()) -> None:
    for key, value in table.items():
        here = (*place, key)
        if key not in keys:
            hint = DOLLARS_ONLY if foreign_currency(key) else nearest(key, (*keys, *also))
            raise BadRule(here, f"unknown key {key!r} in {_shown(place)}; {hint}")
        kinds = keys[key]
        if type(value) in kinds:
            continue
        if kinds is _NUMBER and isinstance(value, str) and foreign_currency(value):
            raise BadRule(here, f"{_shown(place)} {key} is {value!r:.80}; {DOLLARS_ONLY}")
        wanted = _WORDS[kinds]
        if isinstance(value, (datetime, date, time)):
            wanted = 'a time in quotes, with its zone, such as "2027-01-31T18:00:00Z"'
        raise BadRule(here, f"{_shown(place)} {key} is {value!r:.80}; give {wanted}")


def _made(ready: type[Ready] | type[Permit] | type[Cover], given: Any, place: Place) -> None:
    """Make it ready once, to see whether it can be."""
    try:
        ready(given)
    except BadRule:
        raise
    except UsageError as error:
        raise BadRule(place, f"{_shown(place)}: {error}") from None


def _destinations(value: Any, place: Place) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    if type(value) is list and all(type(one) is str for one in value):
        return tuple(value)
    raise BadRule(place, f"{_shown(place[:2])} to is {value!r:.80}; give text in quotes, or a list of it")


def _own_id(agent: str, fields: Mapping[str, Any]) -> str:
    from firm.ids import digest

    return f"{agent}-{digest(msgspec.json.encode(dict(fields), order='deterministic'))[:8]}"


def _shown(place: Place) -> str:
    return f"[[{place[0]}]] {int(place[1]) + 1}"


__all__ = ["CAPABILITY", "DOLLARS_ONLY", "MANDATE", "RULE", "BadRule", "capabilities_of", "foreign_currency",
           "mandates_of", "rules_of"]  # fmt: skip
