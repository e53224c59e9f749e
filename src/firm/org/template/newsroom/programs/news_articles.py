"""The part of the fact check that needs no judgement: marks and figures.

One rule: a figure counts only if it stands in a source that its own paragraph names.
"""

import re

from firm.org.artifact import Artifact, Verdict
from firm.org.assignment import Assignment
from firm.org.words import Say

_MARK = re.compile(r"\[(S\d+)\]")
_FIGURE = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)?(?:-\d+)*(?![\w])|\d[\d,]*(?:\.\d+)?")
_NUMBERING = re.compile(r"^\s*\d+[.)、]\s+", re.MULTILINE)
CHINESE = {
    'the first line is no headline; begin with "# …"': "第一行不是标题；请以“# …”开头",
    "it names no source; put its mark, such as [S1], behind what is taken from it": (
        "没有注明出处；请在引用的内容之后写上标记，如 [S1]"
    ),
    "there is no source {mark}; there are {known}": "没有资料 {mark}；现有 {known}",
    "a paragraph has figures and names no source: {part!r}": "有一段写了数字而没有注明出处：{part!r}",
    "{count} paragraphs read; sources named: {marks}": "读了 {count} 段；注明的资料：{marks}",
    "none": "无",
    "{figure} does not stand in {marks}: {part!r}": "{marks} 里没有 {figure}：{part!r}",
    "any source": "任何资料",
    "{count} figures looked up in the sources of their paragraphs": "在各段注明的资料里核对了 {count} 个数字",
}


def paragraphs(text: str) -> list[str]:
    """Paragraphs of a text, headings left out."""
    found = [part.strip() for part in re.split(r"\n\s*\n", text)]
    bodies = ["\n".join(line for line in part.splitlines() if not line.startswith("#")) for part in found]
    return [body for body in bodies if body.strip()]


def marks_of(text: str) -> list[str]:
    """Marks of sources in the order in which they come."""
    return list(dict.fromkeys(_MARK.findall(text)))


def figures_of(text: str) -> list[str]:
    """Figures of a text; thousands without commas, numbers of lists and marks left out."""
    plain = _NUMBERING.sub("", _MARK.sub("", text))
    return list(dict.fromkeys(hit.group().replace(",", "").rstrip(".") for hit in _FIGURE.finditer(plain)))


def sources_of(given: Assignment) -> dict[str, str]:
    """Text of each source by its mark."""
    return {one["id"]: one["text"] for one in given.input("sources").data["sources"]}


def names_its_sources(given: Assignment, made: Artifact) -> Verdict:
    """Whether it begins with a headline, names sources that there are, and one in each paragraph with a figure."""
    known, parts, say = sources_of(given), paragraphs(made.text), Say(given.language, CHINESE)
    headed = made.text.lstrip().startswith("# ")
    reasons = [] if headed else [say('the first line is no headline; begin with "# …"')]
    marks = marks_of(made.text)
    if not marks:
        reasons.append(say("it names no source; put its mark, such as [S1], behind what is taken from it"))
    reasons += [
        say("there is no source {mark}; there are {known}", mark=mark, known=", ".join(known))
        for mark in marks
        if mark not in known
    ]
    reasons += [
        say("a paragraph has figures and names no source: {part!r}", part=part[:80])
        for part in parts
        if figures_of(part) and not marks_of(part)
    ]
    named = ", ".join(marks) or say("none")
    seen = say("{count} paragraphs read; sources named: {marks}", count=len(parts), marks=named)
    return Verdict(accept=not reasons, by="names_its_sources", reasons=tuple(reasons), evidence=(seen,))


def figures_stand(given: Assignment, made: Artifact) -> Verdict:
    """Whether each figure stands in a source that its paragraph names."""
    known, say, reasons, count = sources_of(given), Say(given.language, CHINESE), [], 0
    for part in paragraphs(made.text):
        there = {figure for mark in marks_of(part) for figure in figures_of(known.get(mark, ""))}
        for figure in figures_of(part):
            count += 1
            if figure not in there:
                marks = ", ".join(marks_of(part)) or say("any source")
                said = "{figure} does not stand in {marks}: {part!r}"
                reasons.append(say(said, figure=figure, marks=marks, part=part[:80]))
    seen = say("{count} figures looked up in the sources of their paragraphs", count=count)
    return Verdict(accept=not reasons, by="figures_stand", reasons=tuple(reasons), evidence=(seen,))
