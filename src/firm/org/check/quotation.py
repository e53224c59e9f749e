"""Whether quotations stand word for word in what they are said to come from.

One rule: a quotation of three words (six Chinese characters) or more that is not in the source refuses the whole; a
text with no such quotation cites nothing.
"""

import re

from firm.org.check.look import Look, Seen, body_of, some
from firm.org.check.said import HAN, count_words, plain

LEAST_WORDS, LEAST_HAN = 3, 6
"""Shorter ones are words in quotation marks."""
PROSE = (".md", ".txt")
"""Files whose quotation marks are those of prose."""
_QUOTED = re.compile(r"“([^“”]{1,4000})”|「([^「」]{1,4000})」|『([^『』]{1,4000})』|\"([^\"\n]{1,4000})\"")
_BLOCK = re.compile(r"(?:^[ \t]{0,3}>[^\n]*\n?)+", re.MULTILINE)
_GAP = re.compile(r"\s*(?:\[\s*(?:…|\.\.\.)\s*\]|……|…|\.\.\.)\s*")
_MARKS = str.maketrans(
    {"“": '"', "”": '"', "「": '"', "」": '"', "『": '"', "』": '"', "‘": "'", "’": "'", "–": "-", "—": "-"}
)


def quotations(text: str) -> list[str]:
    """All quotations of a text: between quotation marks, and lines that begin with `>`."""
    blocks = [re.sub(r"^[ \t]{0,3}> ?", "", hit.group(), flags=re.MULTILINE) for hit in _BLOCK.finditer(text)]
    rest = _BLOCK.sub("\n", text)
    marked = [next(group for group in hit.groups() if group is not None) for hit in _QUOTED.finditer(rest)]
    return [one.strip() for one in [*blocks, *marked] if is_long(one)]


def is_long(quotation: str) -> bool:
    """Whether it is long enough to be one."""
    return len(HAN.findall(quotation)) >= LEAST_HAN or count_words(HAN.sub(" ", quotation)) >= LEAST_WORDS


def stands_in(quotation: str, source: str) -> bool:
    """Whether a quotation stands in a source; where it leaves something out (`…`), its pieces in their order.

    Args:
        quotation: As it was written.
        source: As `comparable` gives it.
    """
    place = 0
    pieces = [comparable(piece) for piece in _GAP.split(quotation)]
    for piece in [piece.strip(' "') for piece in pieces if piece.strip(' "')]:
        found = source.find(piece, place)
        if found < 0:
            found = source.find(piece.rstrip(".,;:。，；："), place)
        if found < 0:
            return False
        place = found + 1
    return True


def comparable(text: str) -> str:
    """A text as quotations are compared with it: marks, case, width and white space are alike, and so is emphasis."""
    said = plain(text.translate(_MARKS)).replace("*", "").replace("_", "").translate(_MARKS)
    return re.sub(r"(?<=[\u3400-\u9fff]) (?=[\u3400-\u9fff])", "", said)


def cites(look: Look, *names: str) -> Seen:
    """Every quotation stands word for word in one of these inputs, and there is at least one."""
    sources = [comparable(body_of(look.assignment.input(name), look.home)) for name in names]
    found = quotations(body_of(look.artifact, look.home, PROSE))
    if not found:
        return look.no(
            "it quotes nothing from {names}; quote word for word, in “…” or on lines with >",
            names=", ".join(names),
        )
    wrong = [one for one in found if not any(stands_in(one, source) for source in sources)]
    if wrong:
        told = {
            "count": f"{len(wrong):,}",
            "all": f"{len(found):,}",
            "names": ", ".join(names),
            "what": some(wrong),
        }
        return look.no("{count} of {all} quotations do not stand word for word in {names}: {what}", **told)
    return look.yes(
        "all {all} quotations stand word for word in {names}", all=f"{len(found):,}", names=", ".join(names)
    )
