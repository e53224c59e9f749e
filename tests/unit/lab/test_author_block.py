"""What is read out of a reply, and what is not."""

import pytest

from firm.lab.author.block import PYTHON, TEXT, Change, Unclear, apply, read_block, read_changes

DIFF = "Sure:\n<<<<<<< SEARCH\n    a = 1\n=======\n    a = 2\n    b = 3\n>>>>>>> REPLACE\nDone."


def test_the_one_block_is_the_program() -> None:
    assert read_block("Here:\n```python\nx = 1\n```\nIt is better.", PYTHON) == "x = 1\n"


def test_a_block_with_a_language_goes_before_one_without() -> None:
    assert read_block("```\noutput\n```\n```py\nx = 1\n```", PYTHON) == "x = 1\n"


def test_a_longer_fence_holds_shorter_ones() -> None:
    assert read_block("````text\na\n```\nb\n````", TEXT) == "a\n```\nb\n"


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        ("x = 1", "no block in the reply: give all of it in one block that begins with ```python"),
        ("```python\na\n```\n```python\nb\n```", "2 blocks in the reply"),
        ("```python\nx = 1", "not closed"),
        ("```python\n\n```", "empty"),
        ("```\na\n```\n```\nb\n```", "2 blocks"),
        ("```javascript\na\n```", "no block"),
        ("```python\n" + "x" * 200_001 + "\n```", "at most 200,000"),
    ],
)
def test_anything_else_is_unclear_and_says_what_to_write(reply: str, why: str) -> None:
    with pytest.raises(Unclear, match=why):
        read_block(reply, PYTHON)


def test_a_change_is_applied_exactly() -> None:
    changes = read_changes(DIFF)
    assert changes == [Change("    a = 1\n", "    a = 2\n    b = 3\n")]
    assert (
        apply("def f():\n    a = 1\n    return a", changes) == "def f():\n    a = 2\n    b = 3\n    return a"
    )


def test_changes_follow_one_another() -> None:
    assert apply("a\nb\n", [Change("a\n", "b2\n"), Change("b2\nb\n", "c\n")]) == "c\n"


def test_a_change_may_take_lines_away() -> None:
    assert apply("a\nb\nc\n", read_changes("<<<<<<< SEARCH\nb\n=======\n>>>>>>> REPLACE")) == "a\nc\n"


@pytest.mark.parametrize(
    ("text", "old", "why"),
    [
        ("a = 1\n", "a = 2\n", "block 1: SEARCH does not occur in the candidate.*'a = 2"),
        ("    a = 1\n", "a = 1\n", "does not occur"),
        ("a\nb\na\n", "a\n", "occurs 2 times"),
        ("a\n", "\n", "SEARCH is empty"),
    ],
)
def test_a_change_that_does_not_fit_once_is_refused(text: str, old: str, why: str) -> None:
    with pytest.raises(Unclear, match=why):
        apply(text, [Change(old, "x\n")])


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        ("no changes", "no block that begins with '<<<<<<< SEARCH'"),
        ("<<<<<<< SEARCH\na\n=======\nb", "not closed"),
        (
            "<<<<<<< SEARCH\na\n>>>>>>> REPLACE",
            "line 3 is '>>>>>>> REPLACE' where '=======' has to come first",
        ),
        (">>>>>>> REPLACE", "line 1"),
    ],
)
def test_a_change_that_is_not_whole_is_unclear(reply: str, why: str) -> None:
    with pytest.raises(Unclear, match=why):
        read_changes(reply)
