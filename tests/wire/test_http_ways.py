"""The way to a server: TLS, a proxy, several addresses, and what is said where there is no way."""

import asyncio
import base64
import os
import socket
import ssl
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import uvloop
from tests.wire.raw_server import Answer, RawServer, raw_server, request_of, saying, sized

from firm.model.http import opening
from firm.model.http.address import End
from firm.model.http.download import download
from firm.model.http.opening import Opener, TlsContext
from firm.model.patience import Patience
from firm.model.transport import Address, Transport
from firm.model.wire.fault import Fault, Kind

LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
PROXIES = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "all_proxy")
HOST = "model.example"
HELLO = saying(sized(b"hello"))


@pytest.fixture(params=LOOPS)
def run(request: pytest.FixtureRequest) -> Callable[[Coroutine[Any, Any, Any]], Any]:
    """Runs on both event loops, in turn."""

    def run_on(coroutine: Coroutine[Any, Any, Any]) -> Any:
        with asyncio.Runner(loop_factory=LOOPS[request.param]) as runner:
            return runner.run(coroutine)

    return run_on


@pytest.fixture(autouse=True)
def no_proxy_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Key and certificate of a server that signed for itself, in one file."""
    folder = tmp_path_factory.mktemp("tls")
    key, signed, both = folder / "key.pem", folder / "cert.pem", folder / "both.pem"
    names = f"subjectAltName=DNS:{HOST},DNS:localhost"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    files = ["-keyout", str(key), "-out", str(signed)]
    subprocess.run(
        [*command.split(), "-subj", f"/CN={HOST}", "-addext", names, *files], check=True, capture_output=True
    )
    both.write_text(key.read_text() + signed.read_text())
    return both


def served_with(certificate: Path) -> ssl.SSLContext:
    """TLS of the server's side."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


async def post(address: Address, *, times: int = 1, patience: Patience = Patience()) -> bytes:  # noqa: B008
    """What a server answers, the last time."""
    transport, found = Transport(patience), b""
    try:
        for _ in range(times):
            found = await transport.post(address, b"{}")
        return found
    finally:
        await transport.close()


async def refused(address: Address, patience: Patience = Patience()) -> Fault:  # noqa: B008
    """Why there was no connection."""
    with pytest.raises(Fault) as caught:
        await post(address, patience=patience)
    assert caught.value.kind is Kind.CONNECT
    return caught.value


def test_tls_with_a_trusted_certificate(run: Any, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))

    async def inside() -> tuple[bytes, int]:
        async with raw_server(HELLO, tls=served_with(certificate)) as server:
            found = await post(Address(f"https://localhost:{server.port}/v1", "/x", {}), times=3)
            return found, server.connections

    assert run(inside()) == (b"hello", 1)


