"""Every command: what it prints, its exit code, and what it says when something is wrong."""

import json
from pathlib import Path

import pytest

from .conftest import Firm

COMMANDS = (
    *("new", "run", "up", "stop", "ps", "show", "inbox", "answer"),
    *("resume", "cancel", "backup", "restore", "gc", "sim", "doctor", "chat", "models", "key"),
    *("login", "logout", "secret"),
)


def run_ids(firm: Firm) -> list[str]:
    return [run["id"] for run in json.loads(firm("ps", "--all", "--json").out)]


def test_help_and_version(firm: Firm) -> None:
    helped = firm("--help")
    assert helped.code == 0
    for name in COMMANDS:
        assert f"  {name} " in helped.out
        of_command = firm(name, "--help").out
        assert "Example: firm" in of_command
        assert "--json" in of_command
        assert name in ("new", "sim") or "--home" in of_command
    assert firm("--version").out.startswith("firm ")
    assert firm("no-such-command").code == 2


def test_a_new_folder_has_an_example_that_runs(firm: Firm, tmp_path: Path) -> None:
    made = firm("new", "my-firm")
    assert made.code == 0
    assert "firm run errand.py:errand" in made.out
    assert (tmp_path / "my-firm" / "firm.toml").read_text().startswith("# Settings of this firm")
    again = firm("new", "my-firm")
    assert (again.code, "not empty" in again.err) == (2, True)
    example = tmp_path / "my-firm" / "errand.py"
    example.write_text(example.read_text().replace("deadline=60", "deadline=0.3"))
    done = firm("run", str(example) + ":errand", "a lamp", '["Ada", "Bo"]', "--home", str(example.parent))
    assert (done.code, done.out) == (0, '"did not buy a lamp"\n')
    assert "goes on by itself" in done.err


def test_a_result_is_printed_as_json(firm: Firm) -> None:
    assert firm("run", "work.py:add", "1", "2").out == "6\n"
    assert firm("run", "work.py:greet", "日本").out == '"hello 日本"\n'
    assert firm("run", "work:greet", "module").out == '"hello module"\n'
    found = json.loads(firm("run", "work.py:add", "1", "--id", "sum", "--json").out)
    assert found == {"id": "sum", "status": "succeeded", "result": 4}


def test_the_same_id_joins_and_other_work_is_refused(firm: Firm) -> None:
    assert firm("run", "work.py:add", "1", "--id", "sum").out == "4\n"
    assert firm("run", "work.py:add", "1", "--id", "sum").out == "4\n"
    assert run_ids(firm) == ["sum"]
    refused = firm("run", "work.py:add", "2", "--id", "sum")
    assert (refused.code, "take another id" in refused.err) == (2, True)


def test_a_failed_run_exits_1_and_says_where_to_look(firm: Firm) -> None:
    failed = firm("run", "work.py:breaks", "no \x1b[31mred")
    assert failed.code == 1
    assert "failed: ValueError: no red" in failed.err
    assert f"firm show {run_ids(firm)[0]}" in failed.err
    assert "Traceback" not in failed.err
    found = json.loads(firm("run", "work.py:breaks", "x", "--json").out)
    assert (found["status"], found["error"]) == ("failed", "ValueError: x")


def test_a_run_that_waits_for_a_person_exits_3_and_joins_later(firm: Firm) -> None:
    waits = firm("run", "work.py:asks", "we")
    assert waits.code == 3
    [question] = json.loads(firm("inbox", "--json").out)
    assert f"firm answer {question['id']} yes" in waits.err
    assert question["id"] in firm("ps").out
    assert "Shall we?" in firm("inbox").out
    assert firm("answer", question["id"], "perhaps").code == 2
    assert firm("answer", "nothing", "yes").code == 2
    answered = firm("answer", question["id"], "yes")
    assert (answered.code, "firm up" in answered.err) == (0, True)
    twice = firm("answer", question["id"], "no")
    assert (twice.code, "answered already" in twice.err) == (2, True)
    joined = firm("run", "work.py:asks", "we")
    assert (joined.code, joined.out) == (0, '"yes"\n')
    assert "joining" in joined.err
    assert firm("inbox").out == "nothing waits for you\n"


def test_a_run_whose_child_asks_shows_that_question(firm: Firm) -> None:
    assert firm("run", "work.py:has_asked", "we").code == 3
    [question] = json.loads(firm("inbox", "--json").out)
    assert "/" in question["run"]
    assert f"you: {question['id']} Shall we?" in firm("ps").out


def test_new_starts_another_run_of_the_same_work(firm: Firm) -> None:
    firm("run", "work.py:asks", "we")
    firm("run", "work.py:asks", "we", "--new")
    assert len(run_ids(firm)) == 2
    assert firm("run", "work.py:asks", "we", "--new", "--id", "x").code == 2


def test_the_history_of_a_run_is_told(firm: Firm) -> None:
    firm("run", "work.py:parent", "2", "--id", "family")
    told = firm("show", "family").out
    assert "succeeded" in told
    assert "add(0)" in told
    assert "family/2" in told
    assert json.loads(firm("show", "family", "--json").out)["events"][-1]["value"] == [2, 4]
    assert "earlier events" in firm("show", "family", "--last", "1").out
    assert "family/1" in firm("ps", "--all", "--children").out
    assert "family/1" not in firm("ps", "--all").out
    assert firm("ps").out.startswith("no unfinished runs")


