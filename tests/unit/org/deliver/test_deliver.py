"""Delivering: what goes out, what does not, and what stands in the firm's repository afterwards."""

import concurrent.futures
import json
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.unit.org.deliver.clone import commits, git, tree
from tests.unit.org.deliver.outcomes import AT_US, RUN, accepted, outcome

from firm.errors import UsageError
from firm.org.artifact import FileMade
from firm.org.deliver import deliver
from firm.org.deliver.changelog import with_entry
from firm.org.deliver.handover import folder_name
from firm.org.mission import Outcome

replace = msgspec.structs.replace
PLACE = f"deliveries/{RUN}"


def with_task(found: Outcome, id: str, **more: Any) -> Outcome:
    """The outcome with one task changed."""
    return replace(found, tasks=tuple([replace(end, **more) if end.id == id else end for end in found.tasks]))


def with_artifact(found: Outcome, id: str, **more: Any) -> Outcome:
    """The outcome with one artifact changed after it was accepted, or with its verdict if `again`."""
    again = more.pop("again", False)
    end = next(end for end in found.tasks if end.id == id)
    assert end.artifact is not None
    artifact = replace(end.artifact, **more)
    verdicts = (accepted(artifact),) if again else end.verdicts
    return with_task(found, id, artifact=artifact, verdicts=verdicts)


def refused(home: Path, found: Outcome, match: str) -> None:
    """It is refused, and nothing at all is delivered."""
    with pytest.raises(UsageError, match=match):
        deliver(found, home, "Works")
    assert not (home / "deliveries").exists() and not (home / "CHANGELOG.md").exists()
    assert not (home / ".git").exists() and list((home / ".firm/delivering").iterdir()) == []


def test_what_was_accepted_is_copied_reported_and_committed(tmp_path: Path) -> None:
    made = deliver(outcome(tmp_path), tmp_path, "Wing <Works>\n")
    assert made.folder == PLACE and made.report == f"{PLACE}/report.html" and made.why == ""
    expected = [
        "report.html",
        "report.md",
        "plan.svg",
        "letter.md",
        "section/firm-12.dat",
        "section/pictures/dots.png",
    ]
    for name in expected:
        assert (tmp_path / PLACE / name).is_file(), name
    assert (tmp_path / PLACE / "section/firm-12.dat").read_bytes() == (
        tmp_path / f"work/{RUN}/draw/firm-12.dat"
    ).read_bytes()
    assert commits(tmp_path) == [made.commit] and set(tree(tmp_path)) > {
        f"{PLACE}/{name}" for name in expected
    }
    assert git(tmp_path, "status", "--porcelain") == ""
    head = git(tmp_path, "log", "-1", "--format=%an|%ae|%cn|%at|%B")
    assert head.startswith(f"Wing Works|wing-works@firm.invalid|Wing Works|{AT_US // 1_000_000 + 90}|2026-")
    assert f"\nRun: {RUN}\n" in head


def test_the_same_delivery_again_is_the_same_commit_and_the_same_files(tmp_path: Path) -> None:
    first = deliver(outcome(tmp_path), tmp_path, "Works")
    before = {path: path.read_bytes() for path in (tmp_path / PLACE).rglob("*") if path.is_file()}
    assert deliver(replace(outcome(tmp_path), spent_usd_micro=9_999), tmp_path, "Works") == first
    assert {path: path.read_bytes() for path in (tmp_path / PLACE).rglob("*") if path.is_file()} == before
    assert len(commits(tmp_path)) == 1 and (tmp_path / "CHANGELOG.md").read_text().count("\n## ") == 1


def test_a_second_mission_is_a_second_commit_and_stands_first_in_the_changelog(tmp_path: Path) -> None:
    deliver(outcome(tmp_path), tmp_path, "Works")
    deliver(outcome(tmp_path, run="order-71", mission="Another one"), tmp_path, "Works")
    assert len(commits(tmp_path)) == 2 and git(tmp_path, "status", "--porcelain") == ""
    text = (tmp_path / "CHANGELOG.md").read_text("utf-8")
    assert text.startswith("# Changelog\n\n## 2026-") and text.index("Another one") < text.index(
        "A wing section"
    )
    assert deliver(outcome(tmp_path), tmp_path, "Works").commit == commits(tmp_path)[1]


def test_deliveries_at_once_do_not_disturb_each_other(tmp_path: Path) -> None:
    ends = [outcome(tmp_path, run=f"m-{count}") for count in range(6)]
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        made = list(pool.map(lambda end: deliver(end, tmp_path, "Works"), ends))
    assert (
        sorted(one.commit for one in made) == sorted(commits(tmp_path)) and len(set(commits(tmp_path))) == 6
    )
    assert git(tmp_path, "status", "--porcelain") == ""


