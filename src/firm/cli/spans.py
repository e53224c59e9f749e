"""Spans in `firm show`: each under the event that says what came of its attempt.

One rule: names, errors and reasons may come from outside, and numbers from an older version: all is shown as plain
text, and what has an unexpected type is left out.
"""

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from firm.cli.text import add_row, line, span
from firm.trace import attribute

if TYPE_CHECKING:
    from datetime import datetime

    from rich.table import Table

    from firm.root.view import EventView, MomentView, SpanView

_SUBJECTS = (
    *(attribute.REQUEST_MODEL, attribute.TOOL_NAME, attribute.AGENT_NAME),
    *(attribute.WORKFLOW_NAME, attribute.DATA_SOURCE),
)
SCRIPTED = "http://scripted.localhost"
_TOLD = {attribute.HTTP_STATUS, attribute.ERROR_TYPE, attribute.REASON, attribute.WAIT_S} | {
    attribute.REQUEST_MODEL,
    attribute.ENDPOINT,
}


def under_events(
    events: list["EventView"], spans: list["SpanView"]
) -> tuple[dict[int, list["SpanView"]], list["SpanView"]]:
    """Spans by the number (`seq`) of the event that says what came of their attempt, and those without one.

    Without one are the spans of calls that the workflow gave up.
    """
    waiting: defaultdict[tuple[int, int], list[SpanView]] = defaultdict(list)
    for one in spans:
        waiting[one.generation, one.place].append(one)
    found: dict[int, list[SpanView]] = {}
    tried: dict[tuple[int, int], int] = {}
    generation = 0
    for event in events:
        generation += event.kind == "started"
        where = (generation, event.place)
        if event.kind == "attempt":
            tried[where] = upto = event.attempt
        elif event.kind == "asked":
            upto = tried.get(where, 0) + 1
        elif event.kind in ("done", "failed"):
            upto = 1 << 62
        else:
            continue
        here = waiting.get(where, [])
        if mine := [one for one in here if one.attempt <= upto]:
            found[event.seq] = mine
            waiting[where] = [one for one in here if one.attempt > upto]
    return found, [one for rest in waiting.values() for one in rest]


def add_spans(made: "Table", spans: list["SpanView"], start: "datetime") -> None:
    """Rows of the table AT, WHAT, CALL, DETAIL: one for each span and each moment of it."""
    for one in spans:
        at = span((one.at - start).total_seconds())
        add_row(
            made, f"  +{at}", line(f"  {one.operation}", 30), line(_call(one), 80), line(_detail(one), 300)
        )
        for moment in one.moments:
            at = _since(moment.at, start)
            name = moment.name.removeprefix("firm.").replace("_", " ")
            add_row(made, at, f"    {line(name, 28)}", "", line(_moment(moment, one), 300))


def _since(at: "datetime", start: "datetime") -> str:
    seconds = (at - start).total_seconds()
    return f"  {'+' * (seconds >= 0)}{span(seconds)}"


def _call(one: "SpanView") -> str:
    found = one.attributes
    subject = next((found[key] for key in _SUBJECTS if found.get(key)), "")
    answered = found.get(attribute.RESPONSE_MODEL)
    parts = [str(subject)]
    if answered and answered != subject:
        parts.append(f"({answered})")
    where = found.get(attribute.ENDPOINT) or _server(found)
    if where and not str(where).startswith(SCRIPTED):  # a script has no address
        parts.append(f"at {where}")
    return " ".join(parts)


def _server(found: dict[str, Any]) -> str:
    address, port = found.get(attribute.SERVER_ADDRESS), found.get(attribute.SERVER_PORT)
    return f"{address}:{port}" if address and port else str(address or "")


def _detail(one: "SpanView") -> str:
    found = one.attributes
    parts = [one.error] if one.error else []
    read, written = _number(found, attribute.INPUT_TOKENS), _number(found, attribute.OUTPUT_TOKENS)
    if read is not None or written is not None:
        parts.append(f"{read or 0:,.0f} → {written or 0:,.0f} tokens{_kinds(found)}")
    cost = _number(found, attribute.COST_USD)
    if cost is not None:
        parts.append(money(cost))
    parts.append(_ms(one.duration_ms / 1000))
    first_s = _number(found, attribute.TIME_TO_FIRST_TOKEN_S)
    if first_s is None:
        first_s = _number(found, attribute.TIME_TO_FIRST_CHUNK)
    if first_s is not None:
        parts.append(f"first token {_ms(first_s)}")
    if queue_s := _number(found, attribute.QUEUE_S):
        parts.append(f"queued {_ms(queue_s)}")
    return ", ".join(parts)


def _kinds(found: dict[str, Any]) -> str:
    kinds = {
        "cached": attribute.CACHE_READ_TOKENS,
        "put in the cache": attribute.CACHE_WRITE_TOKENS,
        "reasoning": attribute.REASONING_TOKENS,
    }
    parts = [f"{count:,.0f} {name}" for name, key in kinds.items() if (count := _number(found, key))]
    return f" ({', '.join(parts)})" if parts else ""


def _moment(moment: "MomentView", of: "SpanView") -> str:
    found = moment.attributes
    told = [found.get(attribute.HTTP_STATUS), found.get(attribute.ERROR_TYPE), found.get(attribute.REASON)]
    parts = [" ".join(str(one) for one in told if one)]
    if endpoint := found.get(attribute.ENDPOINT):
        parts.append(f"at {endpoint}")
    if (model := found.get(attribute.REQUEST_MODEL)) and model != of.attributes.get(attribute.REQUEST_MODEL):
        parts.append(f"on to {model}")
    if (wait_s := _number(found, attribute.WAIT_S)) is not None:
        parts.append(f"waited {_ms(wait_s)}")
    parts += [f"{key}={value}" for key, value in found.items() if key not in _TOLD and value is not None]
    return ", ".join(part for part in parts if part)


def _number(found: dict[str, Any], key: str) -> float | None:
    value = found.get(key)
    return value if isinstance(value, int | float) and value == value else None


def money(usd: float) -> str:
    """US dollars with as many digits as it needs: '$0.00123', '$12.50'."""
    if 0 < usd < 1e-6:
        return "<$0.000001"
    return f"${usd:,.2f}" if usd >= 1 or not usd else f"${usd:.6f}".rstrip("0")


def _ms(seconds: float) -> str:
    return span(seconds) if seconds >= 0.9995 else f"{seconds * 1000:.3g} ms"
