"""The restaurants that may be called: 110 real ones, and 190 neighbours that were made up.

One rule: the guide is the same on every machine; nothing in it is drawn anew. `restaurants.json` holds the real ones
with their source and licence. What they answer is invented all the same (`town.py`), and whoever behaves badly there
is always one that does not exist.
"""

import json
import random
from functools import lru_cache
from itertools import product
from pathlib import Path

import msgspec

MOST = 300
SEED = 7
FILE = Path(__file__).with_name("restaurants.json")

_THINGS = (
    "anchor, barge, bellows, chimney, ferry, heron, kingfisher, ladle, lantern, mulberry, "
    "orchard, otter, pepper mill, quince, skillet, sundial, teapot, thimble, walnut, weir"
)
_KINDS = "amber, blue, brass, clay, cobalt, crooked, little, silver, slate, velvet"
_FOODS = "british, chinese, french, indian, italian, lebanese, spanish, thai, turkish, vegetarian"
_AREAS = ("centre", "centre", "east", "north", "south", "west")
_PRICES = ("cheap", "moderate", "moderate", "expensive")


class Restaurant(msgspec.Struct, frozen=True):
    """One entry of the guide."""

    name: str
    area: str
    food: str
    pricerange: str
    """'cheap', 'moderate' or 'expensive'."""
    made_up: bool = False

    @property
    def card(self) -> str:
        """As an agent reads it."""
        return f"Restaurant: {self.name}\nKitchen: {self.food}\nWhere: {self.area}\nPrices: {self.pricerange}"


def guide(count: int = MOST) -> list[Restaurant]:
    """The first `count` restaurants of the guide, 1 to 300; real ones and made up ones are mixed."""
    if not 1 <= count <= MOST:
        raise ValueError(f"guide({count!r}): there are {MOST} restaurants; give 1 to {MOST}")
    return list(_everyone()[:count])


@lru_cache(maxsize=1)
def _everyone() -> tuple[Restaurant, ...]:
    real = [_real(entry) for entry in json.loads(FILE.read_text("utf-8"))["restaurants"]]
    found = [*real, *_neighbours(MOST - len(real), {one.name for one in real})]
    random.Random(SEED).shuffle(found)
    return tuple(found)


def _real(entry: dict[str, str]) -> Restaurant:
    return Restaurant(entry["name"], entry["area"], entry["food"], entry["pricerange"])


def _neighbours(count: int, taken: set[str]) -> list[Restaurant]:
    """Restaurants that do not exist, under names that none of the real ones has."""
    chance, foods = random.Random(SEED), _FOODS.split(", ")
    names = [
        name
        for kind, thing in product(_KINDS.split(", "), _THINGS.split(", "))
        if (name := f"the {kind} {thing}") not in taken
    ]
    return [
        Restaurant(name, chance.choice(_AREAS), chance.choice(foods), chance.choice(_PRICES), made_up=True)
        for name in chance.sample(names, count)
    ]
