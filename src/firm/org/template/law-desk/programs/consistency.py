"""What a contract says against itself, found without a model.

One rule: it reports only what can be pointed at: a quotation and the clause that it stands in.
"""

import re

from firm.org.assignment import Assignment, Made
from firm.org.words import Say

_REFERENCE = re.compile(r"(?:[Cc]lauses?|[Ss]ections?|[Aa]rticles?|第) ?(\d+(?:\.\d+)*)(?: ?条)?")
_TWICE = re.compile(
    r"([A-Za-z]+(?:[- ](?:and |hundred and )?[A-Za-z]+){0,4}|[一二三四五六七八九十百两]+) ?[(（](\d+)[)）]"
)
_DEFINED = re.compile(
    r"[(（][^()（）\n]{0,40}?[\"“]([^\"”\n]{1,40})[\"”][)）]|[\"“]([^\"”\n]{1,40})[\"”] (?:means|shall mean)"
)
_CAPITAL = re.compile(r"\b([A-Z][a-z]+(?: [A-Z][a-z]+)+)\b")
_BEGINS = {"A", "All", "An", "Any", "Each", "Every", "If", "In", "No", "Such", "The", "This", "Upon"}
"""Words that begin a sentence, and no term."""
_SMALL = {
    "zero": 0,
    "one": 1,
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "seven": 7,
    "eight": 8,
    "nine": 9,
    "ten": 10,
    "eleven": 11,
    "twelve": 12,
    "thirteen": 13,
    "fourteen": 14,
    "fifteen": 15,
    "sixteen": 16,
    "seventeen": 17,
    "eighteen": 18,
    "nineteen": 19,
}
_TENS = {
    "twenty": 20,
    "thirty": 30,
    "forty": 40,
    "fifty": 50,
    "sixty": 60,
    "seventy": 70,
    "eighty": 80,
    "ninety": 90,
}
_HAN = {han: value for value, han in enumerate("零一二三四五六七八九")} | {"两": 2}
CHINESE = {
    "references to clauses": "对条款的引用",
    "numbers in words and in figures": "大写与数字",
    "capitalised terms": "大写开头的术语",
    "there is no clause {id}": "没有第{id}条",
    "the words say {value}, the figures {figures}": "大写为{value}，数字为{figures}",
    "it is written like a defined term, and no clause defines it": "写法像已定义的术语，但没有条款定义它",
}


def look(given: Assignment) -> Made:
    """All contradictions of the contract that was taken in."""
    clauses, say = given.input("contract").data["clauses"], Say(given.language, CHINESE)
    judges = (lost_references, numbers_that_disagree, terms_without_definition)
    found = [one for judge in judges for one in judge(clauses, given.language)]
    phrases = ("references to clauses", "numbers in words and in figures", "capitalised terms")
    looked_at = [say(phrase) for phrase in phrases]
    return Made(data={"looked_at": looked_at, "contradictions": found}, untrusted=True)


def lost_references(clauses: list[dict[str, str]], language: str = "en") -> list[dict[str, str]]:
    """References to clauses that there are not."""
    known = {one["id"] for one in clauses}
    known |= {name.rsplit(".", depth)[0] for name in known for depth in range(1, name.count(".") + 1)}
    known |= {str(_han(name[1:-1])) for name in known if name.startswith("第")}
    say = Say(language, CHINESE)
    return [
        _said("reference", one, hit.group().strip(), say("there is no clause {id}", id=hit[1]))
        for one in clauses
        for hit in _REFERENCE.finditer(one["text"])
        if hit[1] not in known and (not hit.group().startswith("第") or hit.group().endswith("条"))
    ]


def numbers_that_disagree(clauses: list[dict[str, str]], language: str = "en") -> list[dict[str, str]]:
    """Numbers that are written twice, in words and in figures, and differ."""
    found, say = [], Say(language, CHINESE)
    for one in clauses:
        for hit in _TWICE.finditer(one["text"]):
            value, words = _last_number(hit[1])
            if value is not None and value != int(hit[2]):
                quote = one["text"][hit.end(1) - len(words) : hit.end()]
                why = say("the words say {value}, the figures {figures}", value=value, figures=hit[2])
                found.append(_said("number", one, quote, why))
    return found


def terms_without_definition(clauses: list[dict[str, str]], language: str = "en") -> list[dict[str, str]]:
    """Terms of several capitalised words that no clause defines; each once."""
    text = "\n".join(one["text"] for one in clauses)
    defined = {(hit[1] or hit[2]).removeprefix("the ").casefold() for hit in _DEFINED.finditer(text)}
    found: dict[str, dict[str, str]] = {}
    why = Say(language, CHINESE)("it is written like a defined term, and no clause defines it")
    for one in clauses:
        for hit in _CAPITAL.finditer(one["text"]) if one["id"] != "0" else ():
            term = _term(hit[1])
            if term and term.casefold() not in defined and term not in found:
                found[term] = _said("term", one, term, why)
    return list(found.values())


def _term(words: str) -> str:
    """Without the word that begins the sentence; '' where one word is left, which any sentence may begin with."""
    parts = words.split()
    if parts[0] in _BEGINS:
        parts = parts[1:]
    return " ".join(parts) if len(parts) > 1 else ""


def _said(kind: str, clause: dict[str, str], quote: str, why: str) -> dict[str, str]:
    return {"kind": kind, "clause": clause["id"], "quote": quote, "why": why}


def _last_number(words: str) -> tuple[int | None, str]:
    """The number with which these words end, and those of them that say it; None if they end with none."""
    if words[0] in _HAN or words[0] in "十百":
        return _han(words), words
    parts = re.split(r"([- ])", words)
    for start in range(0, len(parts), 2):
        value = _english([one.lower() for one in parts[start::2]])
        if value is not None:
            return value, "".join(parts[start:])
    return None, ""


def _english(words: list[str]) -> int | None:
    total = 0
    for place, word in enumerate(words):
        if word in _SMALL:
            total += _SMALL[word]
        elif word in _TENS:
            total += _TENS[word]
        elif word == "hundred" and 0 < total < 10:
            total *= 100
        elif word != "and" or not 0 < place < len(words) - 1:
            return None
    return total


def _han(words: str) -> int:
    total, digit = 0, 0
    for han in words:
        if han in "十百":
            total, digit = total + (digit or 1) * (10 if han == "十" else 100), 0
        else:
            digit = _HAN[han]
    return total + digit
