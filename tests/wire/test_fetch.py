"""Asking the web: only at addresses that were checked, through every redirect, bounded in time and size.

Servers lie on loopback. A name of the open internet is led there by an event loop that keeps a map of addresses, as
a router would; it notes each address that is connected to, and refuses to look names up.
"""

import asyncio
import datetime
import gzip
import ipaddress
import socket
import ssl
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st
from tests.wire.raw_server import Answer, RawServer, raw_server, request_of, saying, sized

from firm.agent.fetch import Way, fetch, look_up
from firm.agent.page import Page
from firm.errors import NotSent, PolicyDenied, TerminalError, UsageError
from firm.model.http.address import Address
from firm.policy.egress import Allow
from firm.policy.url import parse_url

WEB, OTHER = "93.184.216.34", "2606:2800:220:1::1"
PAGE = saying(sized(b"hello"))


class Net(asyncio.SelectorEventLoop):
    """An event loop in which addresses of the open internet lie on loopback."""

    def __init__(self) -> None:
        super().__init__()
        self.lie_at: dict[str, int] = {}
        """Port on 127.0.0.1 of each address."""
        self.connected: list[tuple[str, int]] = []
        """What was asked for, also in vain."""

    async def create_connection(self, make: Any, host: Any = None, port: Any = None, **more: Any) -> Any:
        """As the router would."""
        self.connected.append((host, port))
        if host in self.lie_at:
            host, port = "127.0.0.1", self.lie_at[host]
        elif host != "127.0.0.1":
            raise OSError("no route")
        return await super().create_connection(make, host, port, **more)

    async def getaddrinfo(self, host: Any, port: Any, **more: Any) -> Any:
        """Nobody may look a name up behind the back of the resolver that was handed in."""
        if host != "127.0.0.1":
            raise AssertionError(f"{host!r} was looked up")
        return await super().getaddrinfo(host, port, **more)


class Names:
    """A resolver: each name has a list of answers, the last one again and again."""

    def __init__(self, **answers: Sequence[Sequence[str]]) -> None:
        self.answers = {name.replace("_", "."): list(found) for name, found in answers.items()}
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        left = self.answers.get(host)
        if not left:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return left.pop(0) if len(left) > 1 else left[0]


def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    with asyncio.Runner(loop_factory=Net) as runner:
        return runner.run(coroutine)


def net() -> Net:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, Net)
    return loop


@asynccontextmanager
async def web(answer: Answer, at: str = WEB, **more: Any) -> AsyncIterator[RawServer]:
    """A server at an address of the open internet."""
    async with raw_server(answer, **more) as server:
        net().lie_at[at] = server.port
        yield server


def way(**answers: Sequence[Sequence[str]]) -> Way:
    """Names and their answers; '_' stands for '.'."""
    return Way(resolve=Names(**answers))


OPEN = Allow(hosts=("*",), methods=("GET", "HEAD", "POST", "PUT"))


async def get(url: str = "http://web.example/", *, allow: Allow = OPEN, **more: Any) -> Page:
    more.setdefault("way", way(web_example=[[WEB]], other_example=[[OTHER]]))
    return await fetch(url, allow=allow, **more)


def to(location: str, status: str = "302 Found") -> bytes:
    """A redirect."""
    return sized(b"moved", status=status.encode(), headers=b"Location: " + location.encode() + b"\r\n")


def fetched(answer: Answer, url: str = "http://web.example/", **more: Any) -> Page:
    """What one server at the open internet gives."""

    async def inside() -> Page:
        async with web(answer):
            return await get(url, **more)

    found: Page = run(inside())
    return found


def test_a_page_is_asked_for_at_the_address_that_was_checked() -> None:
    async def inside() -> None:
        async with web(saying(sized(b"hello", headers=b"X-Y: z\r\n"))) as server:
            page = await get("http://WEB.example/a?b=c#d")
            assert page == Page(
                "http://web.example/a?b=c", 200, {"content-length": "5", "x-y": "z"}, b"hello"
            )
            assert page.text() == "hello"
            assert net().connected == [(WEB, 80)]
            assert server.requests[0][0].decode() == (
                "GET /a?b=c HTTP/1.1\r\nHost: web.example\r\nUser-Agent: firm\r\nAccept-Encoding: identity\r\n\r\n"
            )

    run(inside())


