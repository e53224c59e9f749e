"""The web: search, pages as text, requests; on loopback, through the addresses that the founder opened."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.agent.kit.calling import refused, said
from tests.wire.raw_server import raw_server, saying, sized

from firm.agent.kit import http_get, http_send, read_page, web_search
from firm.agent.kit.readable import readable
from firm.agent.kit.search import Folder, Hit, SearxNG, use_search
from firm.agent.tool import tool_of
from firm.errors import PolicyDenied, TerminalError, UsageError
from firm.kernel.context import opened
from firm.root.config import Egress

PAGE = b"""<!doctype html><html><head><title>The  best
 wings</title><script>alert('no')</script><style>p { color: red }</style></head>
<body><nav><a href="/home">Home</a></nav><h1>Wings</h1><p>They <b>fly</b>,&nbsp;see
<a href="more.html#x">the <i>rest</i></a> &amp; <a href="javascript:alert(1)">not this</a>.</p>
<ul><li>one<li>two</ul><table><tr><th>name<th>span<tr><td>a<td>2 m</table>
<pre>def f():
    pass</pre><img src="x.png" alt="a wing"><!-- a comment --></body></html>"""


def asked(
    reply: bytes, call: Any, *, kind: bytes = b"text/html", status: bytes = b"200 OK", **firm: Any
) -> Any:
    """What a call says whose address answers this; `{url}` in its arguments is that address; with the requests."""

    async def main() -> Any:
        answer = saying(sized(reply, status=status, headers=b"Content-Type: " + kind + b"\r\n"))
        async with raw_server(answer) as server:
            opens = Egress(private=(f"127.0.0.1:{server.port}",))
            token = opened.set(SimpleNamespace(egress=(opens,), **firm))
            try:
                return await call(server.url), server.requests
            finally:
                opened.reset(token)

    return asyncio.run(asyncio.wait_for(main(), 20))


# --- pages -------------------------------------------------------------------------------------------------------


def test_a_page_becomes_text_with_its_links() -> None:
    text, requests = asked(PAGE, read_page)
    url = text.split("\n")[1]
    assert text == (
        f"The best wings\n{url}\n\n[Home]({url.removesuffix('/v1')}/home)\n\n# Wings\n\n"
        f"They fly, see [the rest]({url.removesuffix('v1')}more.html#x) & not this.\n\n- one\n- two\n\n"
        "| name | span\n| a | 2 m\n\ndef f():\n    pass\n\n[picture: a wing]"
    )
    assert b"accept: text/html" in requests[0][0].lower()


def test_a_page_that_is_no_html_is_text_as_it_is() -> None:
    text, _ = asked(b'{"a": "<b>"}', read_page, kind=b"application/json")
    assert text.endswith('\n\n{"a": "<b>"}')
    text, _ = asked("Füße".encode("latin-1"), read_page, kind=b"text/plain; charset=latin-1")
    assert text.endswith("\n\nFüße")


def test_a_page_that_cannot_be_read_says_so() -> None:
    with pytest.raises(UsageError, match="answered 404; try another address"):
        asked(b"gone", read_page, status=b"404 Not Found")
    with pytest.raises(UsageError, match="no text but 'image/png', 4 bytes"):
        asked(b"\x89PNG", read_page, kind=b"image/png")


def test_a_long_page_is_bounded() -> None:
    text, _ = asked(b"<p>" + b"word " * 60_000, read_page)
    assert len(text) < 200_200
    assert text.endswith("more characters are left out")


def test_only_what_the_founder_opened_is_reached() -> None:
    for tool, args in ((read_page, ()), (http_get, ()), (http_send, ())):
        assert "[[egress]]" in refused(tool, "http://127.0.0.1:9/", *args, by=PolicyDenied)


@given(
    st.text(alphabet="<>/=\"'&;ab \n!-[]", max_size=60),
    st.sampled_from(["http://a.example/", "", "http://["]),
)
def test_no_text_makes_the_reader_fail(html: str, url: str) -> None:
    for text in (html, f"<a href={html}>x</a>", f"<title>{html}", f"<pre>{html}</pre></p></a></pre>{html}"):
        assert isinstance(readable(text, url), tuple)


@pytest.mark.parametrize("html", ["<![", "a<![>b", "<![CDATA[x]]>b", "<![if !IE]>b<![endif]>"])
def test_a_marked_section_is_left_out(html: str) -> None:
    for text in (html, f"<pre>{html}</pre>", f"<p>{html}</p></a"):
        assert isinstance(readable(text, "http://a.example/"), tuple)
    assert readable(f"{html}\n<p>end", "")[1].endswith("end")


def test_a_deep_or_broken_page_is_read_in_time() -> None:
    began = asyncio.new_event_loop()
    before = began.time()
    for html in (
        "<div>" * 100_000 + "x",
        "<a href=x>" * 50_000 + "x" + "</a>" * 50_000,
        "<svg>" * 50_000 + "</svg>",
    ):
        readable(html, "http://a.example/")
    assert began.time() - before < 10
    began.close()


# --- search ------------------------------------------------------------------------------------------------------


class Fixed:
    """A search that always finds the same."""

    async def __call__(self, query: str) -> Sequence[Hit]:
        return [Hit(f"about {query}", f"http://a.example/{number}", "words") for number in range(20)]


def test_a_search_asks_the_provider_and_shows_ten() -> None:
    with use_search(Fixed()):
        words = said(web_search, "wings")
    assert words.startswith("1. about wings\nhttp://a.example/0\nwords\n\n2. about wings\n")
    assert words.endswith("10. about wings\nhttp://a.example/9\nwords")


def test_without_a_provider_it_says_how_to_get_one() -> None:
    assert "use_search(SearxNG(" in refused(web_search, "wings", by=UsageError)
    assert "give 1 to 1,000 characters" in refused(web_search, " ", by=UsageError)


def test_a_firm_has_a_provider_of_its_own() -> None:
    token = opened.set(SimpleNamespace(egress=(), search=Fixed()))
    try:
        assert said(web_search, "wings").startswith("1. about wings")
    finally:
        opened.reset(token)


def test_searxng_is_asked_for_json() -> None:
    found = {
        "query": "x",
        "results": [{"url": "http://a.example/", "title": "A", "content": "c", "score": 1}],
    }

    async def search(url: str) -> Any:
        with use_search(SearxNG(url)):
            return await web_search("wings & tails")

    words, requests = asked(json.dumps(found).encode(), search, kind=b"application/json")
    assert words == "1. A\nhttp://a.example/\nc"
    assert requests[0][0].startswith(b"GET /v1/search?q=wings+%26+tails&format=json ")
    with pytest.raises(TerminalError, match="'json' among search.formats"):
        asked(b"", search, status=b"403 Forbidden")
    with pytest.raises(TerminalError, match="no JSON of SearXNG"):
        asked(b"<html>", search)
    assert asked(b'{"results": []}', search)[0].startswith("nothing was found for 'wings & tails'")


def test_a_folder_is_searched_for_rare_words_first(tmp_path: Path) -> None:
    for name, text in (
        ("a.txt", "# Wings\nAll about wings.\nAnd more."),
        ("b/c.md", "Tails and wings\nA rudder."),
        ("d.txt", "nothing"),
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    with use_search(Folder(tmp_path, url="http://docs.example")):
        assert said(web_search, "wings rudder") == (
            "1. Tails and wings\nhttp://docs.example/b/c.md\nTails and wings\nA rudder.\n\n"
            "2. Wings\nhttp://docs.example/a.txt\n# Wings\nAll about wings."
        )
        assert said(web_search, "zeppelin").startswith("nothing was found")


# --- requests ----------------------------------------------------------------------------------------------------


def test_a_get_tells_status_headers_and_body() -> None:
    async def get(url: str) -> Any:
        return await http_get(url, {"x-mine": "1"})

    words, requests = asked(b'{"a": 1}', get, kind=b"application/json", status=b"404 Not Found")
    assert words.split("\n")[0].startswith("404 http://127.0.0.1:")
    assert words.endswith('\ncontent-type: application/json\n\n{"a": 1}')
    assert b"x-mine: 1" in requests[0][0].lower()
    assert "(binary, 3 bytes)" in asked(b"a\0b", get)[0]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_send_carries_method_and_body(method: Any) -> None:
    async def send(url: str) -> Any:
        return await http_send(url, method, '{"ä": 1}')

    words, requests = asked(b"done", send, status=b"201 Created")
    head, body = requests[0]
    assert words.startswith("201 ") and words.endswith("\n\ndone")
    assert head.startswith(method.encode() + b" /v1 ") and b"content-type: application/json" in head.lower()
    assert body == '{"ä": 1}'.encode()


def test_a_content_type_that_is_given_holds() -> None:
    async def send(url: str) -> Any:
        return await http_send(url, "POST", "a=1", {"Content-Type": "application/x-www-form-urlencoded"})

    head = asked(b"", send)[1][0][0].lower()
    assert head.count(b"content-type:") == 1 and b"x-www-form-urlencoded" in head


def test_too_much_is_refused() -> None:
    assert "at most 30" in refused(
        http_get, "http://a.example/", {f"h{n}": "x" for n in range(31)}, by=UsageError
    )
    assert "send less" in refused(http_send, "http://a.example/", "POST", "x" * 1_000_001, by=UsageError)


def test_what_sends_is_grave_and_what_reads_is_marked() -> None:
    assert tool_of(http_send).risk == "send" and tool_of(http_send).effect == "once"
    for tool in (web_search, read_page, http_get, http_send):
        assert tool_of(tool).untrusted
    assert tool_of(read_page).action({"url": "https://a.example/x"}, "", "", ()).host == "a.example"
