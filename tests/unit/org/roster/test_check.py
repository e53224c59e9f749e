"""Whether a firm's folder is in order: everything wrong at once, with its place and its remedy."""

import shutil
from pathlib import Path

import pytest

from firm.org.roster import check_folder
from firm.org.roster.contradiction import contradictions

KIOSK = Path(__file__).parents[3] / "data/template/kiosk"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return shutil.copytree(KIOSK, tmp_path / "kiosk")


def bad(folder: Path, level: str = "bad") -> list[str]:
    return [one.text.replace(f"{folder}/", "") for one in check_folder(folder) if one.level == level]


def put(folder: Path, path: str, words: str) -> None:
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_text(words, "utf-8")


def test_a_folder_in_order_has_nothing_to_mend(folder: Path) -> None:
    assert [(one.level, one.what) for one in check_folder(folder)] == [("ok", "roles"), ("ok", "workflow")]


def test_a_folder_without_an_organization_has_no_findings(tmp_path: Path) -> None:
    (tmp_path / "firm.toml").write_text("name = 'x'\n", "utf-8")
    assert check_folder(tmp_path) == []


def test_everything_wrong_is_told_at_once(folder: Path) -> None:
    put(folder, "roles/a.md", "---\nmodle: x\n---\n")
    put(folder, "roles/b.md", "---\nturns: none\n---\n")
    put(folder, "workflows/second.toml", "says = 1\n")
    assert [text.split(": ")[0] for text in bad(folder)] == [
        "roles/a.md, line 2",
        "roles/b.md, line 2",
        "workflows/second.toml, line 1",
    ]


def test_roles_name_only_what_there_is(folder: Path) -> None:
    put(
        folder,
        "roles/writer.md",
        "---\nmodel: big\nstand_in: model:bigg\ntools: programs/size.py:short\n---\n",
    )
    put(folder, "roles/printer.md", "---\nheld_by: program\nprogram: programs/sise.py:short\n---\n")
    assert bad(folder) == [
        f"roles/printer.md, line 3: there is no file programs/sise.py in '{folder}'; did you mean programs/size.py?",
        "roles/writer.md, line 4: 'programs/size.py:short' is no tool; put @tool(risk=…) above it",
        "roles/writer.md, line 2: firm.toml has no model 'big'; "
        "write [models.big] there, or known: default, rehearsal",
        "roles/writer.md, line 3: firm.toml has no model 'bigg'; "
        "write [models.bigg] there, or known: default, rehearsal",
    ]


def test_a_workflow_can_be_carried_out_by_these_roles(folder: Path) -> None:
    words = (folder / "workflows/main.toml").read_text("utf-8")
    put(
        folder,
        "workflows/main.toml",
        words.replace('"writer"', '"writre"').replace('"not empty"', '"nott empty"'),
    )
    wrong = bad(folder)
    assert wrong[0].startswith("workflows/main.toml, line 9: note: is done by 'writre'")
    assert "did you mean 'writer'?" in wrong[0]
    assert wrong[1].startswith(
        "workflows/main.toml, line 9: note: there is no check 'nott empty'; did you mean"
    )
    put(folder, "workflows/main.toml", words.replace("size.py:short", "size.py:shrt"))
    assert "has no function 'shrt'; did you mean 'short'?" in bad(folder)[0]


def test_what_comes_with_the_mission_is_said_at_the_top(folder: Path) -> None:
    words = (folder / "workflows/main.toml").read_text("utf-8").replace("usd = 0.1", 'needs = ["letter"]')
    put(folder, "workflows/main.toml", words)
    [wrong] = bad(folder)
    assert "needs 'letter', which no task makes" in wrong
    assert 'write given = ["…"] at the top' in wrong
    put(folder, "workflows/main.toml", 'given = ["letter"]\n' + words)
    assert bad(folder) == []


def test_a_workflow_that_costs_more_than_a_mission_has_is_a_warning(folder: Path) -> None:
    words = (folder / "workflows/main.toml").read_text("utf-8").replace("usd = 0.1", "usd = 0.75")
    put(folder, "workflows/main.toml", words)
    [warning] = bad(folder, "warn")
    assert "up to 0.75 USD together, and a mission has 0.50; raise [org] usd" in warning


def test_a_tool_that_firm_toml_denies_is_a_warning(folder: Path) -> None:
    settings = (folder / "firm.toml").read_text("utf-8")
    put(folder, "firm.toml", settings + '\n[[rules]]\ntool = "tod*"\nthen = "deny"\n')
    [warning] = bad(folder, "warn")
    assert warning == (
        "roles/writer.md, line 2: tools: notes gives 'todo', and [[rules]] 1 of firm.toml denies it; keep one of them"
    )
    put(folder, "firm.toml", settings + '\n[[rules]]\ntool = "tod*"\nagent = "reader"\nthen = "deny"\n')
    assert bad(folder, "warn") == []


def test_units_are_looked_at_too(folder: Path) -> None:
    put(folder, "units/press/roles/printer.md", "---\nhads: 3\n---\n")
    assert bad(folder) == ["units/press/roles/printer.md, line 2: unknown key 'hads'; did you mean 'hands'?"]
    put(folder, "units/press/roles/printer.md", "Prints.")
    assert bad(folder) == []
    assert bad(folder, "warn") == [
        "nobody hands work to the unit 'press'; write `unit: press` in a role",
        "no units/press/roles/chief.md: the chief of press plans without a purpose and rules of its own",
        "no units/press/workflows/main.toml: without a strong model nobody of press can plan",
    ]


def test_what_lies_beside_is_there(folder: Path) -> None:
    (folder / "rehearsal.py").unlink()
    put(folder, "experts/law.md", "---\nfeilds: law\n---\n")
    settings = (folder / "firm.toml").read_text("utf-8")
    put(
        folder,
        "firm.toml",
        settings + '\n[[schedules]]\nname = "w"\nmission = "m"\ncron = "0 8 * * 1"\nworkflow = "man"\n',
    )
    assert bad(folder) == [
        "experts/law.md, line 2: unknown key 'feilds'; did you mean 'fields'?",
        f"[models.rehearsal] script is 'rehearsal.py:answer', and there is no such file in '{folder}'; write it",
        "[[schedules]] 1 of firm.toml: there is no workflows/man.toml; did you mean 'main'?",
    ]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Always cite the clause.", "Never cite the clause."),
        ("Cite the clause.", "You must not  cite the clause!"),
        ("Do not sign", "You must sign."),
        ("The buyer must sign.", "The buyer must not sign."),
        ("必须引用原文。", "不得引用原文"),
        ("总是先问客户。", "绝不先问客户。"),
    ],
)
def test_rules_that_contradict_each_other_in_the_same_words_are_told(first: str, second: str) -> None:
    assert contradictions(["Be brief.", first, second]) == [(first, second)]


def test_rules_that_say_something_else_are_let_be() -> None:
    rules = [
        "Always cite the clause.",
        "Never cite a court.",
        "Never sign.",
        "Always ask.",
        "Always ask.",
        "不得签字。",
    ]
    assert contradictions(rules) == []
    assert contradictions(["The buyer must sign.", "The seller must not sign."]) == []


def test_contradicting_rules_of_a_role_are_bad(folder: Path) -> None:
    put(folder, "roles/reader.md", "# Reader\n\n## Rules\n- Always read twice.\n- Never read twice.\n")
    assert bad(folder) == [
        "roles/reader.md, line 3: the rules 'Always read twice.' and 'Never read twice.' contradict each other; "
        "keep one of them"
    ]
