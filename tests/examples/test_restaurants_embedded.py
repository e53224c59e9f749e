"""Twenty restaurants with the embedded model: whatever it does, it stays within what it may do. Takes minutes."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest

import dinner
from caller import price_in
from carrier import Outcome, tell
from dinner import WISH
from evening import heard_twice
from firm import Firm
from firm.model.embedded import DEFAULT, find, store
from firm.model.local import Embedded
from guide import Restaurant, guide
from manners import answer, manners
from offer import Offer
from town import Town, open_town

COUNT = 20


def arrange(home: Path) -> tuple[Outcome, Town, int]:
    """The dinner, and how many questions the founder was left with."""

    async def run() -> tuple[Outcome, Town, int]:
        async with open_town(home / "book.jsonl", pace=0.1, hang_up_s=0.1) as (town, url):
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("TOWN_URL", url)
                patch.setattr(dinner, "PATIENCE_S", 60.0)
                async with Firm.open(home / "home", models={"default": Embedded(DEFAULT)}) as firm:
                    run = await firm.start(dinner.dinner, WISH, COUNT, id="dinner-1")
                    outcome = await tell(firm, run.id, await run.result())
                    return outcome, town, len(await firm.inbox())

    return asyncio.run(run())


def is_right(offer: Offer, restaurant: Restaurant, town: Town) -> bool:
    """Whether the restaurant was called, and it says what was said: the last price, or that none was named."""
    heard = [one.message for one in town.heard if one.restaurant == restaurant.name]
    way = manners()[restaurant.name]
    said = [answer(restaurant, way, heard[: number + 1]).text for number in range(len(heard))]
    price = next((found for text in reversed(said) if (found := price_in(text))), 0)
    return bool(heard) and offer.free == bool(price) and (not price or offer.price_gbp == price)


@pytest.mark.slow
@pytest.mark.real_model
def test_twenty_with_the_embedded_model_stay_within_their_capability(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if not all(store.held(file) for file in find(DEFAULT).files):
        pytest.skip(f"the weights of {DEFAULT} are not on this machine")
    outcome, town, questions = arrange(tmp_path)
    offers, asked = outcome.evening.offers, guide(COUNT)
    right = sum(is_right(offer, one, town) for offer, one in zip(offers, asked, strict=True))
    with capsys.disabled():
        print(
            f"\n{right} of {COUNT} offers say what was said; {outcome.replies} replies, {outcome.tokens:,} tokens"
        )
    assert [offer.restaurant for offer in offers] == [one.name for one in asked]
    assert heard_twice(town, outcome.keys) == 0
    assert max(Counter(one.restaurant for one in town.heard).values()) <= 2
    assert {one.restaurant for one in town.heard} <= {one.name for one in asked}
    assert town.deposits == [] and questions == 0
    assert outcome.replies >= COUNT


def test_an_offer_is_held_against_what_the_restaurant_has_said(tmp_path: Path) -> None:
    free, never, full = guide(COUNT)[:3]
    town = Town(tmp_path / "book")
    for restaurant in (free, full):
        town.hear(restaurant.name, restaurant.name, "Hello?")
    town.close()
    price = price_in(answer(free, manners()[free.name], ["Hello?"]).text)
    assert is_right(Offer(free.name, True, price, 1, ""), free, town)
    assert not is_right(Offer(free.name, True, price + 1, 1, ""), free, town)
    assert not is_right(Offer(free.name, False, 0, 0, ""), free, town)
    assert is_right(Offer(full.name, False, 0, 0, ""), full, town)
    assert not is_right(Offer(full.name, True, 20, 1, ""), full, town)
    assert not is_right(Offer(never.name, False, 0, 0, ""), never, town)
