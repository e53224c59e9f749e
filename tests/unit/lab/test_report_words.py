"""Every phrase of a report is there in every language, with the same gaps."""

import ast
import re
from pathlib import Path

import msgspec
import pytest
from tests.unit.lab.stories import found, hostile, marks, nothing, understood

from firm.lab.report import page, words
from firm.lab.report.chinese import CHINESE
from firm.lab.report.story import Story

PACKAGE = Path(words.__file__).parent


def said() -> set[str]:
    """The phrases that stand in calls of `say`."""
    phrases: set[str] = set()
    for path in PACKAGE.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id == "say"
                and node.args
            ):
                inner = node.args[0].body if isinstance(node.args[0], ast.IfExp) else node.args[0]
                parts = [inner, *([node.args[0].orelse] if isinstance(node.args[0], ast.IfExp) else [])]
                phrases |= {
                    one.value for one in parts if isinstance(one, ast.Constant) and isinstance(one.value, str)
                }
    return phrases


def written() -> str:
    """All text constants of the package but the table itself."""
    constants: list[str] = []
    for path in PACKAGE.glob("*.py"):
        if path.name != "chinese.py":
            tree = ast.parse(path.read_text("utf-8"))
            constants += [
                node.value
                for node in ast.walk(tree)
                if isinstance(node, ast.Constant) and isinstance(node.value, str)
            ]
    return "\n".join(constants)


def test_every_phrase_has_its_translation() -> None:
    assert len(said()) > 100
    assert said() - CHINESE.keys() == set()


def test_no_translation_is_left_over() -> None:
    every = set(written().split("\n"))
    assert [phrase for phrase in CHINESE if phrase not in every] == []


def test_translations_keep_the_gaps() -> None:
    gaps = re.compile(r"\{(\w+)\}")
    assert [
        key for key, value in CHINESE.items() if sorted(gaps.findall(key)) != sorted(gaps.findall(value))
    ] == []


def stories() -> list[Story]:
    story = found()
    assert story.champion is not None
    surrogate = msgspec.structs.replace(
        story.champion, trust="surrogate", standing="provisional", holdout=None
    )
    return [
        story,
        nothing(),
        understood(),
        hostile(),
        found(champion=surrogate, baselines=(), equal_cost=(), seeds=(), known=None, ended_by="target"),
        found(champion=msgspec.structs.replace(story.champion, value=0.0), ended_by="used up", archive=None),
        found(progress=marks(185.2134, 3), arms=(), stages=(), quarantined=(), lineage=()),
    ]


@pytest.mark.parametrize("story", stories(), ids=lambda story: str(story.ended_by)[-9:])
def test_a_page_can_be_written_in_chinese(story: Story) -> None:
    html = page(story, "zh")
    assert '<html lang="zh">' in html
    assert "如何重现" in html and "How to make it again" not in html