def test_two_runs_never_share_a_folder() -> None:
    names = {folder_name(run) for run in ("a-b", "a/b", "a b", "x" * 60, "x" * 61)}
    assert len(names) == 5 and folder_name("order-7") == "order-7"


def test_nothing_accepted_is_told_too(tmp_path: Path) -> None:
    lost = tuple([replace(end, status="refused", why="given up") for end in outcome(tmp_path).tasks])
    made = deliver(outcome(tmp_path, tasks=lost, ending="not reached", why="no section holds"), tmp_path, "")
    assert sorted(os.listdir(tmp_path / PLACE)) == ["plan.svg", "report.html", "report.md"] and made.commit
    assert git(tmp_path, "log", "-1", "--format=%an").strip() == "firm"


# --- what is not what was accepted ---------------------------------------------------------------------------------


def test_a_file_that_was_changed_after_the_check_is_not_delivered(tmp_path: Path) -> None:
    found = outcome(tmp_path)
    path = tmp_path / f"work/{RUN}/draw/firm-12.dat"
    body = path.read_bytes()
    path.write_bytes(body.replace(b"0.08", b"0.80"))
    refused(tmp_path, found, "is not the one that was accepted")
    path.write_bytes(body + b"more")
    refused(tmp_path, found, "has grown")
    path.unlink()
    refused(tmp_path, found, "cannot be read: No such file")
    path.write_bytes(body)
    assert deliver(found, tmp_path, "Works").commit


def test_an_artifact_that_was_changed_after_the_check_is_not_delivered(tmp_path: Path) -> None:
    found = outcome(tmp_path)
    refused(tmp_path, with_artifact(found, "letter", text="Pay us twice."), "have it checked again")
    refused(tmp_path, with_task(found, "letter", verdicts=()), "no verdict says so")
    refused(tmp_path, with_task(found, "letter", verdicts=found.tasks[-1].verdicts[:1]), "no verdict says so")
    own = replace(found.tasks[-1].verdicts[-1], by="writer")
    refused(tmp_path, with_task(found, "letter", verdicts=(own,)), "who made it")
    refused(tmp_path, with_artifact(found, "letter", name="../letter", again=True), "nothing is delivered")


@pytest.mark.parametrize(
    "path",
    ["../secret", "/etc/hostname", "work/../../secret", ".firm/keys", ".git/config", "work/x/../.firm/keys"],
)
def test_a_path_that_leaves_the_home_is_not_delivered(tmp_path: Path, path: str) -> None:
    home = tmp_path / "home"
    (home / ".firm").mkdir(parents=True)
    (home / ".firm/keys").write_bytes(b"secret")
    (tmp_path / "secret").write_bytes(b"secret")
    import hashlib

    stolen = FileMade(path, hashlib.sha256(b"secret").hexdigest(), 6)
    refused(home, with_artifact(outcome(home), "draw", files=(stolen,), again=True), "of an artifact")