def test_a_name_that_leads_near_or_to_one_bad_address_is_refused_before_anything_is_connected() -> None:
    async def inside() -> None:
        for bad in (
            "127.0.0.1",
            "10.0.0.1",
            "169.254.169.254",
            "fd00:ec2::254",
            "::ffff:127.0.0.1",
            "0.0.0.0",
        ):
            for answer in ([bad], [WEB, bad], [bad, WEB]):
                with pytest.raises(PolicyDenied, match=r"'web\.example:80' leads to "):
                    await get(way=way(web_example=[answer]))
        assert net().connected == []

    run(inside())


def test_a_second_answer_of_the_resolver_is_never_asked_for() -> None:
    async def inside() -> None:
        inner = saying(sized(b"inner secrets"))
        async with raw_server(inner) as near, web(PAGE):
            names = Names(web_example=[[WEB], ["127.0.0.1"]])
            page = await get(
                f"http://web.example:{near.port}/",
                allow=Allow(hosts=("*:" + str(near.port),)),
                way=Way(names),
            )
            assert page.body == b"hello"
            assert names.asked == ["web.example"]
            assert net().connected == [(WEB, near.port)]
            assert near.requests == []

    run(inside())


def test_a_name_that_is_bound_anew_between_two_hops_is_checked_anew() -> None:
    async def inside() -> None:
        async with web(saying(to("/again"))) as server:
            with pytest.raises(
                PolicyDenied, match=r"'web\.example:80' leads to the loopback address '127\.0\.0\.1'"
            ):
                await get(way=way(web_example=[[WEB], ["127.0.0.1"]]))
            assert len(server.requests) == 1
            assert net().connected == [(WEB, 80)]

    run(inside())


NEAR = [
    "http://169.254.169.254/latest/meta-data/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:127.0.0.1]:{port}/",
    "http://127.0.0.1:{port}/",
    "http://127.1:{port}/",
    "http://2130706433:{port}/",
    "http://0x7f.1:{port}/",
    "http://localhost:{port}/",
    "//127.0.0.1:{port}/",
    "///127.0.0.1:{port}/",
    "/\\127.0.0.1:{port}/",
    "\\\\127.0.0.1:{port}/",
    "http:\\\\127.0.0.1:{port}\\",
    "http://web.example@127.0.0.1:{port}/",
    "http://me:pw@web.example/",
    "http://web.example:22/",
    "ftp://web.example/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:{port}/_x",
    "data:,x",
    "http://",
    "http://[::1",
    "http://web.example/\u200b",
    "http:/web.example/",
    "http:web.example",
    "https:/x",
    "//",
    "//web.example:0/",
    "http://web.example/a b",
    "http://web.example./",
]


@pytest.mark.parametrize("location", NEAR, ids=ascii)
def test_a_redirect_that_leads_near_or_astray_is_refused_and_nothing_connected(location: str) -> None:
    async def inside() -> None:
        async with raw_server(PAGE) as near, web(saying(to(location.format(port=near.port)))):
            with pytest.raises(
                PolicyDenied, match=r"^'http://web\.example/' answered with a redirect .* not followed"
            ) as caught:
                await get()
            assert net().connected == [(WEB, 80)]
            assert near.connections == 0
            assert "pw" not in str(caught.value)

    run(inside())


def test_a_redirect_to_a_good_name_that_leads_near_is_refused() -> None:
    async def inside() -> None:
        async with web(saying(to("http://near.example/"))):
            with pytest.raises(PolicyDenied, match=r"'near\.example:80' leads to the loopback address"):
                await get(way=way(web_example=[[WEB]], near_example=[["127.0.0.1"]]))
            assert net().connected == [(WEB, 80)]

    run(inside())


def lines_of(server: RawServer, number: int = 0) -> list[str]:
    """The head of a request."""
    return server.requests[number][0].decode().strip().split("\r\n")


SECRETS = (("Authorization", "Bearer s"), ("Cookie", "id=s"), ("X-Api-Key", "s"), ("Accept", "text/html"))


def test_secrets_go_to_no_other_origin_and_do_not_come_back() -> None:
    async def inside() -> None:
        first = saying(to("/same"), to("http://other.example/x"), sized(b"back"))
        async with web(first) as server, web(saying(to("http://web.example/end")), at=OTHER) as other:
            page = await get(headers=SECRETS)
            assert page.body == b"back"
            assert page.via == ("http://web.example/", "http://web.example/same", "http://other.example/x")
            for number in (0, 1):
                assert lines_of(server, number)[-4:] == [f"{name}: {value}" for name, value in SECRETS]
            assert lines_of(other)[-2:] == ["Accept-Encoding: identity", "Accept: text/html"]
            assert lines_of(server, 2)[-2:] == ["Accept-Encoding: identity", "Accept: text/html"]

    run(inside())


