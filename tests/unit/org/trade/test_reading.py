"""Numbers, the plain reader and grounding: what stands in a customer's words, and what does not."""

from pathlib import Path

import pytest
from tests.e2e.ordered import PRODUCT

from firm.errors import UsageError
from firm.org.trade.number import even, numbers
from firm.org.trade.product import Field, Product, read_product, read_products
from firm.org.trade.reader import budget_in, find_product, read_plain
from firm.org.trade.spec import is_grounded


@pytest.fixture
def product(tmp_path: Path) -> Product:
    path = tmp_path / "wing-section.toml"
    path.write_text(PRODUCT, "utf-8")
    return read_product(path)


@pytest.mark.parametrize(
    ("text", "value", "percent"),
    [
        ("15 %", 15, True),
        ("1.2e6", 1.2e6, False),
        ("1,200,000", 1.2e6, False),
        ("0,12", 0.12, False),
        ("1.2×10⁶", 1.2e6, False),
        ("百分之十五", 15, True),
        ("一百二十万", 1.2e6, False),
        ("3.5万", 35_000, False),
        ("两千零五", 2005, False),
        ("一点五", 1.5, False),
        ("１２％", 12, True),
        ("twelve percent", 12, True),
        ("−3.5", -3.5, False),
        ("50k", 50_000, False),
    ],
)
def test_numbers_are_read_as_people_write_them(text: str, value: float, percent: bool) -> None:
    (found,) = numbers(even(text))
    assert found.value == pytest.approx(value)
    assert found.percent is percent


@pytest.mark.parametrize("text", ["", "no number", "9" * 400, "v1.2beta", "1e999"])
def test_what_is_no_number_is_none(text: str) -> None:
    assert all(abs(one.value) < 1e300 for one in numbers(even(text)))
    assert len(numbers(even(text))) <= 1


@pytest.mark.parametrize(
    ("text", "values"),
    [
        (
            "An airfoil 12 % thick at Re 500000 for a uav",
            {"thickness": 12.0, "reynolds": 5e5, "use": "drone"},
        ),
        (
            "glider section, thickness of 0.12, re: 1.5e6",
            {"thickness": 12.0, "reynolds": 1.5e6, "use": "glider"},
        ),
        ("翼型厚度百分之十二，雷诺数50万，滑翔机", {"thickness": 12.0, "reynolds": 5e5, "use": "glider"}),
        ("an airfoil", {}),
    ],
)
def test_the_plain_reader_finds_fields_by_their_words(
    product: Product, text: str, values: dict[str, object]
) -> None:
    found = read_plain(product, text)
    assert found.values == values
    assert found.clashes == {}


def test_two_values_for_one_field_are_told_and_not_chosen_from(product: Product) -> None:
    found = read_plain(product, "thickness 12 %. thickness 14 %, glider")
    assert "thickness" not in found.values
    assert found.clashes == {"thickness": ("12", "14")}


def test_a_value_that_does_not_stand_in_the_text_is_not_grounded(product: Product) -> None:
    thickness, use = product.fields[0], product.fields[2]
    assert is_grounded(thickness, 12.0, even("12 % thick"))
    assert is_grounded(thickness, 12.0, even("0.12 thick"))
    assert not is_grounded(thickness, 13.0, even("12 % thick"))
    assert is_grounded(use, "drone", even("for a UAV"))
    assert not is_grounded(use, "glider", even("for a UAV"))
    metres = Field(name="span", kind="number", unit="m", units={"mm": 0.001, "米": 1})
    assert is_grounded(metres, 1.5, even("1500 mm"))
    assert not is_grounded(metres, 1500.0, even("1500 mm"))
    assert is_grounded(metres, 2.0, even("两米"))


def test_the_product_is_the_one_whose_words_stand_in_the_order(product: Product) -> None:
    assert find_product((product,), "an Airfoil please") is product
    assert find_product((product,), "a cake please") is None


@pytest.mark.parametrize(
    ("text", "usd"),
    [("my budget is 5 USD", 5), ("at most $0.10", 0.1), ("预算三美元", 3), ("12 % thick", None)],
)
def test_a_budget_is_found_where_it_is_called_one(text: str, usd: float | None) -> None:
    assert budget_in(text) == usd


@pytest.mark.parametrize(
    ("wrong", "line", "says"),
    [
        ('says = "x"\nword = ["a"]\n', 2, "did you mean 'words'?"),
        ('words = ["a"]\n', 1, "'says' is missing"),
        ('says = "x"\nfloor_usd = "much"\n', 2, "floor_usd"),
        ('says = "x"\n[[fields]]\nname = "Chord"\n', 3, "lower case"),
        ('says = "x"\n[[fields]]\nname = "a"\nkind = "number"\nleast = 2\nmost = 1\n', 3, "turn them round"),
        ('says = "x"\n[[fields]]\nname = "a"\nkind = "choice"\nchoices = ["one"]\n', 3, "at least two"),
        (
            'says = "x"\n[[fields]]\nname = "a"\nkind = "number"\nmost = 1\ndefault = 2\n',
            3,
            "2 is not within",
        ),
        ('says = "x\n', 1, "no TOML"),
        ('says = "x"\nname = "other"\n', 2, "must be that of its file"),
    ],
)
def test_a_mistake_in_a_product_is_told_with_line_and_remedy(
    tmp_path: Path, wrong: str, line: int, says: str
) -> None:
    (tmp_path / "products").mkdir()
    (tmp_path / "products" / "thing.toml").write_text(wrong, "utf-8")
    with pytest.raises(UsageError) as told:
        read_products(tmp_path)
    assert f"thing.toml, line {line}: " in str(told.value)
    assert says in str(told.value)


def test_a_firm_without_products_sells_nothing(tmp_path: Path) -> None:
    assert read_products(tmp_path) == ()
