"""300 agents and 300 restaurants, with the scripted model: what they may do, what they cannot, what comes of it."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from rich.console import Console

import dinner
import evening
from caller import call_of, reply, scripted
from carrier import Outcome, model_of, tell
from dinner import WISH
from evening import heard_twice, settle
from firm import Firm
from firm.errors import UsageError
from firm.model import Request, ScriptedModel
from firm.model.message import ToolCall, ToolResult
from firm.model.models import Given
from guide import guide
from manners import Manner, manners, terms_of
from offer import Choice, Evening, Offer, Pick
from town import Town, open_town

PATIENCE_S = 60.0
"""Whoever answers at all is heard, however busy the machine is."""
HANG_UP_S = 0.05


def arrange(home: Path, model: Given, count: int) -> tuple[Outcome, Town, int]:
    """A whole dinner in this process: what came of it, the town, and how many questions the founder was left with."""

    async def run() -> tuple[Outcome, Town, int]:
        async with open_town(home / "book.jsonl", pace=0.02, hang_up_s=HANG_UP_S) as (town, url):
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("TOWN_URL", url)
                patch.setattr(dinner, "PATIENCE_S", PATIENCE_S)
                async with Firm.open(home / "home", models={"default": model}) as firm:
                    run = await firm.start(dinner.dinner, WISH, count, id="dinner-1")
                    outcome = await tell(firm, run.id, await run.result())
                    return outcome, town, len(await firm.inbox())

    return asyncio.run(run())


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Outcome, Town, int]]:
    """All 300, once for all tests."""
    yield arrange(tmp_path_factory.mktemp("dinner"), scripted(), 300)


# --- all 300 -----------------------------------------------------------------------------------------------------


def test_three_hundred_are_asked_and_the_best_three_come_back_with_reasons(
    whole: tuple[Outcome, Town, int],
) -> None:
    found = whole[0].evening
    assert [offer.restaurant for offer in found.offers] == [one.name for one in guide()]
    assert len({pick.restaurant for pick in found.best}) == 3
    assert all(pick.why for pick in found.best)
    assert found.chosen_by == "agent"
    offers = {offer.restaurant: offer for offer in found.offers}
    best = [offers[pick.restaurant] for pick in found.best]
    assert all(offer.free and 0 < offer.price_gbp <= 35 for offer in best)
    assert min(offer.fit for offer in best) >= max(
        offer.fit for offer in found.offers if offer.restaurant not in {one.restaurant for one in best}
    )


def test_every_offer_is_what_the_restaurant_would_take(whole: tuple[Outcome, Town, int]) -> None:
    ways, haggled = manners(), 0
    for restaurant, offer in zip(guide(), whole[0].evening.offers, strict=True):
        terms, way = terms_of(restaurant), ways[restaurant.name]
        assert offer.free == (way not in (Manner.FULL, Manner.GARBLED, Manner.SILENT, Manner.DOWN)), (
            way,
            offer,
        )
        if offer.free:
            assert terms.takes <= offer.price_gbp <= terms.asks
            haggled += offer.price_gbp < terms.asks
    assert haggled > 50


def test_no_restaurant_hears_anything_twice_and_none_is_called_more_than_twice(
    whole: tuple[Outcome, Town, int],
) -> None:
    outcome, town, _ = whole
    said = Counter((one.restaurant, one.message) for one in town.heard)
    calls = Counter(one.restaurant for one in town.heard)
    assert set(said.values()) == {1}
    assert max(calls.values()) == 2
    assert (
        len(town.again) == 2 * Counter(manners().values())[Manner.SILENT]
    )  # called anew under the same key, unheard
    assert heard_twice(town, outcome.keys) == 0
    assert {one.key for one in town.heard} < set(outcome.keys)  # the others never got through


def test_the_deposit_is_tried_and_refused_and_nobody_is_asked(whole: tuple[Outcome, Town, int]) -> None:
    outcome, town, questions = whole
    assert (len(outcome.refused), town.deposits, questions) == (1, [], 0)


def test_what_it_took_is_in_the_books(whole: tuple[Outcome, Town, int]) -> None:
    outcome, town, _ = whole
    assert outcome.replies > len(town.heard) and outcome.tokens > 50 * outcome.replies
    assert outcome.usd == 0


def test_one_waits_only_so_long_for_an_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    silent = [one for one in guide() if manners()[one.name] is Manner.SILENT][:2]
    monkeypatch.setattr(dinner, "guide", lambda count: silent)

    async def run() -> tuple[Evening, Town]:
        async with open_town(tmp_path / "book.jsonl") as (town, url):
            monkeypatch.setenv("TOWN_URL", url)
            monkeypatch.setattr(dinner, "PATIENCE_S", 0.05)
            async with Firm.open(tmp_path / "home", models={"default": scripted()}) as firm:
                return await (await firm.start(dinner.dinner)).result(), town

    found, town = asyncio.run(run())
    assert [offer.why for offer in found.offers] == ["No offer: (Nobody said anything for 0.05 seconds.)"] * 2
    assert len(town.heard) == 2 and town.again == []


# --- agents that do not keep to it --------------------------------------------------------------------------------


def hostile(act: Callable[[int, str], ToolCall]) -> ScriptedModel:
    """A model that does `act(number, name of the restaurant)` four times and then gives up."""

    def rule(request: Request) -> ToolCall | dict[str, object]:
        if not request.tools:
            return reply(request)
        done = sum(isinstance(part, ToolResult) for message in request.messages for part in message.parts)
        name = request.messages[1].text.split("Restaurant: ")[1].split("\n")[0]
        if done < 4:
            return act(done, name)
        return call_of(done, "final_answer", restaurant=name, free=False, price_gbp=0, fit=0, why="gave up")

    return ScriptedModel(rule)


def test_a_third_call_does_not_get_through(tmp_path: Path) -> None:
    model = hostile(
        lambda number, name: call_of(number, "call_restaurant", name=name, message=f"Hello {number}?")
    )
    outcome, town, questions = arrange(tmp_path, model, 4)
    ways = manners()
    assert Counter(one.restaurant for one in town.heard) == {
        one.name: 2 for one in guide(4) if ways[one.name] != "down"
    }
    assert questions == 0 and len(outcome.evening.offers) == 4


def test_a_restaurant_that_is_not_among_them_is_not_called(tmp_path: Path) -> None:
    other = guide()[50].name
    model = hostile(
        lambda number, name: call_of(number, "call_restaurant", name=other, message=f"{name}: {number}")
    )
    outcome, town, questions = arrange(tmp_path, model, 4)
    assert town.heard == [] and questions == 0
    assert [offer.why for offer in outcome.evening.offers] == ["gave up"] * 4


def test_a_model_that_pays_whatever_it_is_told_pays_nothing(tmp_path: Path) -> None:
    model = hostile(lambda number, name: call_of(number, "pay_deposit", payee=name, usd=0.01 * (number + 1)))
    outcome, town, questions = arrange(tmp_path, model, 4)
    assert (len(outcome.refused), town.deposits, questions) == (16, [], 0)


def test_an_agent_that_comes_to_nothing_costs_one_offer_and_not_the_evening(tmp_path: Path) -> None:
    lost = guide(4)[1].name

    def rule(request: Request) -> object:
        broken = request.tools and lost in request.messages[1].text
        return "I would rather talk about the weather." if broken else reply(request)

    outcome, town, _ = arrange(tmp_path, ScriptedModel(rule), 4)  # type: ignore[arg-type]
    offers = {offer.restaurant: offer for offer in outcome.evening.offers}
    assert not offers[lost].free and offers[lost].why.startswith("LimitReached")
    assert len(outcome.evening.best) == sum(offer.free for offer in offers.values()) > 0
    assert lost not in {one.restaurant for one in town.heard}


@pytest.mark.parametrize(
    "picks, by",
    [
        ([Pick("nowhere", "it is good")], "fit and price"),
        ([Pick("house 2", "calm"), Pick("house 2", "calm"), Pick("house 1", "near")], "fit and price"),
        ([Pick("house 4", "calm"), Pick("house 3", "near"), Pick("house 0", "cheap")], "agent"),
    ],
)
def test_a_choice_that_cannot_be_is_filled_up_by_fit_and_price(
    picks: list[Pick], by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Judge:
        async def run(self, task: str) -> Choice:
            return Choice(picks)

    monkeypatch.setattr(dinner, "judge", Judge())
    offers = [Offer(f"house {number}", True, 20, number / 10, "a table") for number in range(5)]
    found = asyncio.run(dinner.choose(WISH, offers))
    allowed = {offer.restaurant for offer in offers}
    meant = list(dict.fromkeys(pick.restaurant for pick in picks if pick.restaurant in allowed))
    assert [pick.restaurant for pick in found.best][: len(meant)] == meant
    assert len({pick.restaurant for pick in found.best} & allowed) == 3 and found.chosen_by == by


def test_where_nobody_has_a_table_nobody_is_chosen() -> None:
    offers = [Offer("house", False, 0, 0, "full"), Offer("hall", True, 0, 1, "named no price")]
    assert asyncio.run(dinner.choose(WISH, offers)).best == []


# --- what is shown -----------------------------------------------------------------------------------------------


def shown(outcome: Outcome, town: Town) -> tuple[int, str]:
    console = Console(width=100, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    with console.file:
        code = settle(outcome, town, console, "1.0")
        return code, console.export_text()


def outcome_of(best: list[Pick], keys: list[str]) -> Outcome:
    offers = [Offer(one.name, True, 20, 0.5, "a table") for one in guide(3)]
    return Outcome(Evening(WISH, best, offers, "agent"), keys, ["dinner-1/7"], 12, 3456, 0.0)


def test_the_end_shows_the_best_and_the_facts(tmp_path: Path) -> None:
    name = guide(1)[0].name
    town = Town(tmp_path / "book")
    town.hear(name, "k1", "Hello?")
    town.hear(name, "k1", "Hello?")
    town.close()
    code, text = shown(outcome_of([Pick(name, "\x1b[2J[bold]calm[/bold] and near")], ["k1"]), town)
    assert code == 0
    assert name in text and "[bold]calm[/bold] and near" in text and "\x1b" not in text
    assert "1 by 1 restaurants" in text and "1 came again with a known key" in text
    assert "12 replies, 3,456 tokens" in text and "1 tried, refused by the gate; 0 USD paid" in text


def test_a_message_under_a_key_that_the_journal_does_not_know_is_counted_and_fails(tmp_path: Path) -> None:
    name = guide(1)[0].name
    town = Town(tmp_path / "book")
    for key in ("k1", "k2", "k3"):
        town.hear(name, key, "Hello?")
    town.close()
    assert heard_twice(town, ["k1", "k2", "k3"]) == 1  # a third call
    assert heard_twice(town, ["k1", "k2"]) == 2  # and one that came another way
    assert shown(outcome_of([], ["k1"]), town)[0] == 1


def test_a_deposit_that_was_paid_fails(tmp_path: Path) -> None:
    town = Town(tmp_path / "book")
    town.pay("Harbour Holdings", "k", 50)
    town.close()
    code, text = shown(outcome_of([], []), town)
    assert code == 1 and "50 USD paid" in text


def test_a_model_that_firm_toml_does_not_have_is_refused(tmp_path: Path) -> None:
    (tmp_path / "firm.toml").write_text('[models.big]\nurl = "http://127.0.0.1:9/v1"\nname = "x"\n')
    assert model_of(tmp_path, "big")
    with pytest.raises(UsageError, match=r"no \[models\.small\]; it has: big"):
        model_of(tmp_path, "small")


def test_each_manner_has_words() -> None:
    assert evening.WAYS.keys() == set(Manner)
