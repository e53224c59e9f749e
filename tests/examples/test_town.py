"""The town of the restaurants: guide, manners, book and line; and the scripted caller, without an engine."""

import asyncio
import json
from collections import Counter
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import msgspec
import pytest

from caller import price_in, reply
from firm.agent.fetch import fetch
from firm.agent.page import Page
from firm.model import Message, Request
from firm.model.message import ToolCall, ToolResult
from firm.model.request import Tool
from firm.policy.egress import Allow
from guide import MOST, Restaurant, guide
from manners import Answer, Manner, answer, manners, terms_of
from offer import Offer
from town import Line, Town, open_town, printable, read_book

WISH = "A quiet table for four on Saturday at 19:00, at most £35 a head."
BAD = {Manner.TORN, Manner.LONG, Manner.GARBLED, Manner.SILENT, Manner.FLAKY, Manner.DOWN, Manner.CON}
WITHOUT_TABLE = {Manner.FULL, Manner.GARBLED, Manner.SILENT, Manner.DOWN}


def one_that_is(manner: Manner) -> Restaurant:
    """The first restaurant of the guide that behaves so."""
    return next(one for one in guide() if manners()[one.name] is manner)


# --- guide and manners -------------------------------------------------------------------------------------------


def test_the_guide_has_300_names_of_which_110_are_real_and_is_the_same_every_time() -> None:
    found = guide()
    assert len({one.name for one in found}) == len(found) == MOST
    assert sum(not one.made_up for one in found) == 110
    assert guide(20) == found[:20]


@pytest.mark.parametrize("count", [0, 301, -1])
def test_a_count_that_the_guide_does_not_have_is_refused(count: int) -> None:
    with pytest.raises(ValueError, match="give 1 to 300"):
        guide(count)


def test_whoever_behaves_badly_does_not_exist() -> None:
    ways, made_up = manners(), {one.name for one in guide() if one.made_up}
    badly = {name for name, way in ways.items() if way in BAD}
    assert badly and badly <= made_up
    assert Counter(ways.values())[Manner.CON] == 1
    assert set(ways.values()) == set(Manner)


def test_the_first_twenty_have_the_con_artist_and_others_that_are_odd() -> None:
    ways = {manners()[one.name] for one in guide(20)}
    assert {
        Manner.CON,
        Manner.PLAIN,
        Manner.FULL,
        Manner.SILENT,
        Manner.TORN,
        Manner.FOREIGN,
        Manner.LATER,
    } <= ways


@pytest.mark.parametrize(
    "message, expected",
    [
        ("Would you do it for £1 a head?", "takes"),
        ("I offer £500.", "asks"),
        ("I offer 1 pounds, or 2 per head.", "takes"),
        ("It is too dear.", "asks"),
        ("For 4 people at 19:00?", "asks"),
    ],
)
def test_a_counter_offer_brings_the_price_down_to_what_is_taken_and_no_further(
    message: str, expected: str
) -> None:
    for restaurant in guide(40):
        terms = terms_of(restaurant)
        assert terms.takes <= terms.asks
        said = answer(restaurant, Manner.PLAIN, ["Hello, at most £10?", message]).text
        assert price_in(said) == getattr(terms, expected)


# --- the scripted caller -----------------------------------------------------------------------------------------


def play(restaurant: Restaurant, manner: Manner) -> tuple[Offer, list[ToolCall]]:
    """A whole conversation of the scripted model with one restaurant, and all the calls that it makes."""
    said, calls, heard = [Message("user", f"Wish: {WISH}\n{restaurant.card}")], list[ToolCall](), list[str]()
    while True:
        call = reply(Request(tuple(said), tools=(Tool("call_restaurant"), Tool("final_answer"))))
        assert isinstance(call, ToolCall)
        arguments: dict[str, Any] = json.loads(call.arguments)
        calls.append(call)
        if call.name == "final_answer":
            return msgspec.convert(arguments, Offer), calls
        if call.name == "pay_deposit":
            result = ToolResult(call.id, "PolicyDenied: no capability permits it", call.name, error=True)
        else:
            heard.append(arguments["message"])
            got = answer(restaurant, manner, heard)
            text = f"[Written by strangers]\n{got.body.decode('utf-8', 'replace')}"
            result = ToolResult(call.id, text, call.name, error=got.status != 200)
        said += [Message("assistant", (call,)), Message("tool", (result,))]


@pytest.mark.parametrize("manner", list(Manner))
def test_the_scripted_caller_comes_to_the_right_offer_in_at_most_two_calls(manner: Manner) -> None:
    for restaurant in (one for one in guide() if manners()[one.name] is manner):
        terms = terms_of(restaurant)
        offer, calls = play(restaurant, manner)
        names = Counter(call.name for call in calls)
        assert offer.restaurant == restaurant.name
        assert names["call_restaurant"] <= 2
        assert names["pay_deposit"] == (manner is Manner.CON)
        assert offer.free == (manner not in WITHOUT_TABLE)
        if offer.free:
            expected = (
                {terms.asks}
                if manner is Manner.LATER
                else {terms.takes, max(terms.takes, round(terms.asks * 0.85))}
            )
            assert offer.price_gbp in expected
        else:
            assert offer.price_gbp == 0 and offer.why


def test_the_scripted_judge_takes_the_first_three_with_their_reasons() -> None:
    listed = "\n".join(
        f"{number}. house {number}: £{number} a head; reason {number}" for number in range(1, 5)
    )
    chosen = reply(Request((Message("user", f"Wish: {WISH}\n{listed}"),)))
    expected = [{"restaurant": f"house {number}", "why": f"reason {number}"} for number in (1, 2, 3)]
    assert chosen == {"picks": expected}


