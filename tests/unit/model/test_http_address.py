"""Addresses: the head of a request as bytes, the way through a proxy, and no line break from anywhere."""

import base64

import pytest

from firm.errors import UsageError
from firm.model.http.address import Address, End

PROXIES = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "all_proxy")


@pytest.fixture(autouse=True)
def no_proxy_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)


def lines(head: bytes) -> list[str]:
    """The lines of a head."""
    assert head.endswith(b"\r\n\r\n")
    return head.decode().removesuffix("\r\n\r\n").split("\r\n")


def test_a_head_has_the_path_the_host_the_headers_and_the_length() -> None:
    address = Address("http://gpu-1:8000/v1/", "/chat/completions", {"Authorization": "Bearer k"})
    assert lines(address.post(12, "s-1")) == [
        "POST /v1/chat/completions HTTP/1.1",
        "Host: gpu-1:8000",
        "User-Agent: firm",
        "Accept-Encoding: identity",
        "Authorization: Bearer k",
        "Content-Type: application/json",
        "X-Session-ID: s-1",
        "Content-Length: 12",
    ]
    assert lines(address.get_head)[0] == "GET /v1/chat/completions HTTP/1.1"
    assert not any(line.startswith("Content-") for line in lines(address.get_head))


@pytest.mark.parametrize(
    ("base", "end", "host"),
    [
        ("http://a.example/v1", End("a.example", 80, False), "a.example"),
        ("https://a.example/v1", End("a.example", 443, True), "a.example"),
        ("https://a.example:8443/v1", End("a.example", 8443, True), "a.example:8443"),
        ("http://[::1]:8000/v1", End("::1", 8000, False), "[::1]:8000"),
        ("http://bücher.example/v1", End("xn--bcher-kva.example", 80, False), "xn--bcher-kva.example"),
    ],
)
def test_the_host_is_as_a_server_expects_it(base: str, end: End, host: str) -> None:
    address = Address(base, "/models", {})
    assert address.end == end
    assert f"Host: {host}" in lines(address.get_head)


def test_what_is_no_plain_path_is_quoted_and_what_is_quoted_stays() -> None:
    address = Address("http://h/a b/ü/%20?x=1&y=ü", "", {})
    assert lines(address.get_head)[0] == "GET /a%20b/%C3%BC/%20?x=1&y=%C3%BC HTTP/1.1"


def test_a_user_in_the_address_is_basic_authorization_and_not_part_of_the_host() -> None:
    address = Address("http://me:p%40ss@h:1/v1", "/models", {})
    basic = base64.b64encode(b"me:p@ss").decode()
    assert f"Authorization: Basic {basic}" in lines(address.get_head)
    assert "Host: h:1" in lines(address.get_head)
    own = Address("http://me:pass@h:1/v1", "/models", {"Authorization": "Bearer k"})
    assert [line for line in lines(own.get_head) if line.startswith("Auth")] == ["Authorization: Bearer k"]


@pytest.mark.parametrize("evil", ["k\r\nX-Evil: 1", "k\n", "\rk", "k\x00", "\ud800"])
def test_a_line_break_in_a_header_is_refused_and_the_value_not_shown(evil: str) -> None:
    with pytest.raises(UsageError) as caught:
        Address("http://h/v1", "/models", {"Authorization": "secret" + evil})
    assert "secret" not in str(caught.value)
    with pytest.raises(UsageError):
        Address("http://h/v1", "/models", {evil: "v"})


@pytest.mark.parametrize(
    "base", ["http://h/v1\r\nX: 1", "http://h\n/v1", "http://h\x00/", "http://h/a\tb", "ftp://h/", "http://",
             "http://h:0/", "http://h:99999/", "http://" + "a" * 64 + ".example/", "http://[::1/"]
)  # fmt: skip
def test_what_is_no_address_is_refused(base: str) -> None:
    with pytest.raises(UsageError):
        Address(base, "/models", {})


@pytest.mark.parametrize("session", ["s\r\nX-Evil: 1", "s\n", "s\x00", "s\ud800"])
def test_a_line_break_in_a_session_is_refused(session: str) -> None:
    with pytest.raises(UsageError):
        Address("http://h/v1", "/models", {}).post(1, session)


def test_plain_http_through_a_proxy_names_the_whole_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://u:p@proxy.example:3128")
    address = Address("http://model.example/v1", "/models", {})
    assert address.proxy == End("proxy.example", 3128, False)
    assert lines(address.get_head)[0] == "GET http://model.example:80/v1/models HTTP/1.1"
    basic = base64.b64encode(b"u:p").decode()
    assert f"Proxy-Authorization: Basic {basic}" in lines(address.get_head)


def test_tls_through_a_proxy_keeps_the_proxys_password_out_of_the_tunnel(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("https_proxy", "u:p@proxy.example:3128")
    address = Address("https://model.example/v1", "/models", {})
    assert address.proxy == End("proxy.example", 3128, False)
    assert lines(address.get_head)[0] == "GET /v1/models HTTP/1.1"
    assert b"Proxy-Authorization" not in address.get_head
    assert address.proxy_authorization.startswith(b"Proxy-Authorization: Basic ")


def test_private_addresses_and_those_of_no_proxy_go_without_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://proxy.example:3128")
    monkeypatch.setenv("no_proxy", "near.example")
    for base in ("http://127.0.0.1:1/v1", "http://gpu-1/v1", "http://near.example/v1"):
        assert Address(base, "/models", {}).proxy is None


def test_a_proxy_that_is_none_is_refused_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "socks5://u:geheim@proxy.example:1080")
    with pytest.raises(UsageError) as caught:
        Address("http://model.example/v1", "/models", {})
    assert "proxy.example" in str(caught.value)
    assert "geheim" not in str(caught.value)


def test_a_head_of_any_method_says_what_its_body_is() -> None:
    address = Address("http://h/a", "", {"User-Agent": "me"})
    assert lines(address.head("PUT", size=3, content_type="text/plain")) == [
        "PUT /a HTTP/1.1",
        "Host: h",
        "Accept-Encoding: identity",
        "User-Agent: me",
        "Content-Type: text/plain",
        "Content-Length: 3",
    ]
    assert lines(address.head("DELETE"))[-1] == "User-Agent: me"
    for wrong in ("GET /x", "G\r\nX: 1", ""):
        with pytest.raises(UsageError):
            address.head(wrong)
    with pytest.raises(UsageError):
        address.head("PUT", size=1, content_type="a\r\nX: 1")


def test_who_goes_direct_heeds_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://u:p@proxy.example:3128")
    address = Address("http://model.example/v1", "", {}, direct=True)
    assert address.proxy is None
    assert lines(address.get_head)[0] == "GET /v1 HTTP/1.1"
    assert b"Proxy" not in address.get_head
