"""The demo: killed on the way it loses and repeats nothing, and it counts right what it would have lost."""

import ast
import io
import re
import sys
from pathlib import Path
from string import Formatter
from typing import Any

import pytest
from rich.console import Console

import demo
import words
from demo import Demo, fresh
from ending import Money, money
from firm.org.roster import read_staff
from firm.org.words import Say
from firm.units import Amount
from story import FIELDS, Story, short
from tally import Count, Record, tally
from wish import ANSWERS, WORDS, Wish

HERE = Path(words.__file__).parent
TEMPLATE = Path(__file__).parents[2] / "src" / "firm" / "org" / "template" / "wing-works"


# --- the count --------------------------------------------------------------------------------------------------


def test_what_was_lost_changed_or_repeated_is_counted() -> None:
    one, two, three = (("a", 1), "x"), (("a", 2), "y"), (("b", 1), "z")
    before = Record(1, (one, two), {"k": "b"})
    assert tally(before, Record(2, (one, two, three), {"k": "b", "l": "c"}, 1)) == Count(3, 0, 0, 0, 5, 1)
    assert tally(before, Record(2, (one, three), {}, 1)) == Count(3, 2, 0, 0, 2, 1)
    assert tally(before, Record(2, (one, (("a", 2), "other")), {"k": "c"}, 1)).changed == 2
    assert tally(before, Record(2, (one, two, two), {"k": "b"}, 1)).repeated == 1


@pytest.mark.parametrize(
    ("count", "wrong"),
    [
        (Count(3, 0, 0, 0, 5, 1), 0),
        (Count(3, 1, 1, 1, 5, 1), 3),
        (Count(3, 0, 0, 0, 5, 2), 1),
        (Count(3, 0, 0, 0, 5, 0), 1),
    ],
)
def test_two_invoices_or_none_are_as_wrong_as_a_loss(count: Count, wrong: int) -> None:
    assert count.wrong == wrong


# --- the whole ----------------------------------------------------------------------------------------------------


def test_without_xfoil_and_model_an_order_is_carried_through_a_kill_to_its_invoice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    shown = Demo(fresh(tmp_path / "home"), Wish(text=WORDS["en"], no_model="none was wanted"), "en")
    shown.begin()
    short_of_time(shown.folder)
    assert shown.carry(0.3) == 0
    said = capsys.readouterr().out
    assert "asks no model: none was wanted" in said
    assert "How thick must it be at least" in said
    assert re.search(r"kill -9 of process \d+, \d+ of 12 hands in", said)
    assert "There is no second solver here" in said
    assert re.search(r"results recorded before the kill +[1-9]", said)
    for title in ("of them lost", "of them changed", "done twice"):
        assert re.search(rf"{title} +0\n", said)
    assert re.search(r"invoices written +1\n", said)
    assert re.search(r"ledger: 0 accounts.* empty: no model was paid", said)
    assert "Nothing: no model was asked." in said
    place = shown.folder / "orders" / "order-1"
    assert "the word of a surrogate" in (place / "letter.md").read_text("utf-8")
    assert len((place / "section.dat").read_text("utf-8").splitlines()) == 242
    assert "000001" in (place / "invoice.txt").read_text("utf-8")


def short_of_time(folder: Path) -> None:
    """Change the firm's files so that it looks for seconds only, and the founder has one."""
    for name, before, after in (
        ("programs/wing_design.py", '"cpu_s", 105.0', '"cpu_s", 4.0'),
        ("workflows/order.toml", "answer_s = 20", "answer_s = 1"),
    ):
        text = (folder / name).read_text("utf-8")
        assert before in text
        (folder / name).write_text(text.replace(before, after), "utf-8")


def test_the_demo_empties_only_a_folder_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(SystemExit, match="not empty"):
        fresh(tmp_path)
    (tmp_path / demo.LOG).touch()
    assert [one.name for one in fresh(tmp_path).iterdir()] == [demo.LOG]


@pytest.mark.parametrize(
    ("balances", "told"),
    [
        ({"a": Amount(5), "b": Amount(-5)}, "balances"),
        ({"a": Amount(5), "b": Amount(-4)}, "does NOT balance"),
        ({}, "empty: no model was paid"),
    ],
)
def test_books_that_do_not_balance_are_told(balances: dict[str, Amount], told: str) -> None:
    shown = Console(width=100)
    found = Money((), sum(balances.values(), Amount()), len(balances), 0, 0)
    with shown.capture() as capture:
        shown.print(money(story(), found))
    assert capture.get().splitlines()[-1].rstrip().endswith(told)


