"""Where agents may go: every trick that leads a check past an address, and what stays open."""

import ipaddress
import re
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firm.errors import PolicyDenied, UsageError
from firm.policy.egress import Allow, allow_for, check_addresses, check_url
from firm.policy.network import kind_of, parse_address
from firm.policy.url import MAX_URL_CHARS, Target, parse_url, shown

ALL = Allow(hosts=("*",))
NOTHING = Allow()
WEB = Target("http://web.example/", "http", "web.example", 80)

LOOPBACK_AND_ITS_DISGUISES = [
    "http://127.0.0.1/",
    "http://127.0.0.1:80/",
    "http://127.8.8.8/",
    "http://2130706433/",
    "http://017700000001/",
    "http://0x7f000001/",
    "http://0x7F.0x0.0x0.0x1/",
    "http://0x7f.1/",
    "http://0177.0.0.1/",
    "http://0177.0.0.01/",
    "http://127.1/",
    "http://127.0.1/",
    "http://127.0.0.0x1/",
    "http://127.000.000.001/",
    "http://127.0.0.1./",
    "http://127.0.0.256/",
    "http://127.0.0.1.1/",
    "http://0/",
    "http://0.0.0.0/",
    "http://0x/",
    "http://00000000000000000000000000000000000000000177.1/",
    "http://[::1]/",
    "http://[0:0:0:0:0:0:0:1]/",
    "http://[::]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[0:0:0:0:0:ffff:127.0.0.1]/",
    "http://[::127.0.0.1]/",
    "http://[::ffff:0:127.0.0.1]/",
    "http://[64:ff9b::127.0.0.1]/",
    "http://[64:ff9b:1::7f00:1]/",
    "http://[2002:7f00:1::]/",
    "http://[2001::1]/",
    "http://[2001:4860:4860::5efe:127.0.0.1]/",
    "http://[2001:4860:4860::200:5efe:127.0.0.1]/",
    "http://[::1%25lo]/",
    "http://[::1%lo]/",
    "http://[fe80::1%25eth0]/",
    "http://[v1.::1]/",
    "http://localhost/",
    "http://LOCALHOST/",
    "http://localhost./",
    "http://a.localhost/",
    "http://１２７.０.０.１/",
    "http://127。0。0。1/",
    "http://ⓛocalhost/",
    "http://①②⑦.⓪.⓪.①/",
    "http://localhost%00.web.example/",
    "http://%6c%6f%63%61lhost/",
    "http://%31%32%37.0.0.1/",
]
OTHER_NETWORKS = [
    "http://10.0.0.1/",
    "http://172.16.0.1/",
    "http://172.31.255.255/",
    "http://192.168.0.1/",
    "http://100.64.0.1/",
    "http://100.127.255.255/",
    "http://169.254.169.254/latest/meta-data/",
    "http://169.254.170.2/v2/credentials",
    "http://2852039166/",
    "http://0xA9FEA9FE/",
    "http://0251.0376.0251.0376/",
    "http://[::ffff:169.254.169.254]/",
    "http://[::ffff:a9fe:a9fe]/",
    "http://[64:ff9b::a9fe:a9fe]/",
    "http://[fd00:ec2::254]/",
    "http://[fd20:ce::254]/",
    "http://100.100.100.200/",
    "http://168.63.129.16/",
    "http://192.0.0.192/",
    "http://metadata.google.internal/",
    "http://printer.local/",
    "http://nas.home.arpa/",
    "http://intranet/",
    "http://[fe80::1]/",
    "http://[fec0::1]/",
    "http://[fc00::1]/",
    "http://[ff02::1]/",
    "http://[100::1]/",
    "http://[2001:db8::1]/",
    "http://[3fff::1]/",
    "http://[5f00::1]/",
    "http://[4000::1]/",
    "http://[::ffff:93.184.216.34]/",
    "http://224.0.0.1/",
    "http://240.0.0.1/",
    "http://255.255.255.255/",
    "http://192.0.2.1/",
    "http://198.18.0.1/",
    "http://198.51.100.1/",
    "http://203.0.113.1/",
    "http://192.88.99.1/",
]
TWO_READINGS = [
    "http://web.example@127.0.0.1/",
    "http://127.0.0.1@web.example/",
    "http://me:pw@web.example/",
    "http://@web.example/",
    "http://web.example:80@127.0.0.1/",
    "http://web.example\\@127.0.0.1/",
    "http://127.0.0.1\\@web.example/",
    "http:\\\\127.0.0.1\\",
    "http:/\\web.example/",
    "http:///web.example/",
    "http:/web.example/",
    "http:web.example/",
    "//web.example/",
    "web.example",
    "http://",
    "http:///",
    "http://?x",
    "http://#x",
    "http://.",
    "http://./",
    "http://../",
    "http://.web.example/",
    "http://web..example/",
    "http://web.example./",
    "http://web.example../",
    "http://web.example:/",
    "http://web.example:0/",
    "http://web.example:65536/",
    "http://web.example:99999/",
    "http://web.example:080/",
    "http://web.example:+80/",
    "http://web.example:-1/",
    "http://web.example:8０/",
    "http://web.example:80:80/",
    "http://web.example:http/",
    "http://web.example:1234567890/",
    "http://[::1/",
    "http://::1/",
    "http://]/",
    "http://[]/",
    "http://[web.example]/",
    "http://[127.0.0.1]/",
    "http://[::1]x/",
    "http://x[::1]/",
    "http://web.example\x00.evil.example/",
    "http://web.example/\x00",
    "http://web.example\r\nHost: evil.example/",
    "http://web.example/\r\nX: 1",
    "http://web.example/a\tb",
    "http://web\texample/",
    "\x01http://web.example/",
    " http://web.example/",
    "http://web.example/ ",
    "http://web .example/",
    "http://web.example/a b",
    "http://web.example/\x85",
    "http://web.example/\u2028",
    "http://web.example/\u200b",
    "http://web\u00ad.example/",
    "http://web.example/\ud800",
    "http://web\u2024example/",
    "http://web\uff0eexample/",
    "http://web.example\uff0f.evil.example/",
    "http://web.example\u2100.evil.example/",
    "http://evil.example\uff03.web.example/",
    "http://faß.example/",
    "http://ﬁrm.example/",
    "http://u\u0308ber.example/",
    "http://xn--.example/",
    "http://xn--localhost-.example/",
    "http://xn--99999999999.example/",
    "http://-web.example/",
    "http://web-.example/",
    "http://we!b.example/",
    "http://web,example/",
    "http://web;example/",
    "http://web'.example/",
    "http://$(x).example/",
    "http://" + "a" * 64 + ".example/",
    "http://" + "a." * 127 + "example/",
    "http://web.example/" + "a" * MAX_URL_CHARS,
    "ftp://web.example/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:6379/_x",
    "dict://127.0.0.1:11211/",
    "javascript:alert(1)",
    "data:text/plain,x",
    "jar:http://web.example!/",
    "unix:///run/docker.sock",
    "http+unix://%2frun%2fdocker.sock/",
    "httpſ://web.example/",
    "",
]  # fmt: skip


