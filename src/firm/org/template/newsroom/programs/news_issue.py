"""The issue: the editor's frame around the articles as they were accepted.

One rule: no word of an article is changed on its way into the issue.
"""

import json
import re
from html import escape
from pathlib import Path
from typing import Any

from news_articles import figures_of, marks_of
from news_sources import RECORD

from firm.org.artifact import Artifact, Verdict
from firm.org.assignment import Assignment, Made
from firm.org.house import folder
from firm.org.words import Say

TITLE_CHARS = 80
ARTICLES = ("lead", "second")
MARKDOWN, PAGE = "issue.md", "issue.html"
HEADS = {"en": "Sources", "zh": "资料来源"}
CHINESE = {
    "the title has more than {count} characters": "标题超过 {count} 个字符",
    "order {order!r}; give {wanted} in one order or the other": "order 是 {order!r}；请给出 {wanted}，先后均可",
    "{figure} stands in no article": "{figure} 没有出现在任何一篇文章里",
    "the order, and the figures of the frame looked up among {count} of the articles": (
        "核对了先后次序，并把引言和结语里的数字与文章里的 {count} 个数字核对过"
    ),
    "{name} does not stand in {file} as it was accepted": "{file} 里的 {name} 与通过验收时不一致",
    "{file} lacks the {key}": "{file} 缺少 {key}",
    "{mark} is named and not listed": "{mark} 在文中注明，却没有列入资料来源",
    "both articles compared word for word in {markdown} and {page}; {count} sources listed": (
        "在 {markdown} 和 {page} 里逐字核对了两篇文章；列出 {count} 份资料"
    ),
}
STYLE = """\
:root { color-scheme: light dark; }
body { font: 1.06rem/1.6 Georgia, "Songti SC", "Noto Serif CJK SC", serif; max-width: 38rem; margin: 2rem auto; }
body { padding: 0 1rem; } h1, h2 { line-height: 1.25; } h2 { margin-top: 2.2rem; }
blockquote { margin-left: 0; padding-left: 1rem; border-left: 3px solid; } a { color: inherit; }
sup a { text-decoration: none; } footer { margin-top: 3rem; border-top: 1px solid; font-size: .9rem; }
"""


def frame_fits(given: Assignment, made: Artifact) -> Verdict:
    """Whether the frame holds these articles, and no figure that they do not."""
    frame, say = made.data, Say(given.language, CHINESE)
    texts = [given.input(name).text for name in ARTICLES]
    known = {figure for text in texts for figure in figures_of(text)}
    short = len(str(frame["title"])) <= TITLE_CHARS
    reasons = [] if short else [say("the title has more than {count} characters", count=TITLE_CHARS)]
    if not isinstance(frame["order"], list) or sorted(map(str, frame["order"])) != sorted(ARTICLES):
        wanted = "order {order!r}; give {wanted} in one order or the other"
        reasons.append(say(wanted, order=frame["order"], wanted=list(ARTICLES)))
    said = f"{frame['opening']} {frame['closing']}"  # the title may have the number of the issue
    lost = [figure for figure in figures_of(said) if figure not in known]
    reasons += [say("{figure} stands in no article", figure=figure) for figure in lost]
    looked = "the order, and the figures of the frame looked up among {count} of the articles"
    seen = say(looked, count=len(known))
    return Verdict(accept=not reasons, by="frame_fits", reasons=tuple(reasons), evidence=(seen,))


def print_issue(given: Assignment) -> Made:
    """Write the issue as Markdown and as a page, and beside it which sources it has used."""
    place, frame = folder() / given.folder, given.input("frame").data
    articles = [given.input(name).text.strip() for name in frame["order"]]
    used = used_sources(given, articles)
    (place / MARKDOWN).write_text(markdown(frame, articles, used, given.language), "utf-8")
    (place / PAGE).write_text(page(frame, articles, used, given.language), "utf-8")
    record = {
        "title": frame["title"],
        "sources": [{"file": one["file"], "sha256": one["sha256"]} for one in used],
    }
    (place / RECORD).write_text(json.dumps(record, ensure_ascii=False, indent=2) + "\n", "utf-8")
    return Made(text=str(frame["title"]), files=(MARKDOWN, PAGE, RECORD), untrusted=True)


def used_sources(given: Assignment, articles: list[str]) -> list[dict[str, Any]]:
    """Sources that the articles name."""
    named = marks_of("\n".join(articles))
    return [one for one in given.input("sources").data["sources"] if one["id"] in named]


