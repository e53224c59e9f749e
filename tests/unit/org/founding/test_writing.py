"""A firm out of a sentence: its files, its settings, its page, its first commit."""

import subprocess
import tomllib
from pathlib import Path

import pytest

from firm.errors import UsageError
from firm.org.founding import Server, about_page, check_about, found, found_by_model
from firm.org.founding.chinese import CHINESE
from firm.org.founding.draft import Draft, DraftRole
from firm.org.founding.settled import settled
from firm.org.founding.template import names
from firm.org.plan import Done, Goal, Task
from firm.org.roster import check_folder, read_role
from firm.root.config import read_config

KIOSKS = Path(__file__).parents[3] / "data/template"
SENTENCE = "a note on the sky, one a week"
DRAFT = Draft(
    says="One page.",
    roles=(
        DraftRole(name="chief", purpose="Plans."),
        DraftRole(name="writer", title="The writer", purpose="Writes.", rules=("Be brief.",), tools=("web",)),
        DraftRole(name="reader", purpose="Reads."),
    ),
    goals=(Goal(id="page", says="There is a page."),),
    tasks=(
        Task(
            id="page", says="Write: {mission}", role="writer", makes="page", usd=1.0, deliver=True,
            done=Done(says="It can be read.", checks=("not empty",), reviewer="reader"),
        ),
    ),
)  # fmt: skip


def git(folder: Path, *words: str) -> str:
    return subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=True).stdout


def test_a_sentence_becomes_a_firm_in_order(tmp_path: Path) -> None:
    founded = found(tmp_path / "sky", SENTENCE, templates=KIOSKS)
    folder = founded.folder
    config = read_config(folder / "firm.toml")
    assert (founded.template, founded.by, founded.language) == ("kiosk", "template", "en")
    assert (config.name, config.mission, config.org.usd) == ("sky", SENTENCE, 0.5)
    [schedule] = config.schedules
    assert (schedule.name, schedule.cron, schedule.mission) == (
        "weekly",
        "0 8 * * 1",
        f"What is due now: {SENTENCE}",
    )
    words = (folder / "firm.toml").read_text("utf-8")
    assert words.startswith("# From the template kiosk: the sentence says 'note'.\n# A comment that stays.\n")
    assert [one.level for one in (*check_folder(folder), *check_about(folder))] == ["ok", "ok", "ok"]
    assert founded.mission == "Say in a note why the sky is blue."
    assert founded.rehearses