@pytest.mark.parametrize("url", LOOPBACK_AND_ITS_DISGUISES + OTHER_NETWORKS + TWO_READINGS, ids=ascii)
def test_what_leads_elsewhere_than_to_the_open_internet_is_refused_without_a_look_up(url: str) -> None:
    with pytest.raises(PolicyDenied) as caught:
        check_url(url, ALL)
    assert re.search(r"[:;] (write|leave|give|add|put|use|if it is meant, add) ", str(caught.value))
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize(
    ("url", "read", "host", "port"),
    [
        ("http://web.example", "http://web.example/", "web.example", 80),
        ("HTTPS://Web.Example:443/A?b#c", "https://web.example/A?b", "web.example", 443),
        ("https://web.example?a=b", "https://web.example/?a=b", "web.example", 443),
        ("http://web.example/a@b:c//d?u=http://x/%0a", "http://web.example/a@b:c//d?u=http://x/%0a", "web.example", 80),
        ("http://93.184.216.34/", "http://93.184.216.34/", "93.184.216.34", 80),
        ("http://[2606:2800:220:1::0]/", "http://[2606:2800:220:1::]/", "2606:2800:220:1::", 80),
        ("http://[64:ff9b::5db8:d822]/", "http://[64:ff9b::5db8:d822]/", "64:ff9b::5db8:d822", 80),
        ("http://bücher.example/ü?ü", "http://xn--bcher-kva.example/%C3%BC?%C3%BC", "xn--bcher-kva.example", 80),
        ("http://BÜCHER.example/", "http://xn--bcher-kva.example/", "xn--bcher-kva.example", 80),
        ("http://xn--fa-hia.example/", "http://xn--fa-hia.example/", "xn--fa-hia.example", 80),
        ("http://r3---a.b_c.example/", "http://r3---a.b_c.example/", "r3---a.b_c.example", 80),
        ("http://1.web.example/", "http://1.web.example/", "1.web.example", 80),
        ("http://0x7f.example/", "http://0x7f.example/", "0x7f.example", 80),
    ],
)  # fmt: skip
def test_a_plain_url_has_one_reading(url: str, read: str, host: str, port: int) -> None:
    target = check_url(url, ALL)
    assert (target.url, target.host, target.port) == (read, host, port)
    assert parse_url(target.url) == target


