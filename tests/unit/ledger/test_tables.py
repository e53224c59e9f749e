"""Tables of what was spent, invoices, periods."""

import pytest
from tests.unit.ledger.desk import DAY, Desk, at_desk, turn

from firm.errors import UsageError
from firm.ledger import Tags, books_of
from firm.ledger.invoice import Work, invoice_csv, invoice_of, invoice_text
from firm.ledger.period import DAY_US, period_of, starts_of
from firm.ledger.spend import BY, By, spend_csv, spend_of
from firm.units import Amount, Limit, Purse


async def busy(desk: Desk) -> None:
    ledger = await desk.open(Limit("usd_micro", 10**9, "day"))
    for agent, run, name, used in (
        ("a", "r1", "big", Amount(20_000, 100, 50, output=10, calls=1)),
        ("a", "r1/2", "own", Amount(0, 5, output=5, gpu_ms=1500, calls=1)),
        ("b", "r2", "big", Amount(30_000, 100, output=10, calls=1)),
    ):
        tags = Tags(run, 1, agent, "sales", "g", name, "chat", "api", "2026-01-01" if name == "big" else "")
        (await ledger.reserve(Amount(50_000), (Purse("run/x"),), tags)).settle(used, 7)
    await ledger.reserve(Amount(11), (), Tags(agent="b", name="big"))
    await turn()


@pytest.mark.parametrize("by", BY)
def test_rows_of_every_table_sum_to_its_total(by: By) -> None:
    async def story(desk: Desk) -> None:
        await busy(desk)
        spend = spend_of(await books_of(desk), by, now_us=desk.wall_us)
        for column in ("calls", "usd_micro", "reserved_usd_micro", "saved_usd_micro", "input", "gpu_ms"):
            assert sum(getattr(row, column) for row in spend.rows) == getattr(spend.total, column)
        assert (spend.total.usd_micro, spend.total.reserved_usd_micro) == (50_000, 11)
        assert (spend.total.saved_usd_micro, spend.total.unpriced) == (21, True)
        assert len(spend_csv(spend).splitlines()) == len(spend.rows) + 2

    at_desk(story)


def test_forecast_is_the_rate_so_far_over_the_whole_period() -> None:
    async def story(desk: Desk) -> None:
        await busy(desk)
        books = await books_of(desk)
        [day] = spend_of(books, "day", now_us=desk.wall_us + DAY_US // 4).rows
        assert day.forecast_usd_micro == 4 * 50_000
        assert spend_of(books, "day", now_us=desk.wall_us + 3 * DAY_US).total.forecast_usd_micro == 0
        assert spend_of(books, "agent", now_us=desk.wall_us).total.forecast_usd_micro > 50_000

    at_desk(story)


def test_days_outside_the_time_are_not_in_the_table() -> None:
    async def story(desk: Desk) -> None:
        await busy(desk)
        books = await books_of(desk)
        assert spend_of(books, "agent", now_us=desk.wall_us, since="2030-01-01").rows == []
        assert spend_of(books, "agent", now_us=desk.wall_us, until="2020-01-01").rows == []
        with pytest.raises(UsageError, match="'colour'"):
            spend_of(books, "colour", now_us=0)  # type: ignore[arg-type]

    at_desk(story)


def test_invoice_sums_up_in_whole_cents_with_the_markup() -> None:
    async def story(desk: Desk) -> None:
        await busy(desk)
        books = await books_of(desk)
        invoice = invoice_of(books, "Anna", Work(runs=("r1",)), markup=0.5, rates_usd_micro={"own": 40_000})
        assert [(line.name, line.unit, line.units_milli, line.cents) for line in invoice.lines] == [
            ("big", "1000 tokens", 160, 3),
            ("own", "GPU second", 1500, 9),
        ]
        assert (invoice.total_cents, invoice.cost_usd_micro) == (12, 20_000)
        assert "0.12 USD" in invoice_text(invoice) and invoice_csv(invoice).endswith(",20000,12\n")
        assert invoice_of(books, "Anna", Work(goals=("g",))).total_cents == 5
        assert invoice_of(books, "Anna", Work(agents=("nobody",))).lines == ()

    at_desk(story)


def test_invoice_for_nothing_or_with_a_senseless_markup_is_refused() -> None:
    async def story(desk: Desk) -> None:
        books = await books_of(desk)
        with pytest.raises(UsageError, match="nothing"):
            Work()
        for markup in (-1.0, float("nan"), 1e9):
            with pytest.raises(UsageError, match="markup"):
                invoice_of(books, "Anna", Work(runs=("r",)), markup=markup)
        with pytest.raises(UsageError, match="customer"):
            invoice_of(books, " ", Work(runs=("r",)))
        with pytest.raises(UsageError, match="rate"):
            invoice_of(books, "Anna", Work(runs=("r",)), rates_usd_micro={"own": -1})

    at_desk(story)


def test_periods_are_those_of_the_calendar() -> None:
    at_us = 20_415 * DAY_US + 5  # 2025-11-23, a Sunday
    assert period_of("day", at_us) == (20_415 * DAY_US, 20_416 * DAY_US)
    assert period_of("week", at_us) == (20_409 * DAY_US, 20_416 * DAY_US)
    assert period_of("month", at_us) == (20_393 * DAY_US, 20_423 * DAY_US)
    assert period_of("hour", at_us)[1] - period_of("hour", at_us)[0] == DAY_US // 24
    assert starts_of(at_us)[3:] == (20_415 * DAY_US, 20_409 * DAY_US, 20_393 * DAY_US)
    assert DAY * 1_000_000 == DAY_US