def test_another_port_of_the_same_host_is_another_origin() -> None:
    async def inside() -> None:
        async with web(saying(to("http://web.example:8080/"), sized(b""))) as server:
            await get(headers=SECRETS, allow=Allow(hosts=("web.example", "web.example:8080")))
            assert lines_of(server, 1)[-2:] == ["Accept-Encoding: identity", "Accept: text/html"]
            assert lines_of(server, 1)[1] == "Host: web.example:8080"

    run(inside())


def test_a_redirect_from_outside_does_not_lead_into_the_founders_network_though_it_is_named() -> None:
    async def inside() -> None:
        async with raw_server(PAGE) as near:
            allow = Allow(hosts=("*",), private=(f"127.0.0.1:{near.port}", f"db.lan:{near.port}"))
            url = f"http://127.0.0.1:{near.port}/"
            async with web(saying(to(url))):
                with pytest.raises(PolicyDenied, match="leads from outside to"):
                    await get(allow=allow)
            assert near.connections == 0
            assert (await get(url, allow=allow)).body == b"hello"
            names = way(db_lan=[["127.0.0.1"]])
            assert (await get(f"http://db.lan:{near.port}/", allow=allow, way=names)).body == b"hello"

    run(inside())


def test_named_private_hosts_may_lead_to_each_other() -> None:
    async def inside() -> None:
        async with (
            raw_server(PAGE) as second,
            raw_server(saying(to(f"http://127.0.0.1:{second.port}/x"))) as first,
        ):
            ends = tuple(f"127.0.0.1:{one.port}" for one in (first, second))
            assert (await get(f"http://{ends[0]}/", allow=Allow(private=ends))).url == f"http://{ends[1]}/x"

    run(inside())


@pytest.mark.parametrize(
    ("method", "status", "then"),
    [("POST", "303 See Other", "GET"), ("POST", "302 Found", "GET"), ("POST", "301 Moved", "GET"),
     ("PUT", "303 See Other", "GET"), ("PUT", "302 Found", "PUT"), ("POST", "307 Temporary", "POST"),
     ("POST", "308 Permanent", "POST")],
)  # fmt: skip
def test_what_was_done_is_done_again_only_where_the_server_says_so(
    method: str, status: str, then: str
) -> None:
    async def inside() -> None:
        async with web(saying(to("/next", status), sized(b"end"))) as server:
            sent = (("content-type", "text/plain"), ("Authorization", "k"))
            assert (await get(method=method, body=b"what", headers=sent)).body == b"end"
            assert lines_of(server)[0] == f"{method} / HTTP/1.1"
            assert lines_of(server)[-2:] == ["Content-Type: text/plain", "Content-Length: 4"]
            assert lines_of(server, 1)[0] == f"{then} /next HTTP/1.1"
            assert server.requests[1][1] == (b"" if then == "GET" else b"what")
            assert ("Content-Type: text/plain" in lines_of(server, 1)) == (then != "GET")

    run(inside())


def test_nothing_is_done_elsewhere_than_where_it_was_asked_for() -> None:
    async def inside() -> None:
        async with web(saying(to("http://other.example/", "307 Temporary"))), web(PAGE, at=OTHER) as other:
            with pytest.raises(PolicyDenied, match="would have POST done at 'other.example:80'"):
                await get(method="POST", body=b"what")
            assert other.connections == 0

    run(inside())


def test_a_method_that_is_not_allowed_is_not_reached_through_a_redirect() -> None:
    with pytest.raises(PolicyDenied, match="may not 'GET'"):
        fetched(saying(to("/")), method="POST", allow=Allow(hosts=("*",), methods=("POST",)))


def test_a_loop_of_redirects_ends_at_the_cap() -> None:
    async def inside(cap: int) -> None:
        async with web(saying(to("/"))) as server:
            with pytest.raises(TerminalError, match=f"more than max_redirects={cap} redirects"):
                await get(max_redirects=cap)
            assert len(server.requests) == cap + 1

    for cap in (0, 5, 20):
        run(inside(cap))