# --- what the terminal shows --------------------------------------------------------------------------------------


def story(language: str = "en") -> Story:
    """What shows."""
    return Story(Say(language, words.CHINESE), "tiny")


QUESTION = {"question": "q1", "text": "", "options": ["glide", "spar"], "default": "glide", "left_s": 19.6}


def test_a_question_is_put_once_and_the_typed_number_is_its_answer(
    capsys: pytest.CaptureFixture[str],
) -> None:
    shown = story()
    shown.tell(QUESTION)
    shown.tell(QUESTION | {"left_s": 5.0})
    said = " ".join(capsys.readouterr().out.split())
    assert said.count("Only you can decide") == 1
    assert "1 glide 2 spar" in said
    assert "in 20 s it is glide" in said
    assert [shown.chosen(typed) for typed in ("1", "2", "3", "0", "x", "")] == [
        "glide",
        "spar",
        "",
        "",
        "",
        "",
    ]


def test_each_value_is_shown_with_who_has_read_it(capsys: pytest.CaptureFixture[str]) -> None:
    spec = [
        {"field": "reynolds", "value": 1e6, "by": "model", "unit": ""},
        {"field": "chord_mm", "value": 600.0, "by": "program", "unit": "mm"},
        {"field": "lift", "value": 0, "by": "default", "unit": ""},
    ]
    quote = {
        "cents": 5,
        "markup": 0.25,
        "lines": [{"says": "a processor [bold]", "usd": 0.0028}],
        "assumptions": [],
    }
    order = {"order": {"state": "quoted", "spec": spec, "quote": quote}}
    shown = story()
    shown.tell(order)
    shown.tell(order)
    said = capsys.readouterr().out
    assert re.search(r"reads in the order: Reynolds number 1,000,000 +model", said)
    assert re.search(r"reads in the order: chord 600 mm +program", said)
    assert re.search(r"as the product has it: least lift coefficient 0 +template", said)
    assert said.count("quotes 0.05 USD") == 1
    assert "a processor [bold]" in said


def test_what_experts_and_strangers_say_stays_on_its_line() -> None:
    assert short("a\n\x1b[31mb\u202e") == "a [31mb"
    assert len(short("x" * 1000)) == 260


def phrases() -> set[str]:
    """What stands in calls of `say`."""
    found = set()
    for path in HERE.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("say", "self.say", "story.say"):
                found |= {one.value for one in node.args if isinstance(one, ast.Constant) and one.value}
    return found


def test_every_phrase_role_and_field_has_its_chinese() -> None:
    said = phrases() | set(FIELDS.values()) | {role.name for role in read_staff(TEMPLATE)}
    said |= {
        "Who did what",
        "Killed with -9 and started again",
        "The money",
        "founder",
        "customer",
        "office",
        "desk",
    }
    assert len(said) > 60
    assert said - words.CHINESE.keys() == set()


@pytest.mark.parametrize("phrase", words.CHINESE)
def test_a_translation_wants_the_same_values(phrase: str) -> None:
    assert values_in(words.CHINESE[phrase]) == values_in(phrase)


def values_in(phrase: str) -> set[str | None]:
    """The values that a phrase wants."""
    return {name for _, name, _, _ in Formatter().parse(phrase) if name is not None}


def test_the_customer_can_answer_whatever_he_may_be_asked() -> None:
    for language, answers in ANSWERS.items():
        assert language in WORDS
        assert set(answers) == set(FIELDS)


def test_a_word_that_is_not_known_is_shown_as_it_stands() -> None:
    assert story("zh").word("someone") == "someone"
    assert story("zh").word("critic") == "评审"


def pulled(monkeypatch: pytest.MonkeyPatch, there: bool, why: str) -> Any:
    """The weights are there, or come, or not."""
    monkeypatch.setattr(demo.weights, "there_already", lambda: there)
    monkeypatch.setattr(demo.weights, "fetch", lambda told: (told(1, 2), why)[1])
    return demo.model_here


def test_a_model_is_asked_where_its_weights_are_or_come(monkeypatch: pytest.MonkeyPatch) -> None:
    say = Say("en", words.CHINESE)
    assert pulled(monkeypatch, True, "never asked")(say, False) == ""
    assert pulled(monkeypatch, False, "")(say, False) == ""
    assert pulled(monkeypatch, False, "no network")(say, False) == "no network"
    assert pulled(monkeypatch, True, "")(say, True) == "none was wanted"
