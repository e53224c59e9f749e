"""What the organization says, it says in both languages."""

import ast
import string
from pathlib import Path

import pytest

import firm.org
from firm.errors import UsageError
from firm.org.chinese import CHINESE
from firm.org.words import language_of, words

CORE = sorted(Path(str(firm.org.__file__)).parent.glob("*.py"))
PROGRAMS = [
    path
    for path in sorted(Path(str(firm.org.__file__)).parent.glob("template/*/programs/*.py"))
    if "\nCHINESE = {" in path.read_text("utf-8")
]
PUT_TOGETHER = {"glide: {id}", "spar: {id}"}
"""Said of an option by its name."""


def said() -> set[str]:
    """Every phrase that the core of the organization looks up."""
    return {phrase for path in CORE for phrase in said_in(ast.parse(path.read_text("utf-8")))}


def said_in(tree: ast.Module) -> set[str]:
    """Every phrase that a module looks up where it says it."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "say":
            found |= {one.value for one in node.args if isinstance(one, ast.Constant)}
    return found


def places(text: str) -> set[str]:
    """Names of the values that a phrase is filled with."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_every_phrase_of_the_core_is_there_in_chinese() -> None:
    phrases = said()
    assert len(phrases) > 15
    assert phrases - CHINESE.keys() == set()


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_every_phrase_of_a_program_of_a_template_is_there_in_chinese(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    table = next(
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "CHINESE"
    )
    house = "\n".join(other.read_text("utf-8") for other in path.parent.glob("*.py"))
    strings = [node.value for node in ast.walk(ast.parse(house)) if isinstance(node, ast.Constant)]
    assert {one for one in table if strings.count(one) < 2} <= PUT_TOGETHER, "it is said nowhere"
    assert said_in(tree) - table.keys() == set()
    assert {english for english, chinese in table.items() if places(english) != places(chinese)} == set()


@pytest.mark.parametrize("phrase", CHINESE)
def test_a_translation_has_the_places_of_its_phrase(phrase: str) -> None:
    assert places(phrase) == places(CHINESE[phrase])


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("a wing", "en"),
        ("设计一个机翼", "zh"),
        ("设计 NACA 2412 翼型", "zh"),
        ("NACA 2412 翼", "zh"),
        ("12 %", "en"),
        ("", "en"),
    ],
)
def test_the_language_of_a_mission_is_that_of_its_words(text: str, language: str) -> None:
    assert language_of(text) == language


def test_a_language_that_nobody_speaks_here_is_refused() -> None:
    with pytest.raises(UsageError, match="en, zh"):
        words("fr", "firm.org.chinese")