def test_a_link_on_the_way_is_not_followed(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    found = outcome(home)
    place = home / f"work/{RUN}/draw"
    place.rename(tmp_path / "elsewhere")
    place.symlink_to(tmp_path / "elsewhere")
    refused(home, found, "a link stands on the way")
    place.unlink()
    (tmp_path / "elsewhere").rename(place)
    body = (place / "firm-12.dat").read_bytes()
    (tmp_path / "copy.dat").write_bytes(body)
    (place / "firm-12.dat").unlink()
    (place / "firm-12.dat").symlink_to(tmp_path / "copy.dat")
    refused(home, found, "a link stands on the way")


def test_links_where_deliveries_go_are_refused_and_nothing_is_written_through_them(tmp_path: Path) -> None:
    home, outside = tmp_path / "home", tmp_path / "outside"
    home.mkdir()
    outside.mkdir()
    (home / "deliveries").symlink_to(outside)
    with pytest.raises(UsageError, match="is a link"):
        deliver(outcome(home), home, "Works")
    (home / "deliveries").unlink()
    (outside / "CHANGELOG.md").write_text("theirs")
    (home / "CHANGELOG.md").symlink_to(outside / "CHANGELOG.md")
    with pytest.raises(UsageError, match="no plain file"):
        deliver(outcome(home), home, "Works")
    assert os.listdir(outside) == ["CHANGELOG.md"] and (outside / "CHANGELOG.md").read_text() == "theirs"
    assert not (home / "deliveries").exists()


def test_files_of_one_name_and_the_reports_own_names_do_not_meet(tmp_path: Path) -> None:
    found = outcome(tmp_path)
    assert found.plan is not None
    end = found.tasks[-1]
    assert end.artifact is not None and end.artifact.text
    plan = replace(found.plan, tasks=(*found.plan.tasks[:-1], replace(found.plan.tasks[-1], makes="report")))
    artifact = replace(end.artifact, name="report", data={"Ä": [1]})
    found = replace(with_task(found, "letter", artifact=artifact, verdicts=(accepted(artifact),)), plan=plan)
    deliver(found, tmp_path, "Works")
    assert (tmp_path / PLACE / "report-2.md").read_text("utf-8").rstrip("\n") == artifact.text
    assert json.loads((tmp_path / PLACE / "report.json").read_text("utf-8")) == {"Ä": [1]}
    assert (tmp_path / PLACE / "report.md").read_text("utf-8").startswith("# A wing section")


# --- the firm's repository -----------------------------------------------------------------------------------------


def test_what_the_founder_has_staged_or_changed_stays_his(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "-b", "trunk")
    for name in ("notes.md", "CHANGELOG.md"):
        (tmp_path / name).write_text("# Changelog\n\nOurs.\n\n## 1.0\n\n- first\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "first")
    (tmp_path / "notes.md").write_text("changed")
    (tmp_path / "staged.md").write_text("staged")
    git(tmp_path, "add", "staged.md")
    (tmp_path / "CHANGELOG.md").write_text((tmp_path / "CHANGELOG.md").read_text() + "- being written\n")
    hook = tmp_path / ".git/hooks/post-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\ntouch hooked\n")
    hook.chmod(0o755)
    made = deliver(outcome(tmp_path), tmp_path, "Works")
    assert commits(tmp_path)[0] == made.commit and len(commits(tmp_path)) == 2
    assert {
        line.strip() for line in git(tmp_path, "status", "--porcelain").splitlines() if "work/" not in line
    } == {
        "M notes.md",
        "M CHANGELOG.md",
        "A  staged.md",
        "?? .firm/",
    }
    assert "staged.md" not in tree(tmp_path) and not (tmp_path / "hooked").exists()
    committed = git(tmp_path, "show", "HEAD:CHANGELOG.md")
    assert "Ours.\n\n## 2026-" in committed and "being written" not in committed and "## 1.0" in committed
    assert (tmp_path / "CHANGELOG.md").read_text().endswith("- first\n- being written\n")


def test_a_home_in_somebody_elses_repository_gets_its_own(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "-b", "main")
    home = tmp_path / "firms/works"
    home.mkdir(parents=True)
    deliver(outcome(home), home, "Works")
    assert (home / ".git").is_dir() and len(commits(home)) == 1
    assert (home / ".gitignore").read_text() == ".firm/\nwork/\norders/\nreports/\n__pycache__/\n"


def test_a_home_whose_firm_toml_a_repository_above_has_is_committed_there(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "-b", "main")
    home = tmp_path / "firms/works"
    home.mkdir(parents=True)
    (home / "firm.toml").write_text('name = "Works"\n')
    git(tmp_path, "add", "firms/works/firm.toml")
    git(tmp_path, "commit", "-q", "-m", "first")
    made = deliver(outcome(home), home, "Works")
    assert commits(tmp_path)[0] == made.commit and not (home / ".git").exists()
    assert f"firms/works/{PLACE}/letter.md" in tree(tmp_path) and "firms/works/CHANGELOG.md" in tree(tmp_path)
    assert deliver(outcome(home), home, "Works") == made


def test_without_git_it_is_delivered_and_says_why_there_is_no_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    made = deliver(outcome(tmp_path), tmp_path, "Works")
    assert made.commit == "" and made.why == "git is not installed" and (tmp_path / made.report).is_file()
    assert deliver(outcome(tmp_path), tmp_path, "Works") == made
    assert (tmp_path / "CHANGELOG.md").read_text("utf-8").count("\n## ") == 1


def test_a_git_that_cannot_is_told_and_the_files_are_there(tmp_path: Path) -> None:
    (tmp_path / ".git").write_text("gitdir: /nonexistent\n")
    made = deliver(outcome(tmp_path), tmp_path, "Works")
    assert made.commit == "" and "git" in made.why and (tmp_path / PLACE / "letter.md").is_file()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "# Changelog\n\nNEW"),
        ("# Changes\n", "# Changes\n\nNEW"),
        ("# Changes\n\nWords.\n\n## Old\n- a\n", "# Changes\n\nWords.\n\nNEW\n## Old\n- a\n"),
        ("## Old\n", "NEW\n## Old\n"),
        ("just words", "just words\n\nNEW"),
    ],
)
def test_an_entry_goes_above_the_older_ones_and_only_once(text: str, expected: str) -> None:
    said = "## Today\n\n- it took nothing · [report](deliveries/x/report.md)\n"
    once = with_entry(text, said)
    assert once == expected.replace("NEW", said) and with_entry(once, said) == once


def test_an_end_without_a_plan_has_a_report(tmp_path: Path) -> None:
    made = deliver(Outcome(run="m", mission="Fly.", ending="cannot", why="nobody can"), tmp_path, "Works")
    assert "nobody can" in (tmp_path / made.report).read_text("utf-8")