@given(
    st.text(max_size=60).map("http://".__add__)
    | st.from_regex(r"https?://[a-z0-9.:@\[\]%/\\#?-]{0,30}", fullmatch=True)
)
def test_what_is_read_is_read_the_same_by_others_and_again(url: str) -> None:
    try:
        target = parse_url(url)
    except PolicyDenied:
        return
    parts = urlsplit(target.url)
    assert target.url.isascii()
    assert (parts.scheme, parts.username, parts.hostname) == (target.scheme, None, target.host)
    assert (parts.port or {"http": 80, "https": 443}[parts.scheme]) == target.port
    assert parse_url(target.url) == target


def test_a_homoglyph_is_another_host() -> None:
    allow = Allow(hosts=("paypal.example",))
    assert check_url("https://paypal.example/", allow).host == "paypal.example"
    with pytest.raises(PolicyDenied, match="may not reach 'xn--"):
        check_url("https://p\u0430ypal.example/", allow)


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("web.example", ["http://web.example/", "https://web.example/", "https://WEB.example:443/"],
         ["http://web.example:443/", "http://a.web.example/", "http://web.example:8080/", "http://evilweb.example/",
          "http://web.example.evil.example/"]),
        ("*.web.example", ["http://a.web.example/", "http://a.b.web.example/"],
         ["http://web.example/", "http://evilweb.example/", "http://a.web.example:8080/"]),
        ("web.example:8080", ["http://web.example:8080/", "https://web.example:8080/"], ["http://web.example/"]),
        ("*:8080", ["http://a.example:8080/"], ["http://a.example/"]),
        ("bücher.example", ["http://bücher.example/", "http://xn--bcher-kva.example/"], ["http://bucher.example/"]),
        ("93.184.216.34", ["http://93.184.216.34/"], ["http://93.184.216.35/", "http://web.example/"]),
        ("[2606:2800::1]", ["http://[2606:2800:0::1]/"], ["http://[2606:2800::2]/"]),
    ],
)  # fmt: skip
def test_hosts_are_those_that_were_named_at_their_ports(pattern: str, yes: list[str], no: list[str]) -> None:
    allow = Allow(hosts=(pattern,))
    for url in yes:
        assert check_url(url, allow).url
    for url in no:
        with pytest.raises(PolicyDenied, match="may not reach"):
            check_url(url, allow)


