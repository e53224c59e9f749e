"""The languages of the wing example: nothing is missing, nothing is left over, and its lines line up."""

import ast
from pathlib import Path
from string import Formatter

import pytest
from rich.cells import cell_len
from rich.console import Console

import words
from demo import Count, counted
from firm.lab.crowning import BELIEVE, KEEP
from paragraph import clean
from summary import CONFIRMED, SURROGATE
from words import CHINESE, LANGUAGES

HERE = Path(words.__file__).parent


def phrases() -> set[str]:
    """Everything that the demo says: what stands in calls of `say`, and what is said by its name."""
    found = {SURROGATE, CONFIRMED, KEEP, BELIEVE}
    for path in HERE.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("say", "self.say", "show.say"):
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
    assert len(said) > 40
    for language, table in LANGUAGES.items():
        assert table is None or (set(table), language) == (said, language)


@pytest.mark.parametrize("phrase", CHINESE)
def test_a_translation_wants_the_same_values(phrase: str) -> None:
    assert fields(CHINESE[phrase]) == fields(phrase)


def test_an_unknown_language_or_phrase_is_an_error() -> None:
    with pytest.raises(ValueError, match="'tlh': this demo speaks en, zh"):
        words.words("tlh")
    with pytest.raises(KeyError):
        words.words("zh")("Good morning")


@pytest.mark.parametrize("language", LANGUAGES)
def test_counts_line_up_whatever_the_width_of_the_words(language: str) -> None:
    console = Console(width=100)
    with console.capture() as capture:
        console.print(counted(words.words(language), Count(41_948, 0, 0, 0, 2, 120_000)))
    lines = capture.get().splitlines()
    assert len(lines) == 6
    assert len({cell_len(line.rstrip()) for line in lines}) == 1


def test_clean_keeps_chinese_as_it_is() -> None:
    assert clean("升阻比 171。\n翼型") == "升阻比 171。 翼型"