def test_a_location_is_followed_only_where_the_status_says_so() -> None:
    for status in ("200 OK", "201 Created", "300 Multiple Choices", "404 Not Found"):
        assert fetched(saying(to("http://169.254.169.254/", status))).status == int(status[:3])
    assert fetched(saying(sized(b"lost", status=b"302 Found"))).body == b"lost"


def test_a_head_has_no_body_whatever_its_length_says() -> None:
    page = fetched(saying(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n"), method="HEAD")
    assert (page.status, page.body, page.headers["content-length"]) == (200, b"", "99")


# Bounded in size.


def chunked(*pieces: bytes, headers: bytes = b"") -> bytes:
    body = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    return b"HTTP/1.1 200 OK\r\n%bTransfer-Encoding: chunked\r\n\r\n%b0\r\n\r\n" % (headers, body)


GZIP = b"Content-Encoding: gzip\r\n"
OVER = [
    b"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: %s\r\n\r\n" % (b"9" * 18),
    sized(b"x" * 1001),
    chunked(b"x" * 600, b"x" * 401),
    b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1001,
    sized(gzip.compress(b"x" * 1001, mtime=0), headers=GZIP),
    chunked(gzip.compress(b"x" * 1001, mtime=0), headers=GZIP),
    sized(zlib.compress(b"x" * 1001), headers=b"Content-Encoding: deflate\r\n"),
]


@pytest.mark.parametrize("reply", OVER)
def test_a_body_over_the_cap_is_refused_packed_or_not(reply: bytes) -> None:
    with pytest.raises(TerminalError, match=r"more than 1,000 bytes; raise max_bytes"):
        fetched(saying(reply, close=True), max_bytes=1000)


@pytest.mark.parametrize(
    "reply",
    [sized(b"x" * 1000), chunked(b"x" * 600, b"x" * 400), b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1000,
     sized(gzip.compress(b"x" * 1000, mtime=0), headers=GZIP),
     sized(zlib.compress(b"x" * 1000), headers=b"content-encoding: DEFLATE\r\n")],
)  # fmt: skip
def test_a_body_at_the_cap_is_read(reply: bytes) -> None:
    assert fetched(saying(reply, close=True), max_bytes=1000).body == b"x" * 1000


def test_a_bomb_is_not_unpacked() -> None:
    packer = zlib.compressobj(9, wbits=31)
    bomb = b"".join([packer.compress(bytes(1 << 20)) for _ in range(128)]) + packer.flush()
    assert len(bomb) < 200_000
    tracemalloc.start()
    try:
        with pytest.raises(TerminalError, match="more than 5,242,880 bytes"):
            fetched(saying(sized(bomb, headers=GZIP)))
        assert tracemalloc.get_traced_memory()[1] < 20 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (sized(b"x", headers=b"Content-Encoding: br\r\n"), "encoded as 'br'"),
        (sized(b"x", headers=b"Content-Encoding: gzip, gzip\r\n"), "encoded as 'gzip, gzip'"),
        (sized(b"no gzip", headers=GZIP), "not encoded as it says"),
        (sized(gzip.compress(b"x", mtime=0) + b"more", headers=GZIP), "behind the end"),
    ],
)  # fmt: skip
def test_what_cannot_be_unpacked_is_said_and_not_asked_for_again(reply: bytes, told: str) -> None:
    with pytest.raises(TerminalError, match=told):
        fetched(saying(reply))


def test_a_packed_page_without_a_body_is_empty() -> None:
    assert fetched(saying(sized(b"", headers=GZIP))).body == b""


# Bounded in time.


