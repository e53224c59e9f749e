"""Webhooks over a real socket: who may send, what is begun, and that it is begun once."""

import asyncio
import http.client
import json
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from tests.unit.org.time.virtual import small

from firm import Firm
from firm.policy.secret import Secrets
from firm.serve.hooks import HOST, MAX_BYTES, PATH, Hooks, signature
from firm.serve.keys import Keys
from firm.serve.server import Place, Server

CONFIG = """
[[schedules]]
name = "orders"
mission = "Look into {event}."
hook = "shop"

[[schedules]]
name = "daily"
mission = "Write."
cron = "@daily"
"""
SECRET = "whispered-and-long"
Post = Callable[..., Awaitable[tuple[int, Any]]]


@pytest.fixture(autouse=True)
def _small_missions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firm.org.carry.carry_out", small)


def with_door(folder: Path, story: Callable[[Firm, Post], Awaitable[None]], *, local: bool = True) -> None:
    """Run a story at a server whose only door is that of hooks."""
    (folder / "firm.toml").write_text(CONFIG)

    async def main() -> None:
        async with Firm.open(folder) as firm:
            doors = {PATH: Hooks(firm, local=local)}
            server = await Server.start(firm, Keys(firm.home.state), Place("127.0.0.1", 0), doors)

            async def post(
                path: str = "/hooks/shop", body: bytes = b"3 lamps", method: str = "POST", **headers: str
            ) -> tuple[int, Any]:
                given = {name.replace("_", "-"): value for name, value in headers.items()}
                return await asyncio.to_thread(_ask, server.port, method, path, body, given)

            try:
                await story(firm, post)
            finally:
                await server.stop()

    asyncio.run(main())


def _ask(port: int, method: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def keep(folder: Path, value: str = SECRET, host: str = HOST) -> None:
    """What `firm secret set hook-shop --host localhost` does."""
    (folder / ".firm").mkdir(exist_ok=True)
    Secrets(folder / ".firm", None).set("hook-shop", value, [host], now_us=time.time_ns() // 1000)


def test_a_delivery_begins_a_mission_that_is_given_its_body_as_untrusted(tmp_path: Path) -> None:
    async def story(firm: Firm, post: Post) -> None:
        status, said = await post()
        assert (status, said["new"]) == (202, True)
        assert said["run"].startswith("schedule-orders-")
        started = (await firm.run(said["run"]).events())[0].value["mission"]
        assert started["text"] == "Look into the input “event”."
        (event,) = started["given"]
        assert (event["text"], event["untrusted"]) == ("3 lamps", True)

    with_door(tmp_path, story)


def test_the_same_delivery_is_the_same_run_by_its_id_or_by_its_body(tmp_path: Path) -> None:
    async def story(firm: Firm, post: Post) -> None:
        said = [await post(), await post(), await post(body=b"4 lamps")]
        assert [one["new"] for _, one in said] == [True, False, True]
        assert said[0][1]["run"] == said[1][1]["run"] != said[2][1]["run"]
        named = [await post(X_GitHub_Delivery="d-1", body=body) for body in (b"one", b"two")]
        assert named[0][1]["run"] == named[1][1]["run"]
        assert [status for status, _ in (*said, *named)] == [202] * 5
        assert len(await firm.runs()) == 3

    with_door(tmp_path, story)


def test_with_a_secret_only_what_is_signed_comes_in(tmp_path: Path) -> None:
    async def story(firm: Firm, post: Post) -> None:
        body = "三盏灯".encode()
        good = signature(body, SECRET)
        assert (await post(body=body))[0] == 401
        assert (await post(body=body, X_Firm_Signature=signature(body, "another")))[0] == 401
        assert (await post(body=body, X_Firm_Signature="sha256=é"))[0] == 401
        assert (await post(body=body + b" ", X_Firm_Signature=good))[0] == 401
        assert await firm.runs() == []
        assert (await post(body=body, X_Firm_Signature=good))[0] == 202
        assert (await post(body=body, X_Hub_Signature_256=good.upper().replace("SHA256", "sha256")))[0] == 202
        assert len(await firm.runs()) == 1

    keep(tmp_path)
    with_door(tmp_path, story)


def test_other_machines_come_in_with_a_secret_only_and_do_not_learn_which_hooks_there_are(
    tmp_path: Path,
) -> None:
    async def story(firm: Firm, post: Post) -> None:
        without, unknown = await post(), await post("/hooks/none")
        assert without == unknown
        assert without[0] == 404
        keep(tmp_path)
        assert (await post(X_Firm_Signature=signature(b"3 lamps", SECRET)))[0] == 202

    with_door(tmp_path, story, local=False)


def test_a_secret_that_is_bound_to_another_host_opens_no_door(tmp_path: Path) -> None:
    async def story(firm: Firm, post: Post) -> None:
        status, said = await post(X_Firm_Signature=signature(b"3 lamps", SECRET))
        assert status == 503
        assert "localhost" in said["error"]["message"] and SECRET not in str(said)
        assert await firm.runs() == []

    keep(tmp_path, host="example.com")
    with_door(tmp_path, story)


def test_what_is_no_delivery_begins_nothing(tmp_path: Path) -> None:
    async def story(firm: Firm, post: Post) -> None:
        assert (await post(method="GET", body=b""))[0] == 405
        assert (await post("/hooks/"))[0] == 404
        assert (await post("/hooks/daily"))[0] == 404
        assert (await post(body=b"x" * (MAX_BYTES + 1)))[0] == 413
        assert (await post(Origin="https://evil.example"))[0] == 403
        assert await firm.runs() == []

    with_door(tmp_path, story)


def test_a_body_that_is_no_text_or_empty_is_taken_all_the_same(tmp_path: Path) -> None:
    async def story(firm: Firm, post: Post) -> None:
        for body in (b"\xff\xfe\0x", b""):
            status, said = await post(body=body)
            assert status == 202
            (event,) = (await firm.run(said["run"]).events())[0].value["mission"]["given"]
            assert "\0" not in event.get("text", "")

    with_door(tmp_path, story)
