"""Checks of what an artifact says, whatever kind it is of.

One rule: letters are compared without regard to case and width, and any white space is as good as another.
"""

import re
import unicodedata

from firm.org.check.look import Look, Seen, each, leaves, short, some
from firm.org.words import language_of

HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]")
_WORD = re.compile(r"\w+(?:['’\-]\w+)*")
_SPACE = re.compile(r"\s+")
_PLACEHOLDERS = re.compile(
    r"(?<![A-Za-z0-9])(?:TODO|TBD|FIXME|XXX+)(?![A-Za-z0-9])|\{\{[^{}\n]{0,80}\}\}|\{mission\}|"
    r"\[(?:insert|your|add|fill in|placeholder)\b[^\]\n]{0,80}\]|<(?:insert|your) [^>\n]{0,80}>|"
    r"待补充|待填写|待定稿|此处填写|（此处[^）\n]{0,40}）|〔待[^〕\n]{0,40}〕"
)
_ANY_CASE = re.compile(r"lorem ipsum|\[(?:insert|your|fill in|placeholder)\b[^\]\n]{0,80}\]", re.IGNORECASE)


def plain(text: str) -> str:
    """As texts are compared: no case, no widths, one space where there is any."""
    return _SPACE.sub(" ", unicodedata.normalize("NFKC", text).casefold()).strip()


def says(body: str, phrase: str) -> bool:
    """Whether a plain text has a phrase; one that begins with a Latin letter or a digit begins a word there."""
    wanted = plain(phrase)
    edge = r"(?<![a-z0-9])" if wanted[:1].isascii() and wanted[:1].isalnum() else ""
    return bool(wanted) and re.search(edge + re.escape(wanted), body) is not None


def count_words(text: str) -> int:
    """Words; each Chinese character is one."""
    return len(HAN.findall(text)) + len(_WORD.findall(HAN.sub(" ", text)))


def not_empty(look: Look) -> Seen:
    """It says something."""
    count = len(_SPACE.sub("", look.body))
    if not count and not look.artifact.files:
        return look.no("it is empty")
    return look.yes("{count} characters", count=f"{count:,}")


def has_words(look: Look, least: float, most: float | None) -> Seen:
    """So many words."""
    count = count_words(look.body)
    if count < least:
        return look.no(
            "it has {count} words; at least {least} are wanted", count=f"{count:,}", least=f"{least:,g}"
        )
    if most is not None and count > most:
        return look.no(
            "it has {count} words; at most {most} are wanted", count=f"{count:,}", most=f"{most:,g}"
        )
    return look.yes("{count} words", count=f"{count:,}")


def mentions(look: Look, *phrases: str) -> Seen:
    """Each of these stands in it."""
    body = plain(look.body)
    missing = [phrase for phrase in phrases if not says(body, phrase)]
    if missing:
        return look.no("it does not mention {what}", what=some(missing))
    return look.yes("mentions {what}", what=some(phrases))


def mentions_any(look: Look, *phrases: str) -> Seen:
    """One of these stands in it."""
    body = plain(look.body)
    found = [phrase for phrase in phrases if says(body, phrase)]
    if not found:
        return look.no("it mentions none of {what}", what=some(phrases))
    return look.yes("mentions {what}", what=some(found))


def mentions_each(look: Look, place: str) -> Seen:
    """Whatever stands at a place of an input stands in it too."""
    name, _, path = place.partition(".")
    found = each(look.assignment.input(name).data, path or ".")
    wanted = list(dict.fromkeys([one for item in found for one in leaves(item)]))
    if not wanted:
        return look.no("nothing stands at {place}, so nothing could be mentioned", place=place)
    body = plain(look.body)
    missing = [one for one in wanted if not says(body, one)]
    if missing:
        told = {
            "count": f"{len(missing):,}",
            "all": f"{len(wanted):,}",
            "place": place,
            "what": some(missing),
        }
        return look.no("it does not mention {count} of the {all} at {place}: {what}", **told)
    return look.yes("mentions all {all} at {place}", all=f"{len(wanted):,}", place=place)


def without(look: Look, *phrases: str) -> Seen:
    """None of these stands in it."""
    body = plain(look.body)
    found = [phrase for phrase in phrases if says(body, phrase)]
    if found:
        return look.no("it mentions {what}, which it must not", what=some(found))
    return look.yes("does not mention {what}", what=some(phrases))


def headings(look: Look, *titles: str) -> Seen:
    """Each of these is a heading of its Markdown."""
    lines = look.body.splitlines()
    there = {plain(line.lstrip("# ")) for line in lines if re.match(r"#{1,6} ", line)}
    missing = [title for title in titles if plain(title) not in there]
    if missing:
        return look.no("it has no heading {what}; write “## …”", what=some(missing))
    return look.yes("has the headings {what}", what=some(titles))


def one_of(look: Look, *choices: str) -> Seen:
    """It is one of these and nothing else."""
    said = plain(look.artifact.text)
    if said not in {plain(choice) for choice in choices}:
        return look.no(
            "it says “{said}”; one of {what} is wanted", said=short(look.artifact.text), what=some(choices)
        )
    return look.yes("says “{said}”", said=short(look.artifact.text))


def no_placeholder(look: Look) -> Seen:
    """Nothing in it was left to be written."""
    found = [hit.group() for pattern in (_PLACEHOLDERS, _ANY_CASE) for hit in pattern.finditer(look.body)]
    if found:
        return look.no("it was left unfinished at {what}", what=some(dict.fromkeys(found)))
    return look.yes("no placeholder")


def language(look: Look, wanted: str) -> Seen:
    """It is written in this language; 'mission' is that of the mission."""
    wanted = look.assignment.language if wanted == "mission" else wanted
    found = language_of(look.body, "")
    if found != wanted:
        return look.no("it is written in {found}; {wanted} is wanted", found=found or "–", wanted=wanted)
    return look.yes("written in {found}", found=found)


def differs(look: Look, name: str) -> Seen:
    """It is no copy of an input."""
    given = look.assignment.input(name)
    same = given.digest == look.artifact.digest or (
        plain(look.artifact.text) == plain(given.text)
        and look.artifact.data == given.data
        and [one.sha256 for one in look.artifact.files] == [one.sha256 for one in given.files]
    )
    if same:
        return look.no("it is a copy of {name}", name=name)
    return look.yes("no copy of {name}", name=name)
