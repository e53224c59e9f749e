"""Pages: how their bytes are read as text."""

import pytest

from firm.agent.page import Page


def page(body: bytes, kind: str = "") -> Page:
    """A page with such a content type."""
    return Page("http://a.example/", 200, {"content-type": kind} if kind else {}, body)


@pytest.mark.parametrize(
    ("kind", "body", "text"),
    [
        ("", "ü".encode(), "ü"),
        ("text/html", "\ufeffü".encode(), "ü"),
        ("text/html; charset=utf-8", "\ufeffü".encode(), "ü"),
        ('text/html; Charset = "ISO-8859-1"; x=y', b"\xfc", "ü"),
        ("text/html;charset='windows-1252'", b"\x80", "€"),
        ("text/html; charset=utf-16le", "ü".encode("utf-16-le"), "ü"),
        ("text/html; charset=Shift_JIS", "日本".encode("shift_jis"), "日本"),
        ("text/html; charset=us-ascii", "ü".encode(), "ü"),
        ("text/html; charset=utf-8", b"a\xffb", "a\ufffdb"),
    ],
)
def test_a_body_is_read_in_the_encoding_that_its_headers_name(kind: str, body: bytes, text: str) -> None:
    assert page(body, kind).text() == text


@pytest.mark.parametrize(
    "name", ["nothing", "hex", "zip", "bz2", "base64", "rot13", "idna", "punycode", "unicode_escape", "utf-7", "os",
             "undefined", "raw_unicode_escape", "..", "aliases", "x" * 1000]
)  # fmt: skip
def test_an_encoding_that_is_none_of_the_web_is_read_as_utf_8(name: str) -> None:
    body = b"a \\x41 +AGE- 6162 \xc3\xbc"
    assert page(body, f"text/plain; charset={name}").text() == body.decode()
