"""A file over HTTP: from its beginning, from the middle, and from servers that do not do as they should."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web

from firm.model.embedded.catalogue import File
from firm.model.embedded.error import OutOfReach, WeightsError
from firm.model.embedded.hub import Hub

BYTES = bytes(range(256)) * 9000
FILE = File("tiny.gguf", len(BYTES), "")

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def whole(request: web.Request) -> web.StreamResponse:
    """As a hub does: whole, or from where it was asked."""
    begin = request.http_range.start or 0
    if not begin:
        return web.Response(body=BYTES)
    about = f"bytes {begin}-{len(BYTES) - 1}/{len(BYTES)}"
    return web.Response(status=206, body=BYTES[begin:], headers={"Content-Range": about})


def fetched(answer: Answer, part: Path, *, path: str = "/file") -> list[tuple[str, int]]:
    """Fetch from a server that answers so; what was told."""
    told: list[tuple[str, int]] = []

    async def run() -> None:
        app = web.Application()
        app.router.add_get("/file", answer)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        try:
            port = runner.addresses[0][1]
            hub = Hub(f"http://127.0.0.1:{port}{path}")
            await hub.fetch(FILE, part, lambda what, there: told.append((what, there)))
        finally:
            await runner.cleanup()

    asyncio.run(run())
    return told


def test_a_file_is_fetched_in_pieces(tmp_path: Path) -> None:
    told = fetched(whole, tmp_path / "x.part")
    assert (tmp_path / "x.part").read_bytes() == BYTES
    assert told[-1] == ("hub", len(BYTES)) and len(told) > 1


def test_only_what_is_missing_is_asked_for(tmp_path: Path) -> None:
    ranges = []

    async def noted(request: web.Request) -> web.StreamResponse:
        ranges.append(request.headers.get("Range"))
        return await whole(request)

    (tmp_path / "x.part").write_bytes(BYTES[:1000])
    fetched(noted, tmp_path / "x.part")
    assert (tmp_path / "x.part").read_bytes() == BYTES and ranges == ["bytes=1000-"]


def test_a_server_that_knows_no_ranges_sends_all_again(tmp_path: Path) -> None:
    async def all_of_it(request: web.Request) -> web.StreamResponse:
        return web.Response(body=BYTES)

    (tmp_path / "x.part").write_bytes(b"something else")
    fetched(all_of_it, tmp_path / "x.part")
    assert (tmp_path / "x.part").read_bytes() == BYTES


def test_a_server_that_answers_another_range_is_not_believed(tmp_path: Path) -> None:
    async def other(request: web.Request) -> web.StreamResponse:
        return web.Response(status=206, body=b"12", headers={"Content-Range": "bytes 0-1/2"})

    (tmp_path / "x.part").write_bytes(BYTES[:1000])
    with pytest.raises(OutOfReach, match="another range than 'bytes=1000-'"):
        fetched(other, tmp_path / "x.part")
    assert (tmp_path / "x.part").read_bytes() == BYTES[:1000]


def test_what_came_before_the_connection_broke_is_kept(tmp_path: Path) -> None:
    async def breaks(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": str(len(BYTES))})
        await response.prepare(request)
        await response.write(BYTES[: 1 << 20])
        assert request.transport is not None
        request.transport.close()
        return response

    with pytest.raises(OutOfReach):
        fetched(breaks, tmp_path / "x.part")
    kept = (tmp_path / "x.part").read_bytes()
    assert kept and kept == BYTES[: len(kept)]


def test_a_server_that_ends_early_or_never_ends_is_refused(tmp_path: Path) -> None:
    async def short(request: web.Request) -> web.StreamResponse:
        return web.Response(body=BYTES[:10])

    async def long(request: web.Request) -> web.StreamResponse:
        return web.Response(body=BYTES + b"!")

    with pytest.raises(OutOfReach, match="it ended after 10 of 2,304,000 bytes"):
        fetched(short, tmp_path / "x.part")
    with pytest.raises(WeightsError, match="more than the 2,304,000 bytes"):
        fetched(long, tmp_path / "y.part")


def test_a_missing_file_and_a_missing_server_are_out_of_reach(tmp_path: Path) -> None:
    with pytest.raises(OutOfReach, match="it answered 404"):
        fetched(whole, tmp_path / "x.part", path="/nothing")
    with pytest.raises(OutOfReach, match="no connection"):
        asyncio.run(Hub("http://127.0.0.1:1/x").fetch(FILE, tmp_path / "x.part", lambda *_: None))


def test_a_mirror_stands_in_for_the_hub_and_for_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "https://mirror.example/")
    hub = Hub("https://huggingface.co/a/b/resolve/main/c.gguf")
    assert hub.name == "https://mirror.example/a/b/resolve/main/c.gguf"
    assert replace(hub, url="https://other.example/c").name == "https://other.example/c"
