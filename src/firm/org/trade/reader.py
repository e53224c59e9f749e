"""The plain reader: finds the fields of a product in free text by their names, units and words, without a model.

One rule: it takes what stands right beside the word of a field, and where that is two different things it says so.
"""

import re
from dataclasses import dataclass
from dataclasses import field as made_of

from firm.org.trade.number import Number, even, numbers
from firm.org.trade.product import Field, Product, Value
from firm.org.trade.spec import choices_in, flag_in, meanings, places

NEAR_AFTER = 30
"""Characters behind a word within which its number stands."""
NEAR_BEFORE = 24
_BREAK = re.compile(r"[;。；\n!?！？]|\.(?=\s|$)|,(?!\d)|(?<!\d),|、")
_BUDGET = (
    "budget",
    "at most",
    "no more than",
    "up to",
    "maximum price",
    "预算",
    "最多",
    "不超过",
    "价格上限",
)
_MONEY = ("usd", "dollar", "dollars", "$", "us", "美元", "美金", "块", "元")


@dataclass(frozen=True, slots=True)
class Plain:
    """What was found."""

    values: dict[str, Value] = made_of(default_factory=dict)
    clashes: dict[str, tuple[str, ...]] = made_of(default_factory=dict)
    """Name of a field -> different things that are said of it."""


def read_plain(product: Product, text: str, *, asked: tuple[str, ...] = ()) -> Plain:
    """The values of a product's fields as they stand in a text.

    Args:
        product: What is ordered.
        text: As the customer wrote it.
        asked: Names of fields that the text answers; (): it is the order itself.
    """
    even_text = even(text)
    fields = [one for one in product.fields if not asked or one.name in asked]
    found = Plain()
    here = numbers(even_text)
    for one in fields:
        values = _values(
            one, even_text, here, text, others=[other for other in product.fields if other is not one]
        )
        if not values and len(asked) == 1:
            values = _alone(one, even_text, here, text)
        if len(values) == 1:
            found.values[one.name] = values[0]
        elif values:
            found.clashes[one.name] = tuple([_shown(value) for value in values])
    return found


def _values(field: Field, text: str, here: list[Number], raw: str, *, others: list[Field]) -> list[Value]:
    """What stands in a text for a field, without repetition."""
    if field.kind == "choice":
        return list(choices_in(field, text))
    if field.kind == "flag":
        flag = flag_in(field, text)
        return [] if flag is None else [flag]
    if field.kind == "text":
        return _texts(field, raw)
    found: list[Value] = []
    theirs = tuple([word for other in others for word in other.all_words if word not in field.all_words])
    for word in field.all_words:
        for start, end in places(word, text):
            one = _beside(field, text, here, (start, end), theirs)
            if one is not None:
                found.append(one)
    if not found and field.unit and not any(field.unit == other.unit for other in others):
        found = [
            one for number in here if number.unit == field.unit.lower() for one in meanings(field, number)[:1]
        ]
    return list(dict.fromkeys(found))


def _beside(
    field: Field, text: str, here: list[Number], place: tuple[int, int], others: tuple[str, ...]
) -> float | None:
    """The number that belongs to a word: the next one behind it in its clause, else the one right before it."""
    start, end = place
    behind = next((one for one in here if end <= one.start <= end + NEAR_AFTER), None)
    before = next((one for one in reversed(here) if one.end <= start <= one.end + NEAR_BEFORE), None)
    for one, between in (
        (behind, text[end : behind.start] if behind else ""),
        (before, text[before.end : start] if before else ""),
    ):
        if one is None or _BREAK.search(between) or any(places(word, between) for word in others):
            continue
        if found := meanings(field, one)[:1]:
            return found[0]
    return None


def _texts(field: Field, raw: str) -> list[Value]:
    """What stands behind `word:` up to the end of its line."""
    found: list[Value] = []
    for word in field.all_words:
        hit = re.search(rf"(?im)(?<!\w){re.escape(word)}\s*[:=：]\s*(\S.{{0,500}})$", raw)
        if hit:
            found.append(hit[1].strip())
            break
    return found


def _alone(field: Field, text: str, here: list[Number], raw: str) -> list[Value]:
    """A text that answers one question, without its word."""
    if field.kind == "number":
        return list(dict.fromkeys([one for number in here for one in meanings(field, number)[:1]]))
    if field.kind == "text" and raw.strip():
        return [raw.strip()[:500]]
    if field.kind == "flag":
        words = set(re.findall(r"[a-z]+|[是否不要好]", text))
        if words & {"yes", "true", "y", "是", "要", "好"} and not words & {"no", "不", "否"}:
            return [True]
        return [False] if words & {"no", "false", "n", "不", "否"} else []
    return []


def _shown(value: Value) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def find_product(products: tuple[Product, ...], text: str) -> Product | None:
    """The product of which the most words stand in a text; None: of none, or of two as many."""
    even_text = even(text)
    scores = []
    for product in products:
        words = {product.name, product.name.replace("-", " "), *product.words}
        scores.append((sum(bool(places(word, even_text)) for word in words), product))
    best = max((score for score, _ in scores), default=0)
    found = [product for score, product in scores if score == best]
    return found[0] if best and len(found) == 1 else None


def budget_in(text: str) -> float | None:
    """What a customer says that he would pay at most, US dollars; None: nothing."""
    even_text = even(text)
    for one in numbers(even_text):
        before = even_text[max(0, one.start - 40) : one.start]
        money = one.unit in _MONEY or before.rstrip().endswith(("$", "usd"))
        if money and any(word in before or word in even_text[one.end : one.end + 20] for word in _BUDGET):
            return one.value
    return None
