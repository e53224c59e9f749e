"""The languages of the wing example: nothing is missing, nothing is left over, and the report has no English in it."""

import ast
import asyncio
import re
from html.parser import HTMLParser
from pathlib import Path
from string import Formatter

import pytest
from rich.cells import cell_len
from rich.console import Console

import words
from aero import AIMS, checks
from demo import counted
from firm.model import Models, ScriptedModel
from paragraph import clean
from section import flat_plate
from wing import QUESTION
from words import CHINESE, LANGUAGES

from .test_wing_search import Tags, search_alone

HERE = Path(words.__file__).parent
NAMES = {
    "NeuralFoil",
    "XFOIL",
    "Sharpe",
    "Hansman",
    "arXiv",
    "dat",
    "parrot",
    "large",
    "xlarge",
    "xxlarge",
    "xxxlarge",
}
"""Latin words that stay as they are."""


def phrases() -> set[str]:
    """Everything that the demo says: what stands in calls of `say`, and what is said by its name."""
    found = {QUESTION, "surrogate only", *AIMS}
    found |= {check.name for aim in AIMS for check in checks(flat_plate(), aim)}
    for path in HERE.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in (
                "say",
                "self.say",
                "show.say",
                "_axes",
            ):
                found |= {text for argument in node.args for text in texts(argument)}
    return found


def texts(node: ast.expr) -> list[str]:
    """The texts that an argument may be."""
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) else []
    return [*texts(node.body), *texts(node.orelse)] if isinstance(node, ast.IfExp) else []


def fields(phrase: str) -> set[str | None]:
    """The values that a phrase wants."""
    return {name for _, name, _, _ in Formatter().parse(phrase) if name is not None}


def test_every_phrase_is_there_in_every_language_and_none_is_left_over() -> None:
    said = phrases()
    titles = {"wanted", "plate", "found", "verdict"}
    assert len(said) > 60
    for language, table in LANGUAGES.items():
        assert table is None or (set(table), language) == (said | titles, language)


@pytest.mark.parametrize("phrase", CHINESE)
def test_a_translation_wants_the_same_values(phrase: str) -> None:
    assert fields(CHINESE[phrase]) == fields(phrase)


def test_an_unknown_language_or_phrase_is_an_error() -> None:
    with pytest.raises(ValueError, match="'tlh': this demo speaks en, zh"):
        words.words("tlh")
    with pytest.raises(KeyError):
        words.words("zh")("Good morning")


class Seen(HTMLParser):
    """The words that a reader or a screen reader meets, without the coordinates and the style."""

    def __init__(self) -> None:
        super().__init__()
        self.text: list[str] = []
        self.open: list[str] = []
        self.language = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)
        self.text += [value for name, value in attrs if name in ("aria-label", "title") and value]
        self.language = self.language or dict(attrs).get("lang") or ""

    def handle_endtag(self, tag: str) -> None:
        while self.open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if not {"style", "pre"} & set(self.open):
            self.text.append(data)


def test_the_chinese_report_has_no_english_left(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    model = ScriptedModel(lambda request: "找到的翼型升阻比很高。", name="parrot")

    async def inside() -> None:
        async with Models({"default": model}):
            await search_alone(path, language="zh")

    asyncio.run(inside())
    page = Seen()
    page.feed(path.read_text("utf-8"))
    assert page.language == "zh"
    text = " ".join(page.text)
    assert set(re.findall(r"[A-Za-z]{2,}", text)) <= NAMES
    assert "由模型撰写（parrot，运行于本机）" in text
    assert "找到的翼型升阻比很高。" in text
    tags = Tags()
    tags.feed(path.read_text("utf-8"))
    assert tags.open == [] and len(tags.ids) == len(set(tags.ids)) == 5


@pytest.mark.parametrize("language", LANGUAGES)
def test_counts_line_up_whatever_the_width_of_the_words(language: str) -> None:
    console = Console(width=100)
    with console.capture() as capture:
        console.print(counted(words.words(language), (1_948, 0, 0, 2)))
    lines = capture.get().splitlines()
    assert len(lines) == 4
    assert len({cell_len(line.rstrip()) for line in lines}) == 1


def test_clean_keeps_chinese_as_it_is() -> None:
    assert clean("升阻比 171。\n翼型") == "升阻比 171。 翼型"