def dripping(start: bytes, drop: bytes) -> Answer:
    """Says something now and then, for ever."""

    async def answer(server: RawServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        writer.write(start)
        while True:
            await asyncio.sleep(0.005)
            writer.write(drop)
            await writer.drain()

    return answer


@pytest.mark.parametrize(
    ("start", "drop"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", b"x"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
        (b"H", b""),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
    ids=["body", "chunks", "headers", "silence", "interim"],
)
def test_a_slow_drip_ends_at_the_time_cap(start: bytes, drop: bytes) -> None:
    with pytest.raises(TimeoutError, match=r"^GET 'http://web\.example/' took longer than timeout_s=0\.1"):
        fetched(dripping(start, drop), timeout_s=0.1)


def test_the_time_cap_holds_over_all_hops_together() -> None:
    async def slowly(server: RawServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        await asyncio.sleep(0.03)
        writer.write(to("/"))

    with pytest.raises(TimeoutError, match="took longer than"):
        fetched(slowly, timeout_s=0.1, max_redirects=20)


def test_out_of_time_before_anything_was_sent_is_surely_not_sent() -> None:
    async def never(host: str, port: int) -> Sequence[str]:
        await asyncio.Event().wait()
        return []

    with pytest.raises(NotSent, match="took longer than timeout_s=0.05"):
        run(get(way=Way(never), timeout_s=0.05))


# What goes wrong.


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000 + b"\r\n\r\n", "bytes of headers came"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 30_000, "bytes of headers came"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 10_000, "bytes of headers came"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "does not speak HTTP"),
        (b"", "closed the connection without an answer"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", "in the middle of the reply"),
        (b"HTTP/1.1 302 Found\r\nLocation: /", "in the middle of the reply"),
        (sized(gzip.compress(b"x" * 99, mtime=0)[:-5], headers=GZIP), "ends in the middle"),
    ],
    ids=["huge header", "many headers", "interim", "no HTTP", "nothing", "half a body", "half a head", "half a gzip"],
)  # fmt: skip
def test_what_breaks_after_it_was_sent_is_a_lost_connection(reply: bytes, told: str) -> None:
    with pytest.raises(ConnectionError, match=told):
        fetched(saying(reply, close=True))


def test_where_nobody_listens_nothing_was_sent() -> None:
    with pytest.raises(NotSent, match=r"nothing was sent to 'web\.example:80': no route; see"):
        run(get())
    with pytest.raises(NotSent, match="its name was not found: .*not known"):
        run(get("http://none.example/"))
    with pytest.raises(NotSent, match="its name has no address"):
        run(get(way=way(web_example=[[]])))


def test_no_connection_after_a_redirect_is_no_proof_that_nothing_was_sent() -> None:
    with pytest.raises(ConnectionError, match=r"'other\.example:80': no route"):
        fetched(saying(to("http://other.example/")), method="POST")


def test_all_checked_addresses_are_tried() -> None:
    async def inside() -> None:
        async with web(PAGE):
            assert (await get(way=way(web_example=[["1.1.1.1", OTHER, WEB]]))).body == b"hello"
            assert [host for host, _ in net().connected] == ["1.1.1.1", OTHER, WEB]

    run(inside())


def test_no_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async def inside() -> None:
        async with raw_server(PAGE) as proxy, web(PAGE) as server:
            for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY"):
                monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
            assert (await get()).body == b"hello"
            assert (proxy.connections, server.connections) == (0, 1)
            assert lines_of(server)[0] == "GET / HTTP/1.1"

    run(inside())


def test_who_gives_up_leaves_no_connection_behind() -> None:
    async def inside() -> None:
        async with web(dripping(b"HTTP/1.1 200 OK\r\n\r\n", b"x")) as server:
            asking = asyncio.ensure_future(get())
            while not server.connections:
                await asyncio.sleep(0)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            await asyncio.wait_for(server.ended.wait(), 5)

    run(inside())


@pytest.mark.parametrize(
    "wrong",
    [{"method": "get"}, {"method": "CONNECT"}, {"method": "GET\r\nX: 1"}, {"body": b"x"},
     {"method": "POST", "body": "x"},
     {"max_bytes": 0}, {"max_bytes": 1 << 40}, {"timeout_s": 0}, {"timeout_s": float("nan")}, {"timeout_s": 1e9},
     {"max_redirects": -1}, {"max_redirects": 21}, {"headers": [("Host", "other.example")]},
     {"headers": [("content-length", "0")]}, {"headers": [("Transfer-Encoding", "chunked")]},
     {"headers": [("A", "1"), ("a", "2")]}, {"headers": [("A", "1\r\nB: 2")]}, {"headers": [("A b", "1")]},
     {"headers": [("Host ", "1")]}, {"method": "POST", "body": b"x", "headers": [("Content-Type", "a\r\nB: 2")]}],
    ids=ascii,
)  # fmt: skip
def test_what_is_out_of_range_is_refused_before_anything_is_sent(wrong: dict[str, Any]) -> None:
    async def inside() -> None:
        async with web(PAGE) as server:
            with pytest.raises(UsageError):
                await get(**wrong)
            assert server.requests == []

    run(inside())


# TLS, with a certificate that signed for itself.


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Key and certificate of web.example and of one address."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "web.example")])
    now = datetime.datetime.now(datetime.UTC)
    names = x509.SubjectAlternativeName(
        [x509.DNSName("web.example"), x509.IPAddress(ipaddress.ip_address(OTHER))]
    )
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now - datetime.timedelta(days=1))
    builder = builder.not_valid_after(now + datetime.timedelta(days=1)).add_extension(names, critical=False)
    signed = builder.sign(key, hashes.SHA256())
    plain = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    pem = serialization.Encoding.PEM
    path.write_bytes(key.private_bytes(pem, *plain) + signed.public_bytes(pem))
    return path