def markdown(frame: dict[str, Any], articles: list[str], used: list[dict[str, Any]], language: str) -> str:
    """The issue as Markdown; headlines of articles one level lower."""
    parts = [
        f"# {frame['title']}",
        str(frame["opening"]).strip(),
        *map(lowered, articles),
        str(frame["closing"]).strip(),
    ]
    listed = "\n".join(f"- [{one['id']}] {one['title']} ({one['file']})" for one in used)
    return "\n\n".join([*parts, f"## {HEADS[language]}", listed]) + "\n"


def lowered(article: str) -> str:
    """An article with its headings one level lower."""
    return re.sub(r"^(#{1,5} )", r"#\1", article, flags=re.MULTILINE)


def page(frame: dict[str, Any], articles: list[str], used: list[dict[str, Any]], language: str) -> str:
    """The issue as a page of its own, without anything from outside."""
    title = escape(str(frame["title"]))
    body = [f"<h1>{title}</h1>", blocks(str(frame["opening"]))]
    body += [f"<article>{blocks(lowered(article))}</article>" for article in articles]
    listed = "".join(
        f'<li id="{one["id"]}">[{one["id"]}] {escape(one["title"])} ({escape(one["file"])})</li>'
        for one in used
    )
    body += [blocks(str(frame["closing"])), f"<footer><h2>{HEADS[language]}</h2><ul>{listed}</ul></footer>"]
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>'
    opened = f'<!doctype html>\n<html lang="{language}"><head>{head}<style>{STYLE}</style></head><body>'
    return "\n".join([opened, *body, "</body></html>"]) + "\n"


def blocks(text: str) -> str:
    """Headings, quotations, lists and paragraphs of Markdown as HTML; everything else is text."""
    return "\n".join(_block(part.strip()) for part in re.split(r"\n\s*\n", text) if part.strip())


def _block(part: str) -> str:
    lines = part.splitlines()
    if hit := re.match(r"(#{1,6}) (.*)", lines[0]):
        rest = "\n".join(lines[1:]).strip()
        level = len(hit[1])
        return f"<h{level}>{_inline(hit[2])}</h{level}>" + (f"\n{_block(rest)}" if rest else "")
    if all(line.startswith(">") for line in lines):
        return f"<blockquote>{_inline(' '.join(line.lstrip('> ') for line in lines))}</blockquote>"
    if all(re.match(r"[-*] ", line) for line in lines):
        return "<ul>" + "".join(f"<li>{_inline(line[2:])}</li>" for line in lines) + "</ul>"
    return f"<p>{_inline(' '.join(lines))}</p>"


def _inline(text: str) -> str:
    said = escape(text, quote=False)
    said = re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", said)
    said = re.sub(r"(?<!\*)\*([^*]+)\*", r"<em>\1</em>", said)
    return re.sub(r"\[(S\d+)\]", r'<sup><a href="#\1">[\1]</a></sup>', said)


def is_whole(given: Assignment, made: Artifact) -> Verdict:
    """Whether the files hold the frame and the articles as they were accepted, and the sources that they name."""
    return judge(given, [folder() / one.path for one in made.files])


def judge(given: Assignment, paths: list[Path]) -> Verdict:
    """As `is_whole`, of the files at these paths."""
    texts = {path.name: path.read_text("utf-8") for path in paths}
    frame, say, reasons = given.input("frame").data, Say(given.language, CHINESE), []
    changed = "{name} does not stand in {file} as it was accepted"
    said, shown = texts[MARKDOWN], words_of(texts[PAGE])
    for name in ARTICLES:
        article = given.input(name).text.strip()
        if lowered(article) not in said:
            reasons.append(say(changed, name=name, file=MARKDOWN))
        if words_of(blocks(article)) not in shown:
            reasons.append(say(changed, name=name, file=PAGE))
    reasons += [
        say("{file} lacks the {key}", file=MARKDOWN, key=key)
        for key in ("title", "opening", "closing")
        if str(frame[key]).strip() not in said
    ]
    named = marks_of("\n".join(given.input(name).text for name in ARTICLES))
    listed = said.partition(f"## {HEADS[given.language]}")[2]
    missing = [mark for mark in named if f"- [{mark}] " not in listed]
    reasons += [say("{mark} is named and not listed", mark=mark) for mark in missing]
    compared = "both articles compared word for word in {markdown} and {page}; {count} sources listed"
    seen = say(compared, markdown=MARKDOWN, page=PAGE, count=len(named))
    return Verdict(accept=not reasons, by="is_whole", reasons=tuple(reasons), evidence=(seen,))


def words_of(html: str) -> str:
    """What a reader sees of a page, without white space."""
    return "".join(re.sub(r"<[^>]*>", "", html).split())