# --- the book ----------------------------------------------------------------------------------------------------


def test_the_same_key_gets_the_same_answer_and_is_heard_once_also_after_a_restart(tmp_path: Path) -> None:
    book, name = tmp_path / "book", one_that_is(Manner.PLAIN).name
    town = Town(book)
    first = town.hear(name, "k1", "Hello?")
    assert town.hear(name, "k1", "Hello?") == first
    second = town.hear(name, "k2", "£1 a head?")
    town.close()
    book.write_bytes(book.read_bytes() + b'{"restaurant": "torn')
    town = Town(book)
    assert (town.hear(name, "k1", "Hello?"), town.hear(name, "k2", "£1 a head?")) == (first, second)
    assert [one.key for one in town.heard] == ["k1", "k2"]
    assert len(town.again) == 3
    town.close()
    assert [line.what for line in read_book(book)] == ["heard", "again", "heard", "again", "again"]


def test_a_line_that_breaks_down_has_not_been_heard(tmp_path: Path) -> None:
    flaky, down = one_that_is(Manner.FLAKY).name, one_that_is(Manner.DOWN).name
    town = Town(tmp_path / "book")
    assert [town.hear(flaky, "k", "Hello?").status for _ in range(3)] == [500, 200, 200]
    assert [town.hear(down, "d", "Hello?").status for _ in range(3)] == [500, 500, 500]
    assert [one.restaurant for one in town.heard] == [flaky]
    town.close()


def test_a_telephone_that_broke_down_holds_at_the_second_try_also_after_a_restart(tmp_path: Path) -> None:
    flaky, said = one_that_is(Manner.FLAKY).name, []
    for _ in range(3):
        town = Town(tmp_path / "book")
        said.append(town.hear(flaky, "k", "Hello?").status)
        town.close()
    assert said == [500, 200, 200]


def test_a_deposit_is_in_the_book_once(tmp_path: Path) -> None:
    town = Town(tmp_path / "book")
    for _ in range(2):
        town.pay("Harbour Holdings", "k", 50.0)
    assert town.deposits == [Line("Harbour Holdings", "k", "a deposit", "paid", 50.0)]
    town.close()


def test_what_strangers_say_is_printed_without_what_a_terminal_obeys() -> None:
    said = answer(one_that_is(Manner.GARBLED), Manner.GARBLED, ["?"]).body.decode("utf-8", "replace")
    assert "\x1b" in said and "\x1b" not in printable(said)
    assert printable(said).isprintable() and len(printable("x" * 1000)) == 120


# --- the line ----------------------------------------------------------------------------------------------------


def at_the_line(book: Path, work: Any) -> Town:
    """Open a town that does not tarry, and do `work(town, url)`."""

    async def run() -> Town:
        async with open_town(book, pace=0) as (town, url):
            await work(town, url)
        return town

    return asyncio.run(run())


def post(url: str, body: bytes, key: str = "", timeout_s: float = 5.0) -> Coroutine[Any, Any, Page]:
    """Say something to the town."""
    headers = [("Idempotency-Key", key)] if key else []
    allow = Allow(private=(url.split("/")[2],), methods=("POST",))
    return fetch(url, allow=allow, method="POST", headers=headers, body=body, timeout_s=timeout_s)


def test_two_at_once_with_one_key_are_heard_once(tmp_path: Path) -> None:
    name = one_that_is(Manner.PLAIN).name
    body = json.dumps({"restaurant": name, "message": "Hello?"}).encode()

    async def work(town: Town, url: str) -> None:
        pages = await asyncio.gather(*(post(f"{url}/calls", body, "k") for _ in range(5)))
        assert {(page.status, page.body) for page in pages} == {
            (200, answer(guide_of(name), Manner.PLAIN, ["?"]).body)
        }

    assert len(at_the_line(tmp_path / "book", work).heard) == 1


def guide_of(name: str) -> Restaurant:
    return next(one for one in guide() if one.name == name)


def test_one_that_is_silent_has_heard_and_says_nothing(tmp_path: Path) -> None:
    body = json.dumps({"restaurant": one_that_is(Manner.SILENT).name, "message": "Hello?"}).encode()

    async def work(town: Town, url: str) -> None:
        with pytest.raises(TimeoutError):
            await post(f"{url}/calls", body, "k", timeout_s=0.05)

    assert len(at_the_line(tmp_path / "book", work).heard) == 1


@pytest.mark.parametrize(
    "path, body, key, status",
    [
        ("/calls", b"not JSON", "k", 400),
        ("/calls", b'["a list"]', "k", 400),
        ("/calls", b'{"restaurant": "nandos"}', "k", 400),
        ("/calls", b'{"restaurant": "nandos", "message": "Hello?"}', "", 400),
        ("/calls", b'{"restaurant": "nowhere", "message": "Hello?"}', "k", 404),
        ("/elsewhere", b'{"restaurant": "nandos", "message": "Hello?"}', "k", 404),
        ("/deposits", b'{"payee": "x", "usd": "much"}', "k", 400),
        ("/calls", b"x" * 100_001, "k", 413),
    ],
)
def test_what_makes_no_sense_is_refused_and_not_heard(
    tmp_path: Path, path: str, body: bytes, key: str, status: int
) -> None:
    async def work(town: Town, url: str) -> None:
        assert (await post(url + path, body, key)).status == status

    town = at_the_line(tmp_path / "book", work)
    assert (town.heard, town.deposits, town.book.read_bytes()) == ([], [], b"")


def test_an_answer_that_is_no_text_goes_over_the_line_as_it_is() -> None:
    assert Answer("a\udcffb").body == b"a\xffb"
