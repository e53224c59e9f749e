"""Templates: firms that come with the program, and which of them a sentence asks for.

One rule: a template is a firm's folder like any other, with a page `template.toml` that says when it is meant.
"""

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from firm.errors import InternalError, UsageError
from firm.org.roster.mistake import meant
from firm.org.words import language_of

FOLDER = Path(__file__).parents[1] / "template"
PAGE = "template.toml"
TEMPLATES = ("research-lab", "newsroom", "software-house", "wing-works", "tutor", "law-desk", "clinic-desk")
"""The first one is taken where no word of a sentence says which."""
_HEAD_ENDS = re.compile(r"[,.;:，。；：！!?？\n]|\b(?:on|about|for|that|which|who|with|from|in|of|to)\b")
"""What stands before says what a thing is, what stands behind which one."""


class Template(msgspec.Struct, frozen=True):
    """What `template.toml` says."""

    name: str
    says: str
    """What it is, in a sentence."""
    words: tuple[str, ...]
    """By which it is found in a sentence, English and Chinese."""
    mission: str
    """A small mission that it can carry out at once."""
    mission_zh: str
    folder: str
    says_zh: str = ""

    def small(self, language: str) -> str:
        """The small mission in a language."""
        return self.mission_zh if language == "zh" else self.mission


@dataclass(frozen=True, slots=True)
class _Hit:
    """How well a template fits a sentence."""

    template: Template
    head: int
    """Where in its head the last word of the template ends; 0: nowhere."""
    words: tuple[str, ...]


def read_template(name: str, folder: Path | None = None) -> Template:
    """A template by its name.

    Raises:
        UsageError: there is no such template.
    """
    place = (folder or FOLDER) / name
    if "/" in name or not (place / PAGE).is_file():
        raise UsageError(f"there is no template {name!r}; {meant(name, names(folder))}")
    try:
        page = tomllib.loads((place / PAGE).read_text("utf-8"))
        return msgspec.convert(page | {"name": name, "folder": str(place)}, Template)
    except (ValueError, msgspec.ValidationError) as error:
        raise InternalError(f"{place / PAGE}: {error}") from error


def names(folder: Path | None = None) -> list[str]:
    """Templates that are there, in the order of `TEMPLATES`, then by name."""
    found = {path.parent.name for path in (folder or FOLDER).glob(f"*/{PAGE}")}
    return [*(name for name in TEMPLATES if name in found), *sorted(found - set(TEMPLATES))]


def template_for(sentence: str, folder: Path | None = None) -> tuple[str, str]:
    """Which template a sentence asks for, and why, in its language.

    What the sentence calls the thing itself counts more than what it is about: 'a newsletter on wings' is a newsletter.

    Raises:
        UsageError: there is no template at all.
    """
    known = [read_template(name, folder) for name in names(folder)]
    if not known:
        raise UsageError(f"there are no templates in {str(folder or FOLDER)!r}; install firm again")
    zh = language_of(sentence) == "zh"
    hits = [hit for template in known if (hit := _hit(sentence, template)).words]
    if not hits:
        name = known[0].name
        return name, (
            f"没有哪个模板的关键词出现在这句话里；{name} 最通用"
            if zh
            else f"no template's words stand in the sentence, and {name} is the most general one"
        )
    best = max(hits, key=lambda hit: (hit.head, len(hit.words)))
    listed = "、".join(best.words) if zh else ", ".join(repr(word) for word in best.words)
    return best.template.name, f"这句话提到{listed}" if zh else f"the sentence says {listed}"


def _hit(sentence: str, template: Template) -> _Hit:
    text = sentence.lower()
    head_end = end.start() if (end := _HEAD_ENDS.search(text)) else len(text)
    found: list[tuple[int, int, str]] = []
    for word in sorted(template.words, key=len, reverse=True):
        for place in _places(word.lower(), text):
            if not any(start < place.end() and place.start() < end for start, end, _ in found):
                found.append((place.start(), place.end(), word))
    found.sort()
    head = max([end for _, end, _ in found if end <= head_end], default=0)
    return _Hit(template, head, tuple(dict.fromkeys(word for _, _, word in found)))


def _places(word: str, text: str) -> Sequence[re.Match[str]]:
    if not word.isascii():
        return list(re.finditer(re.escape(word), text))
    return list(re.finditer(rf"\b{re.escape(word)}(?:s|es|ing|er|ers)?\b", text))
