"""Orders over HTTP: tokens, strangers, limits, and the same request twice."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from tests.e2e import ordered as shop
from tests.unit.serve.served import Answer, ask

from firm import Firm
from firm.org.trade import taking
from firm.serve.api import Api
from firm.serve.keys import Keys
from firm.serve.orders import BURST, MAX_BYTES, PATH, Orders

PLAIN = [(b"content-type", b"text/plain; charset=utf-8")]
AGAIN = (b"idempotency-key", b"0b9c2a54-52cf-4dfb-9d5e-2f6a")


@pytest.fixture(autouse=True)
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(taking, "carry_out", shop.carried_out)


def play(folder: Path, inside: Callable[[Firm, Api], Awaitable[None]]) -> None:
    """Open the firm with its door."""

    async def main() -> None:
        shop.make(folder)
        async with Firm.open(folder, models={"default": shop.silent()}) as firm:
            await inside(firm, Api(firm, Keys(firm.home.state), doors={PATH: Orders(firm)}))

    asyncio.run(main())


async def order(api: Api, text: str = shop.WORDS, *headers: tuple[bytes, bytes]) -> tuple[str, str]:
    """Order; its id and its token."""
    answer = await ask(api, "/orders", text.encode(), headers=[*PLAIN, *headers])
    assert answer.status == 202, answer.body
    return answer.json["id"], answer.json["token"]


def error(answer: Answer) -> tuple[int, str]:
    """Status and code."""
    return answer.status, answer.json["error"]["code"]


def test_a_customer_orders_confirms_and_fetches_with_his_token_alone(tmp_path: Path) -> None:
    async def inside(firm: Firm, api: Api) -> None:
        id, token = await order(api, "An airfoil for a glider")
        await shop.rested(firm, id)
        seen = (await ask(api, f"/orders/{id}", key=token)).json
        assert (seen["state"], seen["waits_for_you"]) == ("asks", True)
        assert seen["questions"][0]["field"] == "thickness"
        assert (
            await ask(api, f"/orders/{id}/answer", {"text": "12 %"}, key=token, headers=JSON)
        ).status == 202
        record = await until(firm, id, "quoted")
        assert error(await ask(api, f"/orders/{id}/confirm", {"usd": 0.01}, key=token, headers=JSON)) == (
            409,
            "other_price",
        )
        assert (await ask(api, f"/orders/{id}/confirm", b"", key=token)).status == 202
        record = await until(firm, id, "delivered")
        seen = (await ask(api, f"/orders/{id}", key=token)).json
        assert seen["invoice"] == {"number": "000001", "usd": record.cents / 100}
        got = await ask(api, f"/orders/{id}/files/section.json", key=token)
        assert json.loads(got.body)["name"] == "s1"
        assert got.headers[b"content-disposition"] == b"attachment"
        for name in ("order.txt", "..%2f..%2ffirm.toml", "../../firm.toml", "spec.txt"):
            assert error(await ask(api, f"/orders/{id}/files/{name}", key=token))[0] == 404

    play(tmp_path / "firm", inside)


JSON = [(b"content-type", b"application/json")]


async def until(firm: Firm, id: str, state: str) -> Any:
    """Wait until an order is in a state."""
    async with asyncio.timeout(20):
        while (record := await shop.record_of(firm, id)) is None or record.state != state:
            await asyncio.sleep(0.005)
        return record


def test_another_customer_sees_no_more_than_that_there_is_nothing(tmp_path: Path) -> None:
    async def inside(firm: Firm, api: Api) -> None:
        id, token = await order(api)
        other, its_token = await order(api)
        assert (other, its_token) != (id, token)
        await shop.rested(firm, id)
        answers = [
            await ask(api, f"/orders/{id}{path}", body, key=key)
            for path, body in (("", None), ("/confirm", b""), ("/cancel", b""), ("/files/order.txt", None))
            for key in (its_token, "", "order-token-")
        ]
        answers.append(await ask(api, "/orders/order-0000000000000000", key=token))
        answers.append(await ask(api, "/orders/../firm.toml", key=token))
        assert {error(one) for one in answers} == {(404, "unknown_order")}
        assert len({one.body for one in answers}) == 1
        record = await shop.record_of(firm, id)
        assert record is not None and record.state == "quoted"
        assert token not in (tmp_path / "firm" / ".firm" / "journal.db").read_bytes().decode("latin-1")

    play(tmp_path / "firm", inside)


def test_the_same_request_twice_is_one_order(tmp_path: Path) -> None:
    async def inside(firm: Firm, api: Api) -> None:
        first, second = await order(api, shop.WORDS, AGAIN), await order(api, shop.WORDS, AGAIN)
        assert first == second
        answer = await ask(api, "/orders", b"something else", headers=[*PLAIN, AGAIN])
        assert error(answer) == (409, "key_reused")
        answer = await ask(api, "/orders", b"x", headers=[*PLAIN, (b"idempotency-key", b"1")])
        assert answer.status == 400

    play(tmp_path / "firm", inside)


def test_who_sends_too_much_too_often_or_from_a_web_page_is_refused_unread(tmp_path: Path) -> None:
    async def inside(firm: Firm, api: Api) -> None:
        told = [*PLAIN, (b"content-length", str(MAX_BYTES + 1).encode())]
        assert error(await ask(api, "/orders", b"x", headers=told))[0] == 413
        page = [*PLAIN, (b"origin", b"http://evil.example")]
        assert error(await ask(api, "/orders", b"x", headers=page)) == (403, "other_site")
        assert error(await ask(api, "/orders", b"x", host="evil.example")) == (421, "wrong_host")
        assert error(await ask(api, "/orders", b"{", headers=JSON)) == (400, "invalid_json")
        assert error(await ask(api, "/orders", b"\xff", headers=PLAIN)) == (400, "invalid_json")
        assert error(await ask(api, "/orders", b"x", headers=[*PLAIN, (b"yes-up-to-usd", b"nan")]))[0] == 400
        statuses = [(await ask(api, "/orders", b"\xff", headers=PLAIN)).status for _ in range(BURST)]
        assert set(statuses) == {400, 429}
        late = await ask(api, "/orders", b"x", headers=PLAIN)
        assert error(late) == (429, "rate_limit_exceeded")
        assert int(late.headers[b"retry-after"]) >= 1

    play(tmp_path / "firm", inside)


def test_what_can_be_ordered_is_told_to_everybody_and_models_need_a_key_as_before(tmp_path: Path) -> None:
    async def inside(firm: Firm, api: Api) -> None:
        offer = (await ask(api, "/orders")).json
        assert [one["name"] for one in offer["products"]] == ["wing-section"]
        assert (await ask(api, "/v1/models")).status == 401
        assert (await ask(api, "/ordersx")).status == 401

    play(tmp_path / "firm", inside)