def test_it_is_in_git_and_the_firm_is_the_author(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for key, value in (("NAME", "Somebody"), ("EMAIL", "somebody@example.com")):
        monkeypatch.setenv(f"GIT_AUTHOR_{key}", value)
    founded = found(tmp_path / "sky", SENTENCE, templates=KIOSKS)
    assert git(founded.folder, "log", "--format=%an %cn %s").strip() == f"sky sky Founded: {SENTENCE}"
    assert git(founded.folder, "rev-parse", "HEAD").strip() == founded.commit
    assert git(founded.folder, "status", "--porcelain") == ""
    assert sorted(git(founded.folder, "ls-files").split()) == sorted(founded.files)
    assert "template.toml" not in founded.files
    assert "rehearsal.py" in founded.files


@pytest.mark.parametrize(("name", "author"), [("<> .", "firm"), ("a <b@c> d.", "a b@c d"), ("天空", "天空")])
def test_whatever_a_folder_is_called_it_can_be_an_author(tmp_path: Path, name: str, author: str) -> None:
    founded = found(tmp_path / name, SENTENCE, templates=KIOSKS)
    assert git(founded.folder, "log", "--format=%an").strip() == author


def test_without_git_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    founded = found(tmp_path / "sky", SENTENCE, templates=KIOSKS)
    assert (founded.commit, founded.no_commit.partition(",")[0]) == ("", "git is not installed")
    assert "ABOUT.md" in founded.files


def test_a_chinese_sentence_makes_a_chinese_firm(tmp_path: Path) -> None:
    founded = found(tmp_path / "天空", "每周一写一张便条", templates=KIOSKS)
    config = read_config(founded.folder / "firm.toml")
    assert (config.name, config.org.language, config.schedules[0].cron) == ("天空", "zh", "0 8 * * 1")
    about = (founded.folder / "ABOUT.md").read_text("utf-8")
    assert "## 它会花多少钱" in about
    assert "如无另行说明，一个任务最多花 0.50 美元" in about
    assert founded.mission == "用一张便条说明天空为什么是蓝色的。"


def test_a_template_alone_keeps_its_mission(tmp_path: Path) -> None:
    founded = found(tmp_path / "a", template="kiosk", templates=KIOSKS)
    config = read_config(founded.folder / "firm.toml")
    assert (config.mission, config.schedules, founded.frequency) == ("Answer in a note.", (), None)


def test_the_page_says_what_the_files_say(tmp_path: Path) -> None:
    folder = found(tmp_path / "sky", SENTENCE, templates=KIOSKS).folder
    page = about_page(folder)
    for said in (
        "Whoever asked understands. The bet: Three sentences are enough.",
        "| `writer` | a model | `chief` | Writes notes that a child understands. |",
        "- `writer`: keep notes for itself (changes nothing outside)",
        "A mission takes at most 0.50 USD",
        "`weekly` (0 8 * * 1)",
        "Between missions it costs nothing",
    ):
        assert said in page


def test_a_page_that_is_stale_is_a_warning(tmp_path: Path) -> None:
    folder = found(tmp_path / "sky", SENTENCE, templates=KIOSKS).folder
    page = folder / "ABOUT.md"
    page.write_text("A line of my own.\n\n" + page.read_text("utf-8"), "utf-8")
    assert [one.level for one in check_about(folder)] == ["ok"]
    role = folder / "roles/writer.md"
    role.write_text(role.read_text("utf-8").replace("tools: notes", "tools: web"), "utf-8")
    assert ["have changed since" in one.text for one in check_about(folder)] == [True]
    page.unlink()
    assert ["is not there" in one.text for one in check_about(folder)] == [True]


@pytest.mark.parametrize(
    ("sentence", "said"),
    [("", "the sentence is empty"), (" \t\n", "is empty"), ("a" * 2001, "2,001 characters")],
)
def test_a_sentence_that_is_none_is_refused(tmp_path: Path, sentence: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        found(tmp_path / "a", sentence)
    assert not (tmp_path / "a").exists()


def test_a_folder_that_is_not_empty_is_refused(tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("mine", "utf-8")
    with pytest.raises(UsageError, match="not empty"):
        found(tmp_path, SENTENCE, templates=KIOSKS)
    assert [path.name for path in tmp_path.iterdir()] == ["note.txt"]
    with pytest.raises(UsageError, match="language 'fr'"):
        found(tmp_path / "a", SENTENCE, language="fr")


def test_whatever_a_sentence_holds_the_settings_can_be_read(tmp_path: Path) -> None:
    sentence = 'a note "on" \\ \x00\x1b[31m tabs\tand\nlines ]] [x] = """ \x7f ' + "飞"
    folder = found(tmp_path / "a b's", sentence, templates=KIOSKS).folder
    config = read_config(folder / "firm.toml")
    assert config.name == "a b's"
    assert config.mission == 'a note "on" \\ [31m tabs and lines ]] [x] = """ 飞'


def test_settings_keep_their_lines() -> None:
    words = settled(
        '# mine\nname = "x" # old\n\n[a]\nb = 1 # stays\n', top={"name": "y"}, org={"language": "zh"}
    )
    assert words == '# mine\nname = "y"\n\n[a]\nb = 1 # stays\n\n[org]\nlanguage = "zh"\n'
    assert settled("", top={"name": "y"}, org={}) == 'name = "y"\n'
    again = settled('[org]\nusd = 1\n[[rules]]\nname = "no"\n', top={"mission": "m"}, org={"language": "zh"})
    assert tomllib.loads(again) == {
        "mission": "m",
        "org": {"language": "zh", "usd": 1},
        "rules": [{"name": "no"}],
    }


def test_what_a_model_drafted_becomes_files(tmp_path: Path) -> None:
    server = Server("http://127.0.0.1:1/v1", "big", "env:BIG_KEY")
    founded = found_by_model(tmp_path / "sky", SENTENCE, DRAFT, server=server)
    config = read_config(founded.folder / "firm.toml")
    assert (founded.by, founded.template, founded.mission) == ("model", "", "")
    assert (config.models["default"].name, config.models["default"].key) == ("big", "env:BIG_KEY")
    assert read_role(founded.folder / "roles/writer.md").tools == ("web",)
    assert "# The writer" in (founded.folder / "roles/writer.md").read_text("utf-8")
    assert [one.level for one in (*check_folder(founded.folder), *check_about(founded.folder))] == ["ok"] * 3


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_template_makes_a_firm_in_order(tmp_path: Path, name: str, language: str) -> None:
    sentence = "what we want, every Monday" if language == "en" else "每周一做我们要的事"
    folder = found(tmp_path / "a", sentence, name).folder
    read_config(folder / "firm.toml")
    findings = [*check_folder(folder), *check_about(folder)]
    assert [one.text for one in findings if one.level != "ok"] == []


def test_every_phrase_of_the_page_is_there_in_chinese() -> None:
    import ast
    import inspect

    from firm.org.founding import about

    tree = ast.parse(inspect.getsource(about))
    said = {
        node.args[0].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "say"
        and isinstance(node.args[0], ast.Constant)
    }
    said |= {*about._HELD.values(), *about._GROUPS.values(), *about._RISKS.values()}
    said |= {*about._PLANNED.values(), about._CHECKED}
    assert said | {"allowed", "you are asked first", "denied"} == CHINESE.keys()
