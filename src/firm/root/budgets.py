"""`[budget]` and `[limits]` of firm.toml: what may be spent, by whom, in which period.

One rule: where nothing is said of the day the firm may spend `DEFAULT_USD_PER_DAY`; there is no "unlimited" by
default.
"""

import math
import re
from typing import Any, Literal

import msgspec

from firm.root.setting import Problem
from firm.units.amount import MAX_USD, usd_micro_of
from firm.units.budget import MAX_COUNT
from firm.units.purse import Limit, Purse

DEFAULT_USD_PER_DAY = 20.0
BREAKER_SHARE = 0.5
"""Of the day's money, what may be spent within a minute before the firm is stopped and asks, where nobody says."""
MEASURES = {"usd": "usd_micro", "tokens": "tokens", "gpu_s": "gpu_ms", "calls": "calls"}
PERIODS = ("hour", "day", "week", "month")
LIMIT = re.compile(rf"({'|'.join(MEASURES)})(?:_per_({'|'.join(PERIODS)}))?")
KINDS = ("agents", "units", "goals")
OWN_KEYS = ("usd_per_minute", "lost_after_s", "lost")


class Budgets(msgspec.Struct, frozen=True):
    """Section `[budget]`."""

    firm: Purse = Purse("firm", (Limit("usd_micro", usd_micro_of(DEFAULT_USD_PER_DAY, "default"), "day"),))
    """What the firm as a whole may spend; the sections agents, units and goals limit parts of it."""
    purses: dict[str, Purse] = {}
    """Purse by its id."""
    usd_per_minute: float = DEFAULT_USD_PER_DAY * BREAKER_SHARE
    """Spent faster than this, the firm stops and asks; half of usd_per_day where nothing is said."""
    lost_after_s: float = 900.0
    """How long the money of a call that was lost in a crash stays reserved; seconds, at least 0."""
    lost: Literal["spent", "free"] = "spent"
    """What becomes of it then: 'spent' or 'free'."""


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Section `[limits]`."""

    same_call: int = 30
    """So often the same call may come to the same result, one after the other, before the run asks; 0: for ever."""
    questions_per_hour: int = 20
    """Approvals that one agent may ask for in an hour; 0: none."""
    wakes: int = 1_000
    """So often a run may wake itself with nothing new, before it is held; 0: for ever."""
    exchanges: int = 1_000
    """So often a run may answer another one with nothing from outside, before it is held; 0: for ever."""
    helpers: int = 1_000
    """Runs that one agent and its helpers may begin, before more are held; 0: without end."""
    helper_depth: int = 10
    """Agents that may call each other in a chain, before the next is held; 0: as deep as charters go."""
    storm_s: float = 300.0
    """So long a model may refuse everything (429) before what asks it is held; seconds, 0: never."""


def budgets_of(table: dict[str, Any]) -> Budgets:
    """What section `[budget]` says.

    Raises:
        Problem: with the place of what cannot be.
    """
    place = ("budget",)
    own = {key: value for key, value in table.items() if key not in KINDS}
    limits = _limits(own, place, also=OWN_KEYS)
    if not any((limit.measure, limit.per) == ("usd_micro", "day") for limit in limits):
        limits = (*limits, Budgets().firm.limits[0])
    per_day = next(limit.most for limit in limits if (limit.measure, limit.per) == ("usd_micro", "day")) / 1e6
    purses = {}
    for kind in KINDS:
        group = table.get(kind, {})
        if not isinstance(group, dict) or not all(isinstance(one, dict) for one in group.values()):
            raise Problem((*place, kind), f"[budget] {kind}: write a section for each, [budget.{kind}.NAME]")
        for name, limited in group.items():
            id = f"{kind[:-1]}/{name}"
            purses[id] = Purse(id, _limits(limited, (*place, kind, name)))
    per_minute = own.get("usd_per_minute", per_day * BREAKER_SHARE)
    _check_money(per_minute, (*place, "usd_per_minute"))
    lost_after_s, lost = own.get("lost_after_s", Budgets().lost_after_s), own.get("lost", "spent")
    if type(lost_after_s) not in (int, float) or not 0 <= lost_after_s <= MAX_COUNT:
        raise Problem(
            (*place, "lost_after_s"), f"[budget] lost_after_s is {lost_after_s!r}; give seconds, at least 0"
        )
    if lost not in ("spent", "free"):
        raise Problem((*place, "lost"), f'[budget] lost is {lost!r}; give "spent" or "free"')
    return Budgets(Purse("firm", limits), purses, float(per_minute), float(lost_after_s), lost)


def _limits(table: dict[str, Any], place: tuple[str, ...], also: tuple[str, ...] = ()) -> tuple[Limit, ...]:
    found = []
    for key, value in table.items():
        if key in also:
            continue
        fits = LIMIT.fullmatch(key)
        if fits is None:
            raise Problem((*place, key), _unknown(key, place))
        measure, per = fits.groups()
        if measure == "usd":
            _check_money(value, (*place, key))
            most = usd_micro_of(value, key)
        else:
            whole = measure != "gpu_s"
            if type(value) not in ((int,) if whole else (int, float)) or not 0 <= value <= MAX_COUNT:
                kind = "a whole number" if whole else "seconds"
                raise Problem(
                    (*place, key), f"[{'.'.join(place)}] {key} is {value!r}; give {kind}, at least 0"
                )
            most = int(value) if whole else math.floor(value * 1000)
        found.append(Limit(MEASURES[measure], most, per or ""))  # type: ignore[arg-type]
    return tuple(found)


def _unknown(key: str, place: tuple[str, ...]) -> str:
    import difflib

    shown = f"'[{'.'.join(place)}] {key}'"
    from firm.policy.load import DOLLARS_ONLY, foreign_currency

    if foreign_currency(key):
        return f"unknown key {shown}; {DOLLARS_ONLY}: write usd, usd_per_hour, usd_per_day …"
    known = [f"{measure}{per}" for measure in MEASURES for per in ("", *(f"_per_{one}" for one in PERIODS))]
    near = difflib.get_close_matches(key, [*known, *OWN_KEYS], n=1)
    return f"unknown key {shown}; " + (
        f"did you mean {near[0]!r}?"
        if near
        else "known here: usd, tokens, gpu_s, calls, each alone or with "
        "_per_hour, _per_day, _per_week, _per_month"
    )


def _check_money(value: Any, place: tuple[str, ...]) -> None:
    if type(value) not in (int, float) or not math.isfinite(value) or not 0 <= value <= MAX_USD:
        raise Problem(
            place, f"[{'.'.join(place[:-1])}] {place[-1]} is {value!r}; give US dollars, 0 to {MAX_USD:,.0f}"
        )
