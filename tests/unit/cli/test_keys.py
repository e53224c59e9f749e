"""`firm key`: making, listing and removing keys."""

import json
from pathlib import Path

from firm.serve.keys import Keys

from .conftest import Firm


def test_a_key_is_shown_once_listed_without_it_and_removed(firm: Firm, tmp_path: Path) -> None:
    made = firm("key", "new", "notebook")
    assert (made.code, "not shown again" in made.err) == (0, True)
    secret = made.out.strip()
    assert Keys(tmp_path / ".firm").name_of(secret) == "notebook"
    listed = firm("key", "list")
    assert "notebook" in listed.out
    assert secret not in listed.out
    assert "notebook" in firm("key").out
    assert [key["name"] for key in json.loads(firm("key", "list", "--json").out)] == ["notebook"]
    assert firm("key", "remove", "notebook").code == 0
    assert Keys(tmp_path / ".firm").name_of(secret) is None


def test_for_machines_a_key_comes_as_json(firm: Firm) -> None:
    found = json.loads(firm("key", "new", "ci", "--json").out)
    assert (found["name"], found["key"][:5]) == ("ci", "firm-")


def test_wrong_use_is_said_and_looking_makes_nothing(firm: Firm, tmp_path: Path) -> None:
    assert firm("key", "list").out == "no keys yet; `firm key new NAME` makes one\n"
    gone = firm("key", "remove", "nobody")
    assert (gone.code, "no key named 'nobody'; there are: none" in gone.err) == (2, True)
    assert not (tmp_path / ".firm").exists()
    firm("key", "new", "a")
    again = firm("key", "new", "a")
    assert (again.code, "take another name" in again.err) == (2, True)
