"""A model's address and what follows from it."""

from typing import Any

import pytest

from firm.errors import UsageError
from firm.ledger.price import Rates
from firm.model.target import Model, is_private


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"url": "gpu-1:8000", "name": "m"}, "give an address"),
        ({"url": "ftp://gpu-1/v1", "name": "m"}, "give an address"),
        ({"url": "http:///v1", "name": "m"}, "give an address"),
        ({"url": "http://a/v1", "name": ""}, "name="),
        ({"url": "http://a/v1", "name": "m", "wire": "soap"}, "give one of chat, responses, anthropic"),
        ({"url": "http://a/v1", "name": "m", "gpus": 0}, "gpus=0"),
        ({"url": "http://a/v1", "name": "m", "usd_per_gpu_hour": -1.0}, "usd_per_gpu_hour=-1.0"),
        ({"url": "http://a/v1", "name": "m", "usd_per_gpu_hour": float("nan")}, "usd_per_gpu_hour=nan"),
    ],
)
def test_a_model_that_cannot_be_is_refused(given: dict[str, object], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        Model(**given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1", "::1", "10.1.2.3", "192.168.0.9", "gpu-1", "box.local", "a.internal"]
)
def test_private_hosts_are_the_founders_own(host: str) -> None:
    assert is_private(host)


@pytest.mark.parametrize(
    "host", ["api.openai.com", "8.8.8.8", "2001:4860:4860::8888", "localhost.example.com"]
)
def test_public_hosts_are_not(host: str) -> None:
    assert not is_private(host)


def test_a_price_of_its_gpus_makes_a_public_model_the_founders_own() -> None:
    assert not Model("https://gpu.example.com/v1", "m").own
    assert Model("https://gpu.example.com/v1", "m", usd_per_gpu_hour=2.0).own
    assert Model("http://gpu-1:8000/v1", "m").own


def test_prices_of_tokens_are_part_of_a_model() -> None:
    model = Model("https://a.example/v1", "m", usd_per_mtok={"input": 1, "output": 2})
    assert model.rates == Rates(1, 2)
    assert hash(model) == hash(Model("https://a.example/v1", "m", usd_per_mtok=Rates(1, 2)))
    assert not model.own
    assert Model("https://a.example/v1", "m").rates is None


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"usd_per_mtok": {"input": 1}}, "has no 'output'"),
        ({"usd_per_mtok": {"input": 1, "output": 2}, "usd_per_gpu_hour": 1.0}, "give one of them"),
        ({"deadline_s": 0}, "give seconds above 0"),
        ({"deadline_s": float("nan")}, "give seconds above 0"),
    ],
)
def test_prices_and_deadlines_that_cannot_be_are_refused(options: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        Model("https://a.example/v1", "m", **options)
