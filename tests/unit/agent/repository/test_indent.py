"""An edit whose indentation is off is made to fit, if there is only one way to do so."""

import pytest

from firm.agent.repository.indent import fitted

TEXT = """def f(x):
    if x:
        return 1
    return 2


def g(x):
    if x:
        return 3
    return 2
"""


@pytest.mark.parametrize(
    ("old", "new", "stands", "becomes"),
    [
        ("return 3", "return 4", "return 3", "return 4"),  # occurs as it is
        ("    return 3", "    return 4", "    return 3", "    return 4"),
        (
            "if x:\n    return 1",
            "if not x:\n    return 0",
            "    if x:\n        return 1",
            "    if not x:\n        return 0",
        ),
        (
            "            return 1\n        return 2",
            "        return 2",
            "        return 1\n    return 2",
            "    return 2",
        ),
    ],
)
def test_lines_are_moved_to_where_they_stand(old: str, new: str, stands: str, becomes: str) -> None:
    assert fitted(TEXT, old, new) == (stands, becomes)
    assert stands in TEXT


@pytest.mark.parametrize(
    "old",
    [
        "   return 2\n",  # twice
        "return 9",  # nowhere
        "if x:\nreturn 1",  # off in another way in each line
        "",
        "\n",
    ],
)
def test_what_is_not_clear_stays_as_it_was_written(old: str) -> None:
    assert fitted(TEXT, old, "new") == (old, "new")


def test_empty_lines_and_tabs_do_no_harm() -> None:
    text = "a:\n\tb = 1\n\n\tc = 2\n"
    assert fitted(text, "b = 1\n\nc = 2", "b = 2\n\nc = 3") == ("\tb = 1\n\n\tc = 2", "\tb = 2\n\n\tc = 3")
