"""What `firm order` prints of a price."""

from firm.cli.ordering import _priced
from firm.org.trade.order import Quote, QuoteLine


def test_the_lines_of_a_quote_add_up_to_it_or_say_that_it_is_the_least_price() -> None:
    made = QuoteLine("a processor", 0.04)
    told = _priced(Quote(cents=5, lines=(made,), markup=0.25, basis=""))
    assert told == ["  a processor: 0.0400 USD", "  markup of 25%: 0.0100 USD"]
    least = _priced(Quote(cents=50, lines=(made,), markup=0.0, basis=""))
    assert least[-1] == "  the least price of this product: 0.50 USD"