def test_large_bodies_both_ways_through_tls(
    run: Any, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    body = bytes(range(256)) * 20_000

    async def echo(server: RawServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(sized((await request_of(reader))[1]))

    async def inside() -> bool:
        transport = Transport()
        try:
            async with raw_server(echo, tls=served_with(certificate)) as server:
                address = Address(f"https://localhost:{server.port}/v1", "/x", {})
                found = [await transport.post(address, body) for _ in range(2)]
                return found == [body, body] and server.connections == 1
        finally:
            await transport.close()

    assert run(inside())


def test_a_certificate_that_nobody_trusts_or_of_another_host_is_refused(
    run: Any, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def inside() -> None:
        async with raw_server(HELLO, tls=served_with(certificate)) as server:
            fault = await refused(Address(f"https://localhost:{server.port}/v1", "/x", {}))
            assert "certificate is not trusted" in fault.told
            monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
            fault = await refused(Address(f"https://127.0.0.1:{server.port}/v1", "/x", {}))
            assert "certificate is not trusted" in fault.told
            assert server.requests == []

    run(inside())


def test_tls_to_a_server_without_it_is_no_connection(run: Any) -> None:
    async def inside() -> None:
        async with raw_server(HELLO) as server:
            patience = Patience(connect_s=0.3)
            await refused(Address(f"https://localhost:{server.port}/v1", "/x", {}), patience)

    run(inside())


@asynccontextmanager
async def proxy(answer: bytes, *, to: RawServer | None) -> AsyncIterator[RawServer]:
    """A proxy that answers CONNECT so, and then leads to the one server that there is."""

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
        writer.close()

    async def serve(server: RawServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.requests.append(await request_of(reader))
        writer.write(answer)
        if to is None:
            await reader.read(-1)
            return
        there = await asyncio.open_connection("127.0.0.1", to.port)
        try:
            await asyncio.gather(copy(reader, there[1]), copy(there[0], writer))
        finally:
            there[1].close()

    async with raw_server(serve) as server:
        yield server


def test_tls_goes_through_a_tunnel_of_the_proxy(
    run: Any, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))

    async def inside() -> None:
        async with (
            raw_server(HELLO, tls=served_with(certificate)) as server,
            proxy(b"HTTP/1.1 200 Connection established\r\n\r\n", to=server) as way,
        ):
            monkeypatch.setenv("https_proxy", f"http://me:pw@127.0.0.1:{way.port}")
            address = Address(f"https://{HOST}/v1", "/x", {"Authorization": "Bearer k"})
            assert await post(address, times=2) == b"hello"
            assert (way.connections, server.connections) == (1, 1)
            asked = way.requests[0][0].decode()
            assert asked.startswith(f"CONNECT {HOST}:443 HTTP/1.1\r\nHost: {HOST}:443\r\n")
            basic = base64.b64encode(b"me:pw").decode()
            assert f"\r\nProxy-Authorization: Basic {basic}\r\n" in asked
            assert "Bearer" not in asked
            assert b"Bearer k" in server.requests[0][0]
            assert b"Proxy-Authorization" not in server.requests[0][0]

    run(inside())


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n", "answered 407"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "does not speak HTTP"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000, "without an end"),
        (b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", ""),
        (b"", "no connection within 0.3 s"),
    ],
    ids=["407", "no HTTP", "endless", "no TLS behind it", "silent"],
)
def test_a_proxy_that_does_not_let_through_is_no_connection(
    run: Any, answer: bytes, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def inside() -> None:
        async with proxy(answer, to=None) as way:
            monkeypatch.setenv("https_proxy", f"http://me:geheim@127.0.0.1:{way.port}")
            fault = await refused(Address(f"https://{HOST}/v1", "/x", {}), Patience(connect_s=0.3))
            assert told in fault.told
            assert "geheim" not in fault.told
            await asyncio.wait_for(_closed(way), 5)

    run(inside())


async def _closed(server: RawServer) -> None:
    await asyncio.gather(*server.serving)


def test_plain_http_goes_through_the_proxy_with_the_whole_address(
    run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def inside() -> bytes:
        async with raw_server(HELLO) as way:
            monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{way.port}")
            assert await post(Address(f"http://{HOST}/v1", "/x", {}), times=2) == b"hello"
            assert way.connections == 1
            return way.requests[0][0].partition(b"\r\n")[0]

    assert run(inside()) == f"POST http://{HOST}:80/v1/x HTTP/1.1".encode()


def test_all_addresses_of_a_name_are_tried(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    looked_up: list[End] = []

    async def hosts(self: Opener, end: End) -> list[str]:
        looked_up.append(end)
        return ["127.0.0.2", "127.0.0.3", "127.0.0.1"]

    monkeypatch.setattr(Opener, "_hosts", hosts)

    async def inside() -> bytes:
        async with raw_server(HELLO) as server:
            return await post(Address(f"http://{HOST}:{server.port}/v1", "/x", {}))

    assert run(inside()) == b"hello"
    assert len(looked_up) == 1


def test_those_who_ask_for_a_name_at_one_time_share_one_look_up(run: Any) -> None:
    async def inside() -> int:
        asked = []
        loop = asyncio.get_running_loop()
        real = loop.getaddrinfo

        async def counting(*args: Any, **more: Any) -> Any:
            asked.append(args)
            return await real(*args, **more)

        class Loop:
            """The loop with a look-up that counts."""

            getaddrinfo = staticmethod(counting)
            time = staticmethod(loop.time)

        opener = Opener(Loop(), Address("http://localhost:1/v1", "/x", {}), TlsContext(), connect_s=1)  # type: ignore[arg-type]
        end = End("localhost", 1, False)
        found = await asyncio.gather(*(opener._hosts(end) for _ in range(50)))
        assert "127.0.0.1" in found[0]
        assert found == [found[0]] * 50
        return len(asked)

    assert run(inside()) == 1


def test_a_name_that_is_none_is_no_connection(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def unknown(loop: object, end: End) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(opening, "_look_up", unknown)
    fault = run(refused(Address(f"http://{HOST}:1/v1", "/x", {})))
    assert fault.told == "Name or service not known"


def test_a_server_that_does_not_take_connections_is_given_up_in_time(run: Any) -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        for sock in waiting:
            sock.setblocking(False)
            sock.connect_ex(("127.0.0.1", port))
        try:
            began_s = time.monotonic()
            address = Address(f"http://127.0.0.1:{port}/v1", "/x", {})
            fault = run(refused(address, Patience(connect_s=0.2)))
            assert fault.told == "no connection within 0.2 s"
            assert time.monotonic() - began_s < 2
        finally:
            for sock in waiting:
                sock.close()


async def fetched(url: str) -> tuple[int, bytes]:
    """Status and body of a file."""
    async with download(url, {"Range": "bytes=1-"}, connect_s=5, silence_s=0.2) as answer:
        return answer.status, b"".join([piece async for piece in answer.pieces()])


def moved(target: str) -> bytes:
    """A redirect."""
    return sized(b"elsewhere", status=b"302 Found", headers=f"Location: {target}\r\n".encode())


def test_a_file_larger_than_any_reply_comes_through_redirects(run: Any) -> None:
    body = bytes(range(256)) * 40_000

    async def inside() -> list[bytes]:
        async with raw_server(saying(moved("/b/?x=1"), sized(body))) as server:
            assert await fetched(f"http://127.0.0.1:{server.port}/a") == (200, body)
            assert all(b"\r\nRange: bytes=1-\r\n" in head for head, _ in server.requests)
            return [head.partition(b" HTTP")[0] for head, _ in server.requests]

    assert run(inside()) == [b"GET /a", b"GET /b/?x=1"]


@pytest.mark.parametrize(
    ("reply", "kind", "told"),
    [
        (moved("/again"), Kind.JUNK, "more than 10 redirects"),
        (moved("ftp://h/x"), Kind.JUNK, "leads to no address"),
        (sized(b"hello")[:-1], Kind.SLOW, "nothing came for 0.2 s"),
        (b"junk", Kind.JUNK, "does not speak HTTP"),
    ],
)
def test_a_file_that_does_not_come_is_a_fault(run: Any, reply: bytes, kind: Kind, told: str) -> None:
    async def inside() -> Fault:
        async with raw_server(saying(reply)) as server:
            with pytest.raises(Fault) as caught:
                await fetched(server.url)
            return caught.value

    fault = run(inside())
    assert fault.kind is kind
    assert told in fault.told


def test_a_redirect_out_of_tls_is_not_followed(
    run: Any, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))

    async def inside() -> Fault:
        async with raw_server(saying(moved("http://127.0.0.1:1/x")), tls=served_with(certificate)) as server:
            with pytest.raises(Fault) as caught:
                await fetched(f"https://localhost:{server.port}/a")
            return caught.value

    assert "from TLS" in run(inside()).told


def test_no_socket_is_left_open(run: Any) -> None:
    if not os.path.isdir("/proc/self/fd"):
        pytest.skip("no /proc here")

    async def answer(server: RawServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        writer.write(sized(b"hello")[:-1] if server.connections % 2 else sized(b"hello"))
        await reader.read(-1)

    async def inside(use: Answer) -> None:
        transport = Transport(Patience(total_s=0.1))
        async with raw_server(use) as server:
            address = Address(server.url, "/x", {})
            await asyncio.gather(*(transport.post(address, b"") for _ in range(20)), return_exceptions=True)
            await transport.close()

    before = len(os.listdir("/proc/self/fd"))
    run(inside(answer))
    assert len(os.listdir("/proc/self/fd")) == before
