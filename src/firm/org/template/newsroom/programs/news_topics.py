"""Checks of the choice of topics.

One rule: an article that no source could carry is refused before it is written.
"""

from typing import Any

from firm.org.artifact import Artifact, Verdict
from firm.org.assignment import Assignment
from firm.org.words import Say

ARTICLES = ("lead", "second")
CHINESE = {
    "{count} articles compared with {sources} sources": "{count} 篇文章与 {sources} 份资料核对过",
    "articles {ids}; give {wanted}, each once": "文章是 {ids}；请给出 {wanted}，各一篇",
    "{id}: there is no source {name!r}; there are {known}": "{id}：没有资料 {name!r}；现有 {known}",
    "two articles have the same headline": "两篇文章的标题相同",
    " and ": " 和 ",
}
ENGLISH = Say("en", CHINESE)


def can_be_written(given: Assignment, made: Artifact) -> Verdict:
    """Whether there are the two articles, each with sources that there are, and not the same twice."""
    known = {one["id"] for one in given.input("sources").data["sources"]}
    found = made.data["articles"]
    say = Say(given.language, CHINESE)
    reasons = faults_of(found, known, say)
    seen = say("{count} articles compared with {sources} sources", count=len(found), sources=len(known))
    return Verdict(accept=not reasons, by="can_be_written", reasons=tuple(reasons), evidence=(seen,))


def faults_of(articles: list[dict[str, Any]], known: set[str], say: Say = ENGLISH) -> list[str]:
    """What is wrong with the articles that are planned."""
    ids = [one["id"] for one in articles]
    reasons = []
    if sorted(ids) != sorted(ARTICLES):
        wanted = say(" and ").join(ARTICLES)
        reasons.append(say("articles {ids}; give {wanted}, each once", ids=ids, wanted=wanted))
    for one in articles:
        named = one["sources"] if isinstance(one["sources"], list) else [one["sources"]]
        there = ", ".join(sorted(known))
        reasons += [
            say("{id}: there is no source {name!r}; there are {known}", id=one["id"], name=name, known=there)
            for name in named
            if name not in known
        ]
    headlines = [str(one["headline"]).strip().casefold() for one in articles]
    if len(set(headlines)) < len(headlines):
        reasons.append(say("two articles have the same headline"))
    return reasons
