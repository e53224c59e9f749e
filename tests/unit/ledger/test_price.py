"""Prices: the same as the price list's own arithmetic, rounded up once; and none where it is not sure."""

import random
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import genai_prices
import msgspec
import pytest
from genai_prices import data_snapshot
from hypothesis import given
from hypothesis import strategies as st

from firm.errors import UsageError
from firm.ledger import price as prices
from firm.ledger.price import PROVIDERS, Price, Rates, Step, find_price, price_of, rates_of
from firm.units.usage import Usage

AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
OPENAI, ANTHROPIC, GOOGLE = "api.openai.com", "api.anthropic.com", "generativelanguage.googleapis.com"
PICTURES = {"output_image_mtok", "output_citation_mtok", "output_reasoning_mtok"}
"""Prices of what a reply may hold unasked; the dearest counts here for all that is written."""

steps = st.builds(Step, st.just(0), *[st.integers(0, 10**9)] * 4, audio=st.just(10**9), image=st.just(10**9))
buckets = st.integers(0, 10**7)


def found(host: str, name: str, tier: str = "") -> Price:
    price = find_price(host, name, AT, tier=tier)
    assert price is not None
    return price


@given(steps, steps, st.integers(0, 10**12), st.tuples(buckets, buckets, buckets, buckets, buckets))
def test_a_call_never_costs_more_than_its_maximum(
    small: Step, large: Step, call: int, used: tuple[int, int, int, int, int]
) -> None:
    price = Price((small, msgspec.structs.replace(large, above=200_000)), call)
    usage = Usage(*used)
    assert 0 <= price.cost(usage) <= price.most(usage.read, usage.written)
    assert price.most(usage.read, usage.written) <= price.most(usage.read + 1, usage.written + 1)