def test_nothing_is_open_that_nobody_named() -> None:
    with pytest.raises(
        PolicyDenied, match=r"agent 'scout' may not reach 'web.example:80'; its hosts are none: add"
    ):
        check_url("http://web.example/", Allow(agent="scout"))
    with pytest.raises(PolicyDenied, match="may not 'POST'"):
        check_url("http://web.example/", ALL, method="POST")
    with pytest.raises(PolicyDenied, match="may not use 'http'"):
        check_url("http://web.example/", Allow(hosts=("*",), schemes=("https",)))


@pytest.mark.parametrize(
    "wrong",
    ["", "web*.example", "*web.example", "a.*.example", "**", "*.", "*.*", "http://web.example", "web.example/",
     "me@web.example", "web.example:0", "web.example:x", "127.0.0.1", "10.0.0.1:80", "[::1]", "[::ffff:93.184.216.34]",
     "127.1", "web example", "*.1.2.3.4"],
)  # fmt: skip
def test_a_pattern_that_could_mean_more_than_it_says_is_refused(wrong: str) -> None:
    with pytest.raises(UsageError, match='in "hosts"'):
        Allow(hosts=("web.example", wrong))


@pytest.mark.parametrize(
    "wrong",
    ["", "*", "*:80", "*.lan:80", "db.lan", "127.0.0.1", "[::1]", "::1", "db.lan:0", "http://db.lan:80", "0.0.0.0:80",
     "224.0.0.1:80", "[::ffff:127.0.0.1]:80", "255.255.255.255:80", "127.1:80", "10.0.0.0/8:80"],
)  # fmt: skip
def test_private_hosts_are_named_one_by_one_with_their_port(wrong: str) -> None:
    with pytest.raises(UsageError, match='in "private"'):
        Allow(private=(wrong,))


@pytest.mark.parametrize("wrong", [{"schemes": ("ftp",)}, {"methods": ("get",)}, {"methods": ("CONNECT",)}])
def test_schemes_and_methods_are_known_ones(wrong: dict[str, tuple[str, ...]]) -> None:
    with pytest.raises(UsageError, match="give some of"):
        Allow(**wrong)  # type: ignore[arg-type]


def test_a_named_private_host_opens_this_host_at_this_port_and_no_other() -> None:
    allow = Allow(hosts=("*",), private=("db.lan:8080", "127.0.0.1:8000", "[::1]:8000"))
    assert check_url("http://db.lan:8080/", allow).end == "db.lan:8080"
    assert check_url("http://127.0.0.1:8000/", allow).end == "127.0.0.1:8000"
    assert check_url("http://[0::1]:8000/", allow).end == "[::1]:8000"
    for url in ("http://127.0.0.1:8001/", "http://127.0.0.2:8000/", "http://[::ffff:127.0.0.1]:8000/"):
        with pytest.raises(PolicyDenied):
            check_url(url, allow)


@pytest.mark.parametrize("bad", ["10.0.0.1", "127.0.0.1", "100.64.0.1", "fd00::1", "::1"])
def test_a_name_leads_near_only_where_the_founder_named_it_with_its_port(bad: str) -> None:
    allow = Allow(hosts=("*",), private=("db.lan:80", "web.example:81"))
    named = Target("http://db.lan/", "http", "db.lan", 80)
    assert check_addresses(named, [bad, "93.184.216.34"], allow) == (bad, "93.184.216.34")
    with pytest.raises(
        PolicyDenied, match=r"'web.example:80' leads to .* add 'web.example:80' to \"private\""
    ):
        check_addresses(WEB, [bad], allow)


