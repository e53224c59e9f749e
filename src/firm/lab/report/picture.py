"""The picture of an artifact, as it comes from a problem, put into the page so that it cannot do anything.

One rule: it is shown as an image of its own (`<img src="data:…">`), where no script runs, nothing is loaded and no
style reaches the page; what is not one well-formed SVG of a bearable size is not shown.
"""

import base64
import re
from xml.etree import ElementTree

from firm.lab.report.markup import Html, tag

MAX_CHARS = 2_000_000
"""Longest picture."""
SVG = "http://www.w3.org/2000/svg"


def picture(svg: str, title: str) -> Html | None:
    """The image; None where there is none, or it is no SVG.

    Args:
        svg: As `Problem.picture` drew it.
        title: For those who do not see it.
    """
    drawn = _named(svg.strip())
    if not drawn or len(drawn) > MAX_CHARS or "<!" in re.sub(r"<!--.*?-->", "", drawn, flags=re.DOTALL):
        return None
    try:
        root = ElementTree.fromstring(drawn)
    except ElementTree.ParseError:
        return None
    if root.tag != f"{{{SVG}}}svg":
        return None
    data = base64.b64encode(drawn.encode("utf-8", "replace")).decode("ascii")
    return tag("img", cls="picture", alt=title, src=f"data:image/svg+xml;base64,{data}")


def _named(svg: str) -> str:
    """With the name of its language, which an inline SVG may leave out and an image may not."""
    if "xmlns=" in svg[:2000] or not svg.startswith("<svg"):
        return svg
    return f'<svg xmlns="{SVG}"{svg[4:]}'
