"""A web page as text that a model can read: headings, paragraphs, lists, tables, links; no scripts, no styles.

One rule: it never fails, whatever a page is made of, and it comes to an end: what the parser cannot get through in
its time is left out, and that is said.
"""

import re
import time
from html.parser import HTMLParser
from urllib.parse import urljoin

_LEFT_OUT = frozenset(
    {"script", "style", "noscript", "template", "svg", "math", "iframe", "object", "head", "select"}
)
_BLOCKS = frozenset(
    {
        "address",
        "article",
        "aside",
        "blockquote",
        "body",
        "dd",
        "details",
        "dialog",
        "div",
        "dl",
        "dt",
        "fieldset",
    }
    | {"figcaption", "figure", "footer", "form", "header", "hr", "main", "nav", "ol", "p", "pre", "section"}
    | {"summary", "table", "tbody", "tfoot", "thead", "ul", "caption"}
)
_HEADINGS = {f"h{level}": "#" * level for level in range(1, 7)}
_LINES = frozenset({"br", "tr", "li"})
_SPACE = re.compile(r"[ \t\r\f\v\xa0]+")
_GAPS = re.compile(r"\n{3,}")
MAX_LINK_CHARS = 500
READ_S = 5.0
"""Longest that one page is worked on."""
PIECE_CHARS = 32_768
MAX_PENDING_CHARS = 4 * PIECE_CHARS
"""Longest tag that is waited for."""
_HIDDEN = (("<script", "</script"), ("<style", "</style"), ("<!--", "-->"))
LEFT_OUT = "… the rest of the page could not be read"


def readable(html: str, url: str) -> tuple[str, str]:
    """Title and text of a page.

    Args:
        html: As it came.
        url: Where it came from; links are told from there.
    """
    page, until = _Page(url), time.monotonic() + READ_S
    for opening, closing in _HIDDEN:
        html = _without(html, opening, closing)
    for at in range(0, len(html), PIECE_CHARS):
        page.feed(html[at : at + PIECE_CHARS])
        if len(page.rawdata) > MAX_PENDING_CHARS or time.monotonic() > until:
            page.parts.append(f"\n\n{LEFT_OUT}")
            break
    else:
        page.end()
    lines = "".join(page.parts).split("\n")
    told = (line[1:] if line.startswith("\0") else line.strip() for line in lines)
    return " ".join("".join(page.title).split()), _GAPS.sub("\n\n", "\n".join(told).replace("\0", "")).strip()


def _without(html: str, opening: str, closing: str) -> str:
    """A page without all that stands between two marks, in time in proportion to its length."""
    lower = html.lower() if len(html.lower()) == len(html) else html
    kept, at = list[str](), 0
    while (start := lower.find(opening, at)) >= 0:
        kept.append(html[at:start])
        end = lower.find(closing, start)
        if end < 0:
            return "".join(kept)
        at = end + len(closing)
        if closing != "-->":
            at = lower.find(">", at) + 1 or len(html)
    kept.append(html[at:])
    return "".join(kept)


class _Page(HTMLParser):
    def __init__(self, url: str) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.title: list[str] = []
        self._url = url
        self._out: list[str] = []
        """What is open of that which is left out."""
        self._link: tuple[str, int] | None = None
        """Where the open link leads, and the part it begins with."""
        self._plain = 0
        self._in_title = False

    def end(self) -> None:
        """What is left is not long enough to take long."""
        self.rawdata = self.rawdata[: PIECE_CHARS // 4]
        self.close()

    def parse_html_declaration(self, i: int) -> int:
        """A marked section is none in HTML, and a broken one would raise."""
        if self.rawdata.startswith("<![", i):
            return self.parse_bogus_comment(i)
        return super().parse_html_declaration(i)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._in_title = tag == "title" and not self.title
        if tag in _LEFT_OUT:
            if tag not in self._out:
                self._out.append(tag)
        elif tag == "body":
            self._out.clear()
        if self._out:
            return
        found = dict(attrs)
        if tag in _HEADINGS:
            self.parts.append(f"\n\n{_HEADINGS[tag]} ")
        elif tag in _BLOCKS:
            self.parts.append("\n\n")
            self._plain += tag == "pre"
        elif tag in _LINES:
            self.parts.append("\n- " if tag == "li" else "\n")
        elif tag in ("td", "th"):
            self.parts.append(" | ")
        elif tag == "a":
            self._link = found.get("href") or "", len(self.parts)
        elif tag == "img" and (words := found.get("alt")):
            self.parts.append(f"[picture: {_SPACE.sub(' ', words)[:200]}]")

    def handle_endtag(self, tag: str) -> None:
        self._in_title = self._in_title and tag != "title"
        if tag in self._out:
            del self._out[self._out.index(tag) :]
            return
        if self._out:
            return
        if tag == "a":
            self._end_link()
        elif tag in _BLOCKS or tag in _HEADINGS:
            self.parts.append("\n\n")
            self._plain -= tag == "pre" and self._plain > 0

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.title.append(data[:500])
        if self._out:
            return
        if self._plain:
            self.parts.append(data.replace("\n", "\n\0"))
        else:
            self.parts.append(_SPACE.sub(" ", data.replace("\n", " ")))

    def _end_link(self) -> None:
        """Words of a link, with where it leads."""
        if self._link is None:
            return
        (href, since), self._link = self._link, None
        words = " ".join("".join(self.parts[since:]).replace("\0", "").split())
        try:
            target = urljoin(self._url, href.strip()[:MAX_LINK_CHARS])
        except ValueError:
            target = ""
        if words and not href.startswith("#") and target.startswith(("http://", "https://", "mailto:")):
            self.parts[since:] = [f"[{words}]({target})"]