@pytest.mark.parametrize(
    "bad", ["169.254.169.254", "fd00:ec2::254", "fe80::1", "169.254.1.1", "168.63.129.16"]
)
def test_no_name_leads_to_metadata_or_to_the_link_not_even_one_that_was_named(bad: str) -> None:
    allow = Allow(private=("web.example:80", "169.254.169.254:80"))
    with pytest.raises(PolicyDenied, match="which no name may lead to"):
        check_addresses(WEB, [bad], allow)
    assert check_url("http://169.254.169.254/", allow).host == "169.254.169.254"
    itself = Target("http://169.254.169.254/", "http", "169.254.169.254", 80)
    assert check_addresses(itself, ["169.254.169.254"], allow) == ("169.254.169.254",)


@pytest.mark.parametrize(
    "bad",
    ["0.0.0.0", "::", "224.0.0.1", "ff02::1", "255.255.255.255", "::ffff:127.0.0.1", "::ffff:93.184.216.34", "2002::1",
     "2001:db8::1", "fe80::1%eth0", "127.1", "localhost", "", "0x7f.0.0.1", "192.0.2.1", "4000::1"],
)  # fmt: skip
def test_what_is_no_address_of_a_host_is_refused_for_everyone(bad: str) -> None:
    for allow in (ALL, Allow(private=("web.example:80",))):
        with pytest.raises(PolicyDenied):
            check_addresses(WEB, [bad], allow)


def test_one_bad_address_among_the_answers_refuses_all_wherever_it_stands() -> None:
    good = ["93.184.216.34", "2606:2800:220:1::1", "1.1.1.1"]
    assert check_addresses(WEB, [*good, good[0]], ALL) == tuple(good)
    for place in range(len(good) + 1):
        with pytest.raises(PolicyDenied, match="loopback address '127.0.0.1'"):
            check_addresses(WEB, [*good[:place], "127.0.0.1", *good[place:]], ALL)
    with pytest.raises(PolicyDenied, match="has no address"):
        check_addresses(WEB, [], ALL)


