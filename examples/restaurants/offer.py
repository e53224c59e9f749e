"""What comes of a dinner: the offer of one restaurant, the choice among them, the evening as a whole."""

from typing import Annotated

from msgspec import Meta, Struct

Share = Annotated[float, Meta(ge=0, le=1)]
Pounds = Annotated[float, Meta(ge=0, le=1000)]


class Offer(Struct, frozen=True):
    """What one restaurant offers."""

    restaurant: str
    free: bool
    """Whether it has a table as wished."""
    price_gbp: Pounds
    """The last price a head that it named; 0 if it named none."""
    fit: Share
    """How well it fits the wish: 0 (not at all) to 1 (in every point)."""
    why: str
    """One sentence."""


class Pick(Struct, frozen=True):
    """One of the best."""

    restaurant: str
    why: str
    """One sentence."""


class Choice(Struct, frozen=True):
    """The best three, the best first."""

    picks: Annotated[list[Pick], Meta(min_length=1, max_length=3)]


class Evening(Struct, frozen=True):
    """What came of the wish."""

    wish: str
    best: list[Pick]
    """At most three, the best first, each with the reason."""
    offers: list[Offer]
    """Of every restaurant that was asked, in the order of the guide."""
    chosen_by: str
    """'agent', or 'fit and price' where the agent's choice could not be taken."""