@pytest.fixture
def served(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """TLS of the server's side; clients trust it."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def asked_for(context: ssl.SSLContext) -> list[str | None]:
    """The server names that clients say from now on."""
    names: list[str | None] = []
    context.sni_callback = lambda sock, name, inner: names.append(name)
    return names


def test_tls_is_with_the_name_though_the_connection_goes_to_the_address(served: ssl.SSLContext) -> None:
    async def inside() -> None:
        names = asked_for(served)
        async with web(PAGE, tls=served) as server:
            assert (await get("https://web.example/")).body == b"hello"
            assert names == ["web.example"]
            assert net().connected == [(WEB, 443)]
            assert "Host: web.example" in lines_of(server)

    run(inside())


def test_a_certificate_of_another_name_or_that_nobody_trusts_is_refused(
    served: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def inside() -> None:
        async with web(PAGE, at=OTHER, tls=served) as server:
            with pytest.raises(NotSent, match="certificate is not trusted: Hostname mismatch"):
                await get("https://other.example/")
            assert (await get(f"https://[{OTHER}]/")).body == b"hello"
            monkeypatch.delenv("SSL_CERT_FILE")
            with pytest.raises(NotSent, match="certificate is not trusted: self"):
                await get(f"https://[{OTHER}]/")
            assert len(server.requests) == 1

    run(inside())


def test_a_redirect_from_tls_to_none_is_refused_and_one_to_tls_followed(served: ssl.SSLContext) -> None:
    async def inside() -> None:
        async with web(saying(to("http://web.example/")), tls=served):
            with pytest.raises(PolicyDenied, match="leads from TLS to 'http://web.example/'"):
                await get("https://web.example/")
        async with web(saying(to(f"https://[{OTHER}]/"))), web(PAGE, at=OTHER, tls=served) as there:
            assert (await get(headers=SECRETS)).body == b"hello"
            assert not any("Bearer" in line for line in lines_of(there))

    run(inside())


def test_one_way_reads_the_certificates_once(served: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch) -> None:
    async def inside() -> int:
        made = []
        real = ssl.create_default_context
        monkeypatch.setattr(ssl, "create_default_context", lambda: made.append(1) or real())
        shared = way(web_example=[[WEB]])
        async with web(PAGE, tls=served):
            for _ in range(3):
                await get("https://web.example/", way=shared)
        return len(made)

    assert run(inside()) == 1


@given(st.from_regex(r"https?://[A-Za-z0-9.:_\[\]-]{1,20}[!-~]{0,20}", fullmatch=True))
def test_the_client_reads_a_url_as_the_check_did(url: str) -> None:
    try:
        target = parse_url(url)
    except PolicyDenied:
        return
    address = Address(target.url, "", {}, direct=True)
    assert address.end == (target.host, target.port, target.scheme == "https")
    assert address.get_head.startswith(b"GET /")
    assert b"\r\nHost: %b\r\n" % target.url.split("/")[2].encode() in address.get_head
    assert b"Authorization" not in address.get_head


# With the system's own resolver and the loop that the engine runs on.


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_named_host_is_reached_with_the_systems_resolver(loop: str) -> None:
    async def inside() -> None:
        assert "127.0.0.1" in await look_up("localhost", 80)
        async with raw_server(PAGE) as server:
            url = f"http://localhost:{server.port}/"
            assert (await fetch(url, allow=Allow(private=(f"localhost:{server.port}",)))).body == b"hello"
            with pytest.raises(PolicyDenied, match="name of a private network"):
                await fetch(url, allow=Allow(hosts=(f"*:{server.port}",)))
            with pytest.raises(NotSent, match="its name was not found"):
                await fetch("http://no-such-name.invalid/", allow=Allow(hosts=("*",)))

    factory: dict[str, Callable[[], asyncio.AbstractEventLoop]]
    factory = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
    with asyncio.Runner(loop_factory=factory[loop]) as runner:
        runner.run(inside())
