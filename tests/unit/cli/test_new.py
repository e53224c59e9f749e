"""`firm new DIR "SENTENCE"`, and what `firm doctor` says of such a firm."""

import json
from pathlib import Path

import pytest

from firm.org.founding import template

from .conftest import Firm

KIOSKS = Path(__file__).parents[2] / "data/template"
SENTENCE = "a note on the sky, one a week"


@pytest.fixture(autouse=True)
def kiosk(monkeypatch: pytest.MonkeyPatch) -> None:
    """The only template is the kiosk."""
    monkeypatch.setattr(template, "FOLDER", KIOSKS)


def findings(firm: Firm, home: str) -> dict[str, tuple[str, str]]:
    found = json.loads(firm("doctor", "--json", "--home", home).out)
    return {one["what"]: (one["level"], one["text"]) for one in found}


def test_a_sentence_becomes_a_firm_and_it_is_said_how(firm: Firm) -> None:
    made = firm("new", "sky", SENTENCE)
    assert made.code == 0
    assert made.out.splitlines() == [
        "sky is ready, from the template kiosk: the sentence says 'note'.",
        "A mission begins by itself at '0 8 * * 1' while `firm up` runs, for the sentence says 'one a week'.",
        "Read ABOUT.md first: what this firm will do, may do and will cost. Everything can be edited by hand.",
        "Try this:",
        "",
        "  cd sky",
        "  firm doctor   # whether all fits together",
        '  firm run "Say in a note why the sky is blue." --model rehearsal   # played by a script',
        '  firm run "Say in a note why the sky is blue."   # in earnest',
        "  firm up   # what begins by itself, orders, the daily briefing",
    ]


def test_the_same_for_machines(firm: Firm, tmp_path: Path) -> None:
    made = json.loads(firm("new", "天空", "每天一张便条", "--json").out)
    assert made["home"] == str(tmp_path / "天空")
    assert (made["by"], made["template"], made["language"]) == ("template", "kiosk", "zh")
    assert made["schedule"] == {"name": "daily", "cron": "0 8 * * *"}
    assert made["mission"] == "用一张便条说明天空为什么是蓝色的。"
    assert len(made["commit"]) == 40
    assert "ABOUT.md" in made["files"]
    assert made["founder"] is None


def test_a_template_can_be_named(firm: Firm, tmp_path: Path) -> None:
    made = firm("new", "a", "--template", "kiosk")
    assert "from the template kiosk: it was named" in made.out
    assert 'mission = "Answer in a note."' in (tmp_path / "a/firm.toml").read_text("utf-8")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["a", ""], "the sentence is empty"),
        (["a", "", "--template", "kiosk"], "the sentence is empty"),
        (["a", "x" * 2001], "2,001 characters"),
        (["a", "--template", "kisk"], "there is no template 'kisk'; did you mean 'kiosk'?"),
        (["a", SENTENCE, "--name", "big"], "--name is about a model; give --model URL too"),
        (["a", "--key", "env:X"], "--key is about a model"),
        (["a", SENTENCE, "--model", "http://127.0.0.1:1/v1"], "--model needs --name"),
        (["a", SENTENCE, "--model", "nonsense", "--name", "big"], "give an address such as"),
        (["a", "--model", "http://127.0.0.1:1/v1", "--name", "big"], "give one, such as"),
        (
            ["a", SENTENCE, "--template", "kiosk", "--model", "http://127.0.0.1:1/v1", "--name", "big"],
            "exclude",
        ),
        (
            ["a", SENTENCE, "--key", "sk-123", "--model", "http://127.0.0.1:1/v1", "--name", "big"],
            "never the key",
        ),
        ([".", SENTENCE], "not empty; give the name of a new folder"),
    ],
)
def test_wrong_use_writes_nothing(firm: Firm, tmp_path: Path, words: list[str], said: str) -> None:
    refused = firm("new", *words)
    assert (refused.code, said in refused.err, (tmp_path / "a").exists()) == (2, True, False), refused
    assert "sk-123" not in refused.err


def test_doctor_looks_at_roles_workflows_and_the_page(firm: Firm, tmp_path: Path) -> None:
    firm("new", "sky", SENTENCE)
    found = findings(firm, "sky")
    assert found["roles"] == ("ok", "3: chief, reader, writer")
    assert found["workflow"] == ("ok", "main: 1 tasks, up to 0.10 USD")
    assert found["ABOUT.md"] == ("ok", "says what the files say")
    role = tmp_path / "sky/roles/writer.md"
    role.write_text(role.read_text("utf-8").replace("hands: 2", "hads: 2"), "utf-8")
    level, text = findings(firm, "sky")["role"]
    assert (level, text) == ("bad", f"{role}, line 3: unknown key 'hads'; did you mean 'hands'?")
    assert firm("doctor", "--home", "sky").code == 1


def test_doctor_writes_the_page_anew(firm: Firm, tmp_path: Path) -> None:
    firm("new", "sky", SENTENCE)
    role = tmp_path / "sky/roles/writer.md"
    role.write_text(role.read_text("utf-8").replace("tools: notes", "tools: web"), "utf-8")
    assert findings(firm, "sky")["ABOUT.md"][0] == "warn"
    firm("doctor", "--about", "--home", "sky")
    assert findings(firm, "sky")["ABOUT.md"][0] == "ok"
    assert "search the web and read pages" in (tmp_path / "sky/ABOUT.md").read_text("utf-8")
    assert "has no roles" in firm("doctor", "--about").err
