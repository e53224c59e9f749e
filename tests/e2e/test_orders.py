"""Orders, from a customer's words to the invoice: what is read, asked, quoted, made, delivered and charged."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest
from tests.e2e import ordered as shop

from firm import Firm
from firm.model.scripted import ScriptedModel
from firm.org.artifact import Artifact, FileMade
from firm.org.mission import Mission, Outcome
from firm.org.trade import taking
from firm.org.trade.bill import bills_in, paid_in, pay
from firm.org.trade.earning import profit
from firm.org.trade.order import BOOK, Order
from firm.org.trade.taking import take


@pytest.fixture(autouse=True)
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(taking, "carry_out", shop.carried_out)


def play(folder: Path, inside: Callable[[Firm], Awaitable[None]], model: ScriptedModel | None = None) -> None:
    """Open the firm and do something in it."""

    async def main() -> None:
        async with Firm.open(folder, models={"default": model or shop.silent()}) as firm:
            await inside(firm)

    asyncio.run(main())


def test_an_order_is_read_quoted_made_delivered_and_invoiced(tmp_path: Path) -> None:
    async def inside(firm: Firm) -> None:
        record = await shop.ordered(firm, shop.WORDS, customer="Ada")
        assert (record.state, record.product, record.read_by) == ("quoted", "wing-section", "model")
        assert [(one.field, one.value, one.by) for one in record.spec] == [
            ("thickness", 12.0, "model"),
            ("reynolds", 1e6, "default"),
            ("use", "glider", "program"),
        ]
        assert record.quote is not None
        assert (
            record.quote.cents == 50
        )  # 0.01 + 120 s at 3 USD an hour are 0.11, and a quarter: the least price
        assert record.quote.assumptions == ("Two-dimensional flow.",)
        record = await shop.say(firm, record, do="confirm")
        assert (record.state, record.invoice, record.cents) == ("delivered", "000001", 50)
        assert record.delivery is not None and record.delivery.files == ("section.json",)
        place = tmp_path / "orders" / "order-1"
        assert msgspec.json.decode((place / "section.json").read_bytes())["name"] == "s1"
        assert (
            "000001" in (place / "invoice.html").read_text() and "Ada" in (place / "invoice.txt").read_text()
        )
        (bill,) = bills_in(await firm.rows(BOOK, prefix="invoice."))
        assert sum(line.cents for line in bill.lines) == bill.cents == 50
        assert any("60.0 s" in line.quantity for line in bill.lines)

    play(shop.make(tmp_path), inside, shop.reader(thickness=12.0))


def test_what_a_model_claims_and_nobody_wrote_is_dropped_and_asked(tmp_path: Path) -> None:
    async def inside(firm: Firm) -> None:
        record = await shop.ordered(firm, "An airfoil for my glider.")
        assert record.state == "asks"
        assert [one.question for one in record.asks] == ["How thick may it be, in % of its chord?"]
        record = await shop.say(firm, record, do="answer", text="say 14 percent")
        assert record.state == "quoted"
        assert [(one.value, one.by) for one in record.spec if one.field == "thickness"] == [
            (14.0, "customer")
        ]

    play(shop.make(tmp_path), inside, shop.reader(thickness=18.0, use="drone"))


def test_without_a_use_of_the_model_the_plain_reader_reads_chinese(tmp_path: Path) -> None:
    async def inside(firm: Firm) -> None:
        record = await shop.ordered(firm, "我需要一个翼型，厚度百分之十五，雷诺数一百二十万，用于无人机。")
        assert (record.state, record.read_by, record.language) == ("quoted", "program", "zh")
        assert record.read_why
        assert [one.value for one in record.spec] == [15.0, 1.2e6, "drone"]
        assert record.quote is not None and record.quote.assumptions == ("二维流动。",)

    play(shop.make(tmp_path), inside)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "empty"),
        ("   \n", "empty"),
        ("airfoil " * 4_000, "20,000"),
        ("Bake me a cake.", "wing-section"),
        ("An airfoil 80 % thick for a glider.", "6 to 25 %"),
        (shop.WORDS + " My budget is 0.01 USD.", "least price of wing-section is 0.50 USD"),
    ],
)
def test_what_cannot_be_is_refused_with_the_reason(tmp_path: Path, text: str, why: str) -> None:
    async def inside(firm: Firm) -> None:
        record = await shop.ordered(firm, text)
        assert record.state == "refused"
        assert why in record.why

    play(shop.make(tmp_path), inside)


def test_two_values_for_one_thing_are_put_to_the_customer(tmp_path: Path) -> None:
    async def inside(firm: Firm) -> None:
        record = await shop.ordered(firm, "An airfoil for a drone, thickness 12 %. Make it thickness 14 %.")
        assert record.state == "asks"
        assert "12" in record.asks[0].why and "14" in record.asks[0].why
        for _ in range(3):
            record = await shop.say(firm, record, do="answer", text="thickness 12 % and thickness 14 %")
        assert record.state == "refused"
        assert "thickness" in record.why

    play(shop.make(tmp_path), inside)


def test_an_order_that_says_yes_beforehand_is_carried_out_up_to_that_price_only(tmp_path: Path) -> None:
    async def inside(firm: Firm) -> None:
        cheap = await shop.ordered(firm, shop.WORDS, yes_up_to_usd=0.49)
        assert cheap.state == "quoted"
        dear = await shop.ordered(firm, shop.WORDS, "order-2", yes_up_to_usd=0.50)
        assert dear.state == "delivered"

    play(shop.make(tmp_path), inside)


def test_a_confirmation_of_another_price_is_none(tmp_path: Path) -> None:
    async def inside(firm: Firm) -> None:
        record = await shop.ordered(firm, shop.WORDS)
        await firm.send(record.id, "customer", {"do": "confirm", "cents": 1})
        await firm.send(record.id, "customer", "nonsense")
        record = await shop.say(firm, record, do="cancel")
        assert record.state == "cancelled"
        assert await firm.rows(BOOK, prefix="invoice.") == []

    play(shop.make(tmp_path), inside)


def test_numbers_of_invoices_have_no_gaps_when_many_orders_end_at_once(tmp_path: Path) -> None:
    async def inside(firm: Firm) -> None:
        ids = [f"order-{number}" for number in range(12)]
        for id in ids:
            await firm.start(take, Order(text=shop.WORDS, yes_up_to_usd=5), id=id)
        records = [await shop.rested(firm, id) for id in ids]
        assert {one.state for one in records} == {"delivered"}
        assert sorted(one.invoice for one in records) == [f"{number:06d}" for number in range(1, 13)]
        bills = bills_in(await firm.rows(BOOK, prefix="invoice."))
        assert {one.order: one.number for one in bills} == {one.id: one.invoice for one in records}

    play(shop.make(tmp_path), inside)


def test_the_quote_rests_on_earlier_orders_when_there_are_some(tmp_path: Path) -> None:
    async def inside(firm: Firm) -> None:
        for number in range(3):
            await shop.ordered(firm, shop.WORDS, f"order-{number}", yes_up_to_usd=5)
        record = await shop.ordered(firm, shop.WORDS, "order-last")
        assert record.quote is not None
        assert record.quote.basis == "the median of 3 earlier orders"
        assert round(record.quote.lines[1].usd, 6) == 0.05  # 60 s at 3 USD an hour

    play(shop.make(tmp_path), inside)


def test_profit_and_loss_and_payment(tmp_path: Path) -> None:
    async def inside(firm: Firm) -> None:
        await shop.ordered(firm, shop.WORDS, yes_up_to_usd=5)
        await shop.ordered(firm, "Bake me a cake.", "order-2")
        run = await firm.start(pay, "000001", id="paid-000001")
        await run.result()
        rows = await firm.rows(BOOK)
        assert list(paid_in(rows)) == ["000001"]
        books, _ = await firm.books()
        first, none = profit(rows, books)
        assert (first.product, first.orders, first.revenue_cents, first.paid_cents) == (
            "wing-section",
            1,
            50,
            50,
        )
        assert first.cost_usd_micro == 50_000
        assert first.margin_usd_micro == 450_000
        assert (none.product, none.orders, none.revenue_cents) == ("", 1, 0)

    play(shop.make(tmp_path), inside)


def test_what_was_not_accepted_is_neither_delivered_nor_charged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = shop.outcome_of
    monkeypatch.setattr(
        shop,
        "outcome_of",
        lambda mission, run: original(
            mission, run, ending="not reached", why="the critic refused it", tasks=()
        ),
    )

    async def inside(firm: Firm) -> None:
        record = await shop.ordered(firm, shop.WORDS, yes_up_to_usd=5)
        assert (record.state, record.why, record.invoice) == ("not delivered", "the critic refused it", "")

    play(shop.make(tmp_path), inside)


def test_a_file_that_changed_since_it_was_accepted_is_not_handed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = shop.outcome_of

    def changed(mission: Mission, run: str) -> Outcome:
        made = original(mission, run)
        (tmp_path / "s.dat").write_text("other")
        file = Artifact(
            name="section", files=(FileMade("s.dat", "0" * 64, 5),), maker="explorer", task="explore"
        )
        return msgspec.structs.replace(made, tasks=(msgspec.structs.replace(made.tasks[0], artifact=file),))

    monkeypatch.setattr(shop, "outcome_of", changed)

    async def inside(firm: Firm) -> None:
        record = await shop.ordered(firm, shop.WORDS, yes_up_to_usd=5)
        assert record.state == "not delivered"
        assert "not the one that was accepted" in record.why

    play(shop.make(tmp_path), inside)