@given(steps, st.tuples(buckets, buckets), st.integers(0, 100))
def test_sound_and_pictures_stay_within_the_maximum_too(step: Step, used: tuple[int, int], part: int) -> None:
    read, written = used
    usage = Usage(read, output=written, audio=read * part // 100, image=read - read * part // 100)
    price = Price((step,))
    assert price.cost(usage) <= price.most(read, written, media=True)


def test_each_bucket_has_its_price_and_reasoning_is_output() -> None:
    price = price_of(Rates(input=3.0, output=15.0, cache_read=0.3, cache_write=3.75))
    assert price.cost(Usage(1_000_000)) == 3_000_000
    assert price.cost(Usage(cache_read=1_000_000)) == 300_000
    assert price.cost(Usage(cache_write=1_000_000)) == 3_750_000
    assert price.cost(Usage(output=1_000_000)) == price.cost(Usage(reasoning=1_000_000)) == 15_000_000
    assert price.saved(Usage(5, 1_000_000)) == 2_700_000
    assert price.saved(Usage(5)) == 0
    assert price.source == "usd_per_mtok"


def test_a_price_is_rounded_up_once_and_exactly() -> None:
    assert price_of(Rates(0.1, 0.0)).cost(Usage(10)) == 1  # 0.1 + … + 0.1 as floats is more than 1
    assert price_of(Rates(0.1, 0.0)).cost(Usage(11)) == 2
    assert price_of(Rates(0.0000001, 0.0)).cost(Usage(1)) == 1
    assert price_of(Rates(0.0, 0.0)).cost(Usage(10**12, output=10**12)) == 0


def test_cached_tokens_cost_as_much_as_others_where_nobody_says() -> None:
    price = price_of(rates_of({"input": 2, "output": 4}))
    assert price.cost(Usage(1, 1, 1, 1)) == 2 + 2 + 2 + 4


@pytest.mark.parametrize(
    ("given_", "told"),
    [
        ([], "give {input = …, output = …}"),
        ({"input": 1.0}, "has no 'output'"),
        ({"output": 1.0}, "has no 'input'"),
        ({"input": 1.0, "output": 1.0, "reasoning": 1.0}, "has 'reasoning'; there are only input, output"),
        ({"input": -1.0, "output": 1.0}, "input=-1.0"),
        ({"input": float("nan"), "output": 1.0}, "input=nan"),
        ({"input": float("inf"), "output": 1.0}, "input=inf"),
        ({"input": 1.0, "output": 2e6}, "output=2000000.0"),
        ({"input": True, "output": 1.0}, "input=True"),
        ({"input": "1 EUR", "output": 1.0}, "input='1 EUR'"),
        ({"input": None, "output": 1.0}, "input=None"),
    ],
)
def test_prices_that_cannot_be_are_refused(given_: object, told: str) -> None:
    with pytest.raises(UsageError) as error:
        rates_of(given_)
    assert told in str(error.value)


# --- the price list --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("provider_id", sorted(set(PROVIDERS.values())))
def test_the_list_is_read_as_the_list_reads_itself(provider_id: str) -> None:
    host = next(host for host, known in PROVIDERS.items() if known == provider_id)
    providers = data_snapshot.get_snapshot().providers
    [provider] = [each for each in providers if each.id == provider_id]
    compared = 0
    for model in provider.models[:150]:
        name = _name(model.match) or model.id
        price = find_price(host, name, AT)
        if price is None or price.call or PICTURES & set(_keys(model.get_prices(AT))):
            continue
        draw = random.Random(model.id)
        read, cached, stored, written = (draw.randrange(300_000) for _ in range(4))
        theirs = genai_prices.calc_price(
            genai_prices.Usage(
                input_tokens=read + cached + stored,
                cache_read_tokens=cached,
                cache_write_tokens=stored,
                output_tokens=written,
            ),
            name,
            provider_id=provider_id,
            genai_request_timestamp=AT,
        )
        ours = price.cost(Usage(read, cached, stored, written))
        assert 0 <= ours - theirs.total_price * 10**6 < 2, name
        compared += 1
    assert compared > 0


def _name(clause: Any) -> str | None:
    """A name by which a model is surely known."""
    return getattr(clause, "equals", None) or next(filter(None, map(_name, getattr(clause, "or_", ()))), None)


def _keys(price: object) -> list[str]:
    return [key for key, value in vars(price).items() if value is not None]


def test_a_large_context_is_dearer_and_the_maximum_knows() -> None:
    price = found(ANTHROPIC, "claude-sonnet-4-5")
    assert price.cost(Usage(200_000)) == 600_000
    assert price.cost(Usage(200_001)) == 1_200_006
    assert price.most(200_000, 0) == 750_000  # all of it written to the cache
    assert price.most(200_001, 0) == 1_500_008
    assert price.most(100_000, 0) == 375_000


def test_a_service_tier_has_its_price_and_an_unlisted_one_the_usual() -> None:
    usual = found(OPENAI, "gpt-5")
    assert found(OPENAI, "gpt-5", "priority").steps[0].input == 2 * usual.steps[0].input
    assert found(OPENAI, "gpt-5", "flex").steps[0].input * 2 == usual.steps[0].input
    assert found(OPENAI, "gpt-5", "default").steps == usual.steps
    assert found(ANTHROPIC, "claude-opus-4-5", "priority").steps == found(ANTHROPIC, "claude-opus-4-5").steps


def test_prices_that_differ_by_hour_and_date_are_those_of_the_moment() -> None:
    def at(*when: int) -> Price:
        price = find_price("api.deepseek.com", "deepseek-v4-flash", datetime(*when, tzinfo=UTC))  # type: ignore[arg-type]
        assert price is not None
        return price

    assert at(2026, 11, 23, 3, 59).steps[0].input == 2 * at(2026, 11, 23, 4, 0).steps[0].input
    assert at(2026, 8, 18, 12, 0).steps[0].input > at(2026, 9, 11, 12, 0).steps[0].input
    assert at(2026, 11, 23, 12, 0).since == "2026-09-10"
    assert at(2026, 11, 23, 12, 0).source == f"genai-prices {genai_prices.__version__}"


@pytest.mark.parametrize(
    ("host", "name"),
    [
        (OPENAI, "gpt-5-2025-08-07"),
        (f"https://{OPENAI}/v1", "gpt-5"),
        (f"https://{OPENAI}:443/v1", "GPT-5"),
        (ANTHROPIC, "claude-sonnet-4-5-20250929"),
        (ANTHROPIC, "claude-sonnet-4-20250514"),
        (ANTHROPIC, "claude-opus-4-1-20250805"),
        (GOOGLE, "gemini-2.5-pro-preview-05-06"),
        (GOOGLE, "gemini-2.0-flash-001"),
        ("openrouter.ai", "openai/gpt-5"),
        ("api.mistral.ai", "mistral-large-latest"),
        ("api.x.ai", "grok-4-0709"),
    ],
)
def test_a_model_is_known_by_its_name_and_its_date(host: str, name: str) -> None:
    assert found(host, name).steps[0].input > 0


@pytest.mark.parametrize(
    ("host", "name", "why"),
    [
        (OPENAI, "gpt-5-ultra", "no such model"),
        (ANTHROPIC, "claude-opus-4-10", "not a version of claude-opus-4-1"),
        (GOOGLE, "gemini-3.6-flash-image", "not a version of gemini-3.6-flash"),
        (OPENAI, "whisper-1", "has a price for seconds of sound"),
        (OPENAI, "o3-deep-research", "searches as often as it likes"),
        (OPENAI, "gpt-5-search-api", "searches, and nobody says for how much"),
        ("api.openai.com.evil.example", "gpt-5", "another host"),
        ("https://evil.example/api.openai.com", "gpt-5", "another host"),
        ("evil.googleapis.com", "gemini-2.5-pro", "another host"),
        ("mine.openai.azure.com", "gpt-5", "there the customer names the model"),
    ],
)
def test_what_is_not_sure_has_no_price(host: str, name: str, why: str) -> None:
    assert find_price(host, name, AT) is None, why


def test_what_is_written_unasked_has_the_dearest_price() -> None:
    assert found(GOOGLE, "gemini-2.5-flash-image").steps[0].output == 30_000_000


def test_a_search_at_every_call_is_paid_for_at_every_call() -> None:
    price = found("api.perplexity.ai", "sonar-pro")
    assert price.cost(Usage()) > 0
    assert price.most(0, 0) == price.cost(Usage())


def test_a_free_model_costs_nothing_and_a_model_for_vectors_only_reads() -> None:
    assert found("openrouter.ai", "deepseek/deepseek-r1:free").most(10**6, 10**6) == 0
    assert found(OPENAI, "text-embedding-3-small").reads_only
    assert not found(OPENAI, "gpt-5").reads_only


def test_without_the_package_nothing_is_known_and_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    prices._found.cache_clear()
    monkeypatch.setitem(sys.modules, "genai_prices", None)
    with pytest.raises(UsageError, match=r"pip install 'firm\[prices\]'"):
        find_price(OPENAI, "gpt-5", AT)
    assert find_price("elsewhere.example", "gpt-5", AT) is None


def test_the_list_is_not_imported_before_a_price_is_asked_for() -> None:
    code = (
        "import sys, firm, firm.model, firm.ledger.price, firm.model.paid\n"
        "assert not {'genai_prices', 'pydantic', 'httpx2'} & set(sys.modules), 'imported too early'"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