@given(st.ip_addresses())
def test_an_address_is_open_at_most_where_python_says_so_too(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    _held_to_python(address)


@given(
    st.ip_addresses(network="::ffff:0:0/96")
    | st.ip_addresses(network="2000::/3")
    | st.ip_addresses(network="2001::/16")
)
def test_an_address_of_the_crowded_networks_is_open_at_most_where_python_says_so_too(
    address: ipaddress.IPv6Address,
) -> None:
    _held_to_python(address)


def _held_to_python(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    """Python's own table, in all its versions, says of nothing that is open here that it is private."""
    if kind_of(address) == "":
        assert not address.is_private
        assert not address.is_multicast
        assert not address.is_reserved or address in ipaddress.ip_network("64:ff9b::/96")


@given(st.ip_addresses(v=4))
def test_nat64_is_as_open_as_the_address_in_it(inner: ipaddress.IPv4Address) -> None:
    outer = ipaddress.IPv6Address(int(ipaddress.IPv6Address("64:ff9b::")) + int(inner))
    assert kind_of(outer) == kind_of(inner)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://web.example@127.0.0.1/", "a user name or an '@'"),
        ("http://a%2eweb.example/", "written with '%'"),
        ("http://[fe80::1%25eth0]/", "written with '%'"),
        ("http://web.example\\.evil.example/", "a backslash"),
        ("http://web.example\x00/", "cannot be seen"),
        ("http://web.example./", "ends with a dot"),
        ("http://2130706433/", "its host is a number"),
        ("http://xn--99999999999.example/", "stands for no international name"),
        ("http://web.example:0/", "its port is '0'"),
        ("http://[::ffff:127.0.0.1]/", "the tunnel address"),
        ("http://localhost/", "a name of a private network"),
        ("http://169.254.169.254/", "the metadata address"),
    ],
)
def test_each_refusal_says_why(url: str, why: str) -> None:
    with pytest.raises(PolicyDenied) as caught:
        check_url(url, ALL)
    assert why in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "addresses"),
    [
        ("", "1.1.1.1 100.128.0.1 172.32.0.1 192.0.1.1 223.255.255.255 2606:4700::1111 64:ff9b::101:101 2001:200::1"),
        ("loopback", "127.0.0.1 127.255.255.255 ::1 64:ff9b::7f00:1"),
        ("private", "10.0.0.0 10.255.255.255 172.16.0.0 172.31.255.255 192.168.255.255 fc00:: fdff::1"),
        ("shared", "100.64.0.0 100.127.255.255"),
        ("link-local", "169.254.0.1 169.254.169.253 fe80::1 febf::1"),
        ("metadata", "169.254.169.254 169.254.170.2 169.254.170.23 100.100.100.200 192.0.0.192 168.63.129.16"),
        ("metadata", "fd00:ec2::254 fd00:ec2::23 fd20:ce::254 64:ff9b::a9fe:a9fe"),
        ("multicast", "224.0.0.1 239.255.255.255 ff02::1"),
        ("unspecified", "0.0.0.0 0.1.2.3 ::"),
        ("documentation", "192.0.2.1 198.51.100.1 203.0.113.1 2001:db8::1 3fff::1"),
        ("tunnel", "::ffff:1.1.1.1 ::1.1.1.1 64:ff9b:1::1 2001::1 2001:0:ffff::1 2002:101:101::1 192.88.99.1"),
        ("tunnel", "2606::5efe:1.1.1.1 2606::200:5efe:1.1.1.1"),
        ("reserved", "192.0.0.1 198.18.0.1 198.19.255.255 240.0.0.1 255.255.255.255 2001:1::1 2001:1ff::1 fec0::1"),
        ("reserved", "100::1 1fff::1 4000::1 5f00::1 ::2:0:0:0:1 64:ff9b:2::1"),
    ],
)  # fmt: skip
def test_every_network_has_its_kind(kind: str, addresses: str) -> None:
    found = {text: kind_of(ipaddress.ip_address(text)) for text in addresses.split()}
    assert found == dict.fromkeys(addresses.split(), kind)


def test_addresses_have_one_spelling() -> None:
    assert str(parse_address("2606:0::1")) == "2606::1"
    assert [parse_address(text) for text in ("127.1", "0177.0.0.1", "::1%lo", "1.2.3.4 ", "")] == [None] * 5


def test_no_message_shows_a_password_or_a_query() -> None:
    for url in (
        "http://me:geheim@web.example/",
        "http:\\\\me:geheim@web.example/",
        "me:geheim@web.example",
        "http://web.example:0/?key=geheim",
        "http://other.example:0/#geheim",
        "ftp://web.example/?key=geheim",
    ):
        with pytest.raises(PolicyDenied) as caught:
            check_url(url, NOTHING)
        assert "geheim" not in str(caught.value)
        assert ".example" in str(caught.value)
    assert shown("http://a.example/b?c#d") == "http://a.example/b"
    assert len(shown("http://a.example/" + "b" * 1000)) == 200


class Entry:
    """As `[[egress]]` of firm.toml is read."""

    def __init__(self, agent: str, hosts: tuple[str, ...] = (), private: tuple[str, ...] = ()) -> None:
        self.agent, self.hosts, self.private = agent, hosts, private


def test_an_agent_has_what_all_entries_that_fit_it_allow() -> None:
    entries = [
        Entry("*", ("docs.example",)),
        Entry("scout*", ("*.web.example", "docs.example"), ("db.lan:80",)),
        Entry("clerk", ("bank.example",)),
    ]
    assert allow_for(entries, "scout-2") == Allow(
        hosts=("docs.example", "*.web.example"), private=("db.lan:80",), agent="scout-2"
    )
    assert allow_for(entries, "").hosts == ("docs.example",)
    assert allow_for(entries[1:], "other") == Allow(agent="other")
