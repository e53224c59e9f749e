"""What customers can order: `products/NAME.toml`, read and checked.

One rule: a field says by itself how it is found in a text, what it may be and how it is asked for; no code knows a
product by name.
"""

import re
import tomllib
from pathlib import Path
from typing import Any, Literal

import msgspec

from firm.errors import UsageError
from firm.org.roster.lines import Place, line_of
from firm.org.roster.mistake import meant, mistake, read_text

FOLDER = "products"
MAX_PRODUCTS = 200
_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_KEY = re.compile(r"[a-z][a-z0-9_]*")

Value = float | str | bool
"""Of a field."""


class Field(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """One thing that an order has to say."""

    name: str
    """Lower case, with `_`."""
    kind: Literal["number", "text", "choice", "flag"] = "text"
    says: str = ""
    """What it is, for whoever reads the order."""
    says_zh: str = ""
    words: tuple[str, ...] = ()
    """By which it is found in a text, English and Chinese; its name is one of them."""
    unit: str = ""
    units: dict[str, float] = {}
    """Further units by which it is told: word -> factor to `unit`."""
    whole: bool = False
    """Of a number: a whole one."""
    least: float | None = None
    most: float | None = None
    choices: dict[str, tuple[str, ...]] = {}
    """Of a choice: what it may be -> the words for it; a list without words will do too."""
    default: Value | None = None
    required: bool = True
    """Without a default it is asked for; else it may stay open."""
    ask: str = ""
    ask_zh: str = ""

    def question(self, language: str) -> str:
        """How it is asked for."""
        if language == "zh":
            return self.ask_zh or self.ask or f"{self.says_zh or self.says or self.name}？"
        return self.ask or f"{self.says or self.name.replace('_', ' ')}?"

    @property
    def all_words(self) -> tuple[str, ...]:
        """By which it is found, the longest first."""
        found = {self.name, self.name.replace("_", " "), *self.words}
        return tuple(sorted(found, key=lambda word: (-len(word), word)))


class Estimate(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """What an order takes, as long as too few were carried out to know."""

    cpu_s: float = 0.0
    """Of the firm's own processors."""
    usd: float = 0.0
    """For models."""
    tokens: int = 0


class Product(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """Something that customers can order."""

    name: str = ""
    """Kebab case; '': that of its file."""
    says: str
    """What it is, in a sentence."""
    says_zh: str = ""
    words: tuple[str, ...] = ()
    """By which it is found in an order, English and Chinese."""
    workflow: str = "main"
    """Which file of `workflows/` makes it."""
    languages: tuple[Literal["en", "zh"], ...] = ("en", "zh")
    fields: tuple[Field, ...] = ()
    estimate: Estimate = Estimate()
    floor_usd: float = 0.0
    """Least price."""
    assumptions: tuple[str, ...] = ()
    """On which the price rests, a line each."""
    assumptions_zh: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    """Tools that reach others, cost or bind, which its orders may call; each call is put to the founder."""

    def told(self, language: str) -> str:
        """What it is."""
        return self.says_zh or self.says if language == "zh" else self.says

    def assumed(self, language: str) -> tuple[str, ...]:
        """On what the price rests."""
        return self.assumptions_zh or self.assumptions if language == "zh" else self.assumptions

    def field(self, name: str) -> Field | None:
        """Its field of this name."""
        return next((one for one in self.fields if one.name == name), None)


def read_products(folder: Path) -> tuple[Product, ...]:
    """All products of a firm, by name; none where there is no folder `products/`.

    Args:
        folder: The firm's.

    Raises:
        UsageError: a file that is wrong, with its line and what to write instead.
    """
    paths = sorted((folder / FOLDER).glob("*.toml"))
    if len(paths) > MAX_PRODUCTS:
        raise UsageError(f"{folder / FOLDER}: {len(paths)} products; at most {MAX_PRODUCTS}: take some out")
    return tuple([read_product(path) for path in paths])


def read_product(path: Path) -> Product:
    """The product of one file.

    Raises:
        UsageError: it is wrong, with its line and what to write instead.
    """
    words = read_text(path)
    try:
        table = tomllib.loads(words)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"line (\d+)", str(error))
        raise mistake(path, int(found[1]) if found else 1, f"no TOML: {error}") from None
    table.setdefault("name", path.stem)
    for one in table.get("fields", ()) if isinstance(table.get("fields"), list) else ():
        if isinstance(one, dict) and isinstance(one.get("choices"), list):
            one["choices"] = {str(choice): () for choice in one["choices"]}
    try:
        product = msgspec.convert(table, Product)
    except msgspec.ValidationError as error:
        raise _mistaken(path, words, str(error)) from None
    if product.name != path.stem or not _NAME.fullmatch(product.name):
        says = (
            f"its name {product.name!r} must be that of its file, in kebab case: name = {path.stem.lower()!r}"
        )
        raise mistake(path, line_of(words, ("name",)), says)
    _check(product, path, words)
    return product


def _mistaken(path: Path, words: str, told: str) -> UsageError:
    """The error of the decoder, with line and remedy."""
    found = re.search(r" - at `\$?(.*)`$", told)
    parts = re.findall(r"\[(\d+)\]|\.([\w-]+)", found[1]) if found else []
    place: Place = tuple([int(number) if number else key for number, key in parts])
    says = told[: found.start()] if found else told
    where: Place = place
    if unknown := re.search(r"unknown field `(.+?)`", told):
        known = Field if place[:1] == ("fields",) else Estimate if place[:1] == ("estimate",) else Product
        says = f"it has no key {unknown[1]!r}; {meant(unknown[1], known.__struct_fields__)}"
        where = (*place, unknown[1])
    elif missing := re.search(r"missing required field `(.+?)`", told):
        says = f"{missing[1]!r} is missing; add {missing[1]} = …"
    elif place:
        says = f"{'.'.join(map(str, place))}: {says}"
    return mistake(path, line_of(words, where), says)


def _check(product: Product, path: Path, words: str) -> None:
    if not product.says.strip():
        raise mistake(path, line_of(words, ("says",)), "it does not say what it is; write says = …")
    if (
        product.floor_usd < 0
        or min(product.estimate.cpu_s, product.estimate.usd, product.estimate.tokens) < 0
    ):
        raise mistake(path, line_of(words, ("estimate",)), "a price or an estimate below 0; give 0 or more")
    seen: set[str] = set()
    for count, field in enumerate(product.fields):
        place: Place = ("fields", count)
        if says := _fault(field, seen):
            raise mistake(path, line_of(words, (*place, "name")), f"field {field.name!r}: {says}")
        seen.add(field.name)


def _fault(field: Field, seen: set[str]) -> str:
    """What is wrong with a field; '': nothing."""
    if not _KEY.fullmatch(field.name):
        return "its name must be lower case letters, digits and _, such as 'chord_mm'"
    if field.name in seen:
        return "there is another of this name; give each its own"
    if field.kind == "choice" and len(field.choices) < 2:
        return "a choice needs at least two: choices = ['a', 'b']"
    if field.kind != "number" and (field.least is not None or field.most is not None or field.unit):
        return f"least, most and unit are for numbers, and it is of kind {field.kind!r}; set kind = 'number'"
    if field.least is not None and field.most is not None and field.least > field.most:
        return f"its least {field.least:g} is above its most {field.most:g}; turn them round"
    if field.default is not None and (why := wrong(field, field.default)):
        return f"its default: {why}"
    return ""


def wrong(field: Field, value: Any) -> str:
    """What is wrong with a value of a field; '': nothing."""
    if field.kind == "flag":
        return "" if isinstance(value, bool) else f"{value!r:.80} is neither true nor false"
    if field.kind == "choice":
        return "" if value in field.choices else f"{value!r:.80} is none of {', '.join(field.choices)}"
    if field.kind == "text":
        return "" if isinstance(value, str) and value.strip() else f"{value!r:.80} is no text"
    if isinstance(value, bool) or not isinstance(value, int | float) or not -1e300 < value < 1e300:
        return f"{value!r:.80} is no number"
    if field.whole and value != int(value):
        return f"{value:g} is no whole number"
    least, most = field.least, field.most
    if (least is not None and value < least) or (most is not None and value > most):
        return f"{value:g} {field.unit}".strip() + f" is not within {range_of(field)}"
    return ""


def range_of(field: Field) -> str:
    """What a number may be, in words."""
    unit = f" {field.unit}" if field.unit else ""
    if field.least is not None and field.most is not None:
        return f"{field.least:g} to {field.most:g}{unit}"
    if field.least is not None:
        return f"{field.least:g}{unit} or more"
    return f"{field.most:g}{unit} or less" if field.most is not None else "any number"
