"""The specification of an order: what each field is, and who has filled it. Pure.

One rule: a value that does not stand in the customer's own words is never his; it is dropped and asked for.
"""

import math
from collections.abc import Iterable
from typing import Literal

import msgspec

from firm.org.trade.number import Number, even, numbers
from firm.org.trade.product import Field, Product, Value, wrong

By = Literal["model", "program", "default", "customer"]
"""Who has read it out: a model, the plain reader; 'customer': he was asked for it."""


class Entry(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One field of an order, filled in."""

    field: str
    value: Value
    by: By
    unit: str = ""


class Open(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One field that an order leaves open, and the question to the customer."""

    field: str
    question: str
    why: str = ""
    """Where something was said that cannot be taken."""


def is_grounded(field: Field, value: Value, text: str) -> bool:
    """Whether a value stands in a text.

    Args:
        field: What it is.
        value: As somebody has read it out.
        text: As `even` has made it.
    """
    if field.kind == "number":
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        return any(_is_near(one, float(value)) for found in numbers(text) for one in meanings(field, found))
    if field.kind == "choice":
        return value in choices_in(field, text)
    if field.kind == "flag":
        return flag_in(field, text) is value
    wanted = " ".join(even(str(value)).split())
    return bool(wanted) and wanted in " ".join(text.split())


def meanings(field: Field, found: Number) -> list[float]:
    """What a number in a text may mean for a field, in the field's unit."""
    unit = field.unit.lower()
    if found.percent:
        return [found.value] if unit == "%" else [] if unit else [found.value / 100]
    factors = {word.lower(): factor for word, factor in field.units.items()}
    for word in sorted(factors, key=len, reverse=True):
        if word and found.unit.startswith(word) and (found.unit == word or not word.isascii()):
            return [found.value * factors[word]]
    if unit == "%" and 0 < abs(found.value) < 1:
        return [found.value * 100, found.value]
    return [found.value]


def _is_near(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12)


def choices_in(field: Field, text: str) -> list[str]:
    """The choices of which a word stands in a text."""
    found = []
    for choice, words in field.choices.items():
        if any(
            places(word, text)
            for word in (choice, choice.replace("_", " "), choice.replace("-", " "), *words)
        ):
            found.append(choice)
    return found


def flag_in(field: Field, text: str) -> bool | None:
    """Whether a text says yes or no; None: neither."""
    for word in field.all_words:
        for start, end in places(word, text):
            before, after = text[max(0, start - 12) : start], text[end : end + 8].strip(" :=")
            if after.startswith(("no", "false", "否", "不")):
                return False
            negated = any(no in before.split() for no in ("no", "not", "without", "don't"))
            return not (negated or before.rstrip().endswith(("不", "无", "不要", "不需要", "没有")))
    return None


def places(word: str, text: str) -> list[tuple[int, int]]:
    """Where a word stands in a text; a Latin one with no letter beside it."""
    wanted, found, at = even(word).strip(), [], 0
    while wanted and (at := text.find(wanted, at)) >= 0:
        end = at + len(wanted)
        beside = (text[at - 1 : at] if at else "") + text[end : end + 1]
        if not wanted[0].isascii() or not any(
            one.isascii() and (one.isalnum() or one == "_") for one in beside
        ):
            found.append((at, end))
        at = end
    return found


def fill(product: Product, entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """Entries in the order of the product's fields, with the defaults of those that are missing."""
    known = {one.field: one for one in entries}
    found = []
    for field in product.fields:
        if field.name in known:
            found.append(msgspec.structs.replace(known[field.name], unit=field.unit))
        elif field.default is not None:
            found.append(Entry(field=field.name, value=field.default, by="default", unit=field.unit))
    return tuple(found)


def left_open(
    product: Product, entries: Iterable[Entry], why: dict[str, str], language: str
) -> tuple[Open, ...]:
    """What has to be asked: a field without a value, one with two, one with a value that it cannot have."""
    known = {one.field for one in entries}
    found = []
    for field in product.fields:
        told = why.get(field.name, "")
        if told or (field.name not in known and field.required and field.default is None):
            found.append(Open(field=field.name, question=field.question(language), why=told))
    return tuple(found)


def faults(product: Product, entries: Iterable[Entry]) -> dict[str, str]:
    """Name of a field -> what is wrong with its value."""
    found = {}
    for entry in entries:
        field = product.field(entry.field)
        if field is not None and (told := wrong(field, entry.value)):
            found[entry.field] = told
    return found


def spec_text(entries: Iterable[Entry]) -> str:
    """A specification as a person reads it."""
    lines = []
    for one in entries:
        value = f"{one.value:,.10g}" if isinstance(one.value, float) else str(one.value)
        lines.append(f"{one.field}: {value}{' ' + one.unit if one.unit else ''} ({one.by})")
    return "\n".join(lines)