def test_a_waiting_run_is_cancelled(firm: Firm) -> None:
    firm("run", "work.py:asks", "we", "--id", "q")
    assert firm("cancel", "q").code == 0
    ended = firm("run", "work.py:asks", "we", "--id", "q")
    assert (ended.code, "was cancelled" in ended.err) == (1, True)
    assert "has ended already" in firm("cancel", "q").err
    assert "has ended already" in firm("resume", "q").err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("run", "nowhere.py:x"), "there is no file"),
        (("run", "work.py:ad", "1"), "did you mean work.py:add?"),
        (("run", "work.py:number"), "is not a workflow"),
        (("run", "work.py:double", "1"), "is a step"),
        (("run", "work.py"), "workflows in 'work.py': add, asks"),
        (("run", "broken.py:x"), "cannot be imported: ValueError: hm"),
        (("run", "syntax.py:x"), "cannot be imported: SyntaxError"),
        (("run", "empty.py:x"), "has no workflow"),
        (("run", "no_such_module_here:x"), "no module"),
        (("run", "make me rich"), "there is no organization in"),
        (("run", "work"), "no target"),
        (("run", "work.py:add"), "missing a required argument"),
        (("run", "work.py:add", "1", "2", "3"), "too many"),
        (("run", "work.py:add", "x"), "not JSON"),
        (("run", "work.py:add", "1.5"), "int"),
        (("run", "work.py:add", "1", "--id", "a\x01b"), "unprintable"),
        (("run", "work.py:add", "1", "--id", "x" * 10_000), "at most 200"),
        (("show", "nobody"), "no run 'nobody'"),
        (("cancel", "nobody"), "no run 'nobody'"),
        (("resume", "nobody"), "no run 'nobody'"),
        (("ps", "--status", "asleep"), "one of pending"),
        (("ps", "--home", "work.py"), "no firm in"),
        (("run", "work.py:add", "1", "--home", "work.py"), "not a folder"),
        (("gc", "--older-than", "soon"), "30d"),
    ],
)
def test_wrong_use_exits_2_and_says_what_to_do(
    firm: Firm, tmp_path: Path, words: tuple[str, ...], says: str
) -> None:
    (tmp_path / "broken.py").write_text("raise ValueError('hm')")
    (tmp_path / "syntax.py").write_text("def (")
    (tmp_path / "empty.py").write_text("x = 1")
    found = firm(*words)
    assert found.code == 2, found
    assert says in found.err
    assert "Traceback" not in found.err


def test_a_wrong_key_in_the_settings_stops_every_command_that_opens_the_firm(
    firm: Firm, tmp_path: Path
) -> None:
    (tmp_path / "firm.toml").write_text("nmae = 'x'")
    found = firm("run", "work.py:add", "1")
    assert (found.code, "did you mean 'name'" in found.err) == (2, True)
    told = firm("doctor")
    assert (told.code, "did you mean 'name'" in told.out) == (1, True)


def test_backup_restore_and_gc(firm: Firm, tmp_path: Path) -> None:
    firm("run", "work.py:asks", "we", "--id", "q")
    firm("run", "work.py:add", "1", "--id", "sum")
    backup = str(tmp_path / "backup")
    assert "verified" in firm("backup", backup).out
    assert "not empty" in firm("backup", backup).err
    assert "--force" in firm("restore", backup).err
    assert "1 unfinished run" in firm("restore", backup, "--force").out
    assert firm("restore", str(tmp_path / "nothing"), "--force").code == 1
    assert set(run_ids(firm)) == {"q", "sum"}
    assert "0 runs" in firm("gc", "--older-than", "1d").out
    assert "1 run, " in firm("gc", "--older-than", "0s").out
    assert "cleared by `firm gc`" in firm("show", "sum").out
    assert firm("doctor").code == 0


def test_the_doctor_looks_at_everything(firm: Firm, tmp_path: Path) -> None:
    assert "none yet" in firm("doctor").out
    firm("run", "work.py:asks", "we", "--id", "q")
    told = firm("doctor")
    assert told.code == 0
    for word in (
        "python",
        "sqlite",
        "disk",
        "owner",
        "the chain holds",
        "every invariant holds",
        "1 open question",
    ):
        assert word in told.out
    assert {finding["level"] for finding in json.loads(firm("doctor", "--json").out)} <= {"ok", "warn"}
    (tmp_path / ".firm" / "journal.db").write_bytes(b"junk" * 5000)
    broken = firm("doctor")
    assert (broken.code, "firm restore" in broken.out) == (1, True)
    assert firm("ps").code == 1


def test_an_error_nobody_foresaw_is_one_message_and_a_file(
    firm: Firm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from firm.root.firm import Firm as Opened

    firm("run", "work.py:add", "1")
    monkeypatch.setattr(Opened, "visit", lambda *_: 1 / 0)
    found = firm("ps")
    assert found.code == 1
    assert "a bug of firm: ZeroDivisionError" in found.err
    assert "Traceback" not in found.err
    [file] = (tmp_path / ".firm").glob("error-*.txt")
    assert "ZeroDivisionError" in file.read_text()


def test_without_a_home_one_line_says_where_it_is_made(
    firm: Firm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "firm.toml").unlink()
    found = firm("run", "work.py:add", "1")
    assert f"making {tmp_path / '.firm'}" in found.err
    assert firm("run", "work.py:add", "1").err == ""


def test_looking_makes_nothing(firm: Firm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert firm("ps").out.startswith("no unfinished runs")
    empty = tmp_path / "empty"
    empty.mkdir()
    for words in (("ps",), ("inbox",), ("show", "x"), ("cancel", "x")):
        found = firm(*words, "--home", str(empty))
        assert (found.code, "no firm in" in found.err) == (2, True)
        assert firm(*words, "--home", str(tmp_path / "typo")).code == 2
    assert list(empty.iterdir()) == []
    assert not (tmp_path / "typo").exists()


def test_nothing_runs_here_is_no_error(firm: Firm) -> None:
    assert (firm("stop").code, json.loads(firm("stop", "--json").out)) == (0, {"stopped": None})
