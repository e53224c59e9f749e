"""The newsroom: nothing goes into the issue that does not stand in a source, and nothing is changed on its way."""

import os
import tomllib
from pathlib import Path
from typing import Any

import pytest
from tests.unit.org.template.rehearsing import (
    TEMPLATES,
    Rehearsal,
    ends,
    given,
    plan_faults,
    program,
    refusals,
)

from firm.errors import UsageError
from firm.org.artifact import Artifact
from firm.org.founding import frequency_of, template_for

HERE = TEMPLATES / "newsroom"
sources = program("newsroom", "news_sources")
topics = program("newsroom", "news_topics")
articles = program("newsroom", "news_articles")
issue = program("newsroom", "news_issue")

SOURCES: dict[str, Any] = {
    "sources": [
        {
            "id": "S1",
            "title": "Glue",
            "file": "sources/glue.md",
            "text": "It sets in 30 minutes at 1,200 hPa.",
            "sha256": "a",
        },
        {
            "id": "S2",
            "title": "Wood",
            "file": "sources/wood.md",
            "text": "Balsa weighs 0.16 as much.",
            "sha256": "b",
        },
    ]
}
LEAD = "# Glue\n\nIt sets in 30 minutes [S1].\n\n> It sets in 30 minutes"
SECOND = "# Wood & glue\n\n**Balsa** weighs 0.16 as much [S2]."
FRAME = {
    "title": "Bench 1",
    "opening": "On glue.",
    "order": ["second", "lead"],
    "closing": "Until soon.",
    "note": "",
}


def text(said: str) -> Artifact:
    return Artifact(name="lead", text=said)


def test_the_plan_has_no_faults() -> None:
    assert plan_faults("newsroom", usd=3.0) == []


def test_sources_are_those_that_the_mission_names_else_those_in_its_language(tmp_path: Path) -> None:
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources" / "a.md").write_text("# A\n\nSome English words.", "utf-8")
    (tmp_path / "sources" / "b.txt").write_text("全部是中文的资料。", "utf-8")
    (tmp_path / "sources" / "c.pdf").write_bytes(b"%PDF")
    names = {
        asked: [one["file"] for one in sources.wanted(asked[:-2], tmp_path, asked[-2:])]
        for asked in ("an issue|en", "from b.txt|en", "出一期|zh")
    }
    assert list(names.values()) == [["sources/a.md"], ["sources/b.txt"], ["sources/b.txt"]]
    (tmp_path / "sources" / "b.txt").unlink()
    assert [one["title"] for one in sources.wanted("出一期", tmp_path, "zh")] == ["A"]
    (tmp_path / "sources" / "a.md").unlink()
    with pytest.raises(UsageError, match=r"sources/ has no \.md or \.txt file; put there"):
        sources.wanted("an issue", tmp_path, "en")


def test_what_no_issue_has_used_comes_first_and_then_the_newest(tmp_path: Path) -> None:
    for name, at_s in (("old.md", 1), ("used.md", 9), ("new.md", 5)):
        path = tmp_path / "sources" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(name, "utf-8")
        os.utime(path, (at_s, at_s))
    files = [sources.read(path, tmp_path) for path in sources.listed(tmp_path)]
    used = next(one["sha256"] for one in files if one["file"].endswith("used.md"))
    record = tmp_path / "deliveries" / "m-1" / "issue" / "issue.json"
    record.parent.mkdir(parents=True)
    record.write_text(sources.json.dumps({"sources": [{"sha256": used}]}), "utf-8")
    (record.parent.parent / "issue.json").write_text("[1]", "utf-8")
    found = sources.in_order(files, sources.used_in(tmp_path / "deliveries"))
    assert [one["title"] for one in found] == ["new.md", "old.md", "used.md"]
    assert [one["used"] for one in found] == [False, False, True]


def test_an_issue_is_not_written_twice_from_the_same_sources_unless_they_are_named() -> None:
    old, new = ({"file": f"sources/{name}.md", "used": name == "old"} for name in ("old", "new"))
    for files, mission in (([old, new], "this week's"), ([old], "on old.md"), ([old], "from sources/")):
        sources.check_new(files, mission)
    with pytest.raises(UsageError, match="have used every file of sources/; put new ones there"):
        sources.check_new([old], "this week's")


def test_a_sentence_about_a_weekly_newsletter_asks_for_it_with_a_weekly_schedule() -> None:
    for sentence in ("a newsletter on wing design, one issue a week", "每周一期的机翼设计通讯"):
        assert template_for(sentence)[0] == "newsroom"
        found = frequency_of(sentence)
        assert found is not None and (found.name, found.cron) == ("weekly", "0 8 * * 1")


def test_more_than_can_be_read_at_once_is_left_out_and_a_single_giant_is_refused() -> None:
    files = [{"file": str(count), "text": "x" * 9_000} for count in range(4)]
    assert [one["file"] for one in sources.fitting(files)] == ["0", "1"]
    with pytest.raises(UsageError, match="more than 20,000 characters; divide it"):
        sources.fitting([{"file": "a", "text": "x" * 20_001}])


def test_articles_are_planned_on_sources_that_there_are() -> None:
    lead = {"id": "lead", "headline": "Glue", "angle": "How long?", "sources": ["S1"]}
    second = {"id": "second", "headline": "Wood", "angle": "How heavy?", "sources": ["S2"]}
    assert topics.faults_of([lead, second], {"S1", "S2"}) == []
    wrong = topics.faults_of([lead, second | {"headline": "glue ", "sources": ["S7"]}], {"S1", "S2"})
    assert wrong == [
        "second: there is no source 'S7'; there are S1, S2",
        "two articles have the same headline",
    ]
    assert "give lead and second" in topics.faults_of([lead], {"S1"})[0]


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("# Glue\n\nIt sets in 35 minutes [S1].", "35 does not stand in S1"),
        ("# Glue\n\nIt sets in 30 minutes [S2].", "30 does not stand in S2"),
        ("# Glue\n\nIt sets in 0.30 minutes [S1].", "0.30 does not stand"),
        ("# Glue\n\n粘合需要31分钟 [S1]。", "31 does not stand"),
    ],
)
def test_a_figure_that_its_source_does_not_give_is_refused(said: str, reason: str) -> None:
    verdict = articles.figures_stand(given("write-lead", sources=SOURCES), text(said))
    assert not verdict.accept and reason in verdict.reasons[0]


def test_figures_of_the_sources_pass_however_thousands_are_written() -> None:
    said = "# In 3 steps\n\n1. Wait 30 minutes at 1200 hPa [S1].\n\n2. 粘合需要30分钟 [S1]。"
    verdict = articles.figures_stand(given("write-lead", sources=SOURCES), text(said))
    assert verdict.accept and verdict.evidence == ("3 figures looked up in the sources of their paragraphs",)
    assert articles.names_its_sources(given("write-lead", sources=SOURCES), text(said)).accept


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("Glue [S1].", "no headline"),
        ("# Glue\n\nIt sets.", "names no source"),
        ("# Glue\n\nIt sets [S3].", "no source S3; there are S1, S2"),
        ("# Glue\n\nIt sets [S1].\n\nIn 30 minutes.", "has figures and names no source: 'In 30 minutes.'"),
    ],
)
def test_an_article_without_headline_or_source_is_refused(said: str, reason: str) -> None:
    verdict = articles.names_its_sources(given("write-lead", sources=SOURCES), text(said))
    assert not verdict.accept and reason in verdict.reasons[0]


def test_the_frame_holds_these_articles_and_no_figure_of_its_own() -> None:
    work = given("edit", lead=LEAD, second=SECOND)
    assert issue.frame_fits(work, Artifact(name="frame", data=FRAME)).accept
    wrong = FRAME | {"title": "x" * 81, "order": ["lead"], "opening": "40 minutes!"}
    assert len(issue.frame_fits(work, Artifact(name="frame", data=wrong)).reasons) == 3


def test_the_issue_holds_the_articles_word_for_word(tmp_path: Path) -> None:
    work = given("print", sources=SOURCES, lead=LEAD, second=SECOND, frame=FRAME)
    used = issue.used_sources(work, [SECOND, LEAD])
    paths = [tmp_path / issue.MARKDOWN, tmp_path / issue.PAGE]
    paths[0].write_text(issue.markdown(FRAME, [SECOND, LEAD], used, "en"), "utf-8")
    paths[1].write_text(issue.page(FRAME, [SECOND, LEAD], used, "en"), "utf-8")
    assert issue.judge(work, paths).accept
    page = paths[1].read_text("utf-8")
    assert "<h2>Wood &amp; glue</h2>" in page and "<strong>Balsa</strong>" in page
    assert (
        '<sup><a href="#S1">[S1]</a></sup>' in page
        and "<blockquote>It sets in 30 minutes</blockquote>" in page
    )
    for path in paths:
        good = path.read_text("utf-8")
        path.write_text(good.replace("30 minutes", "35 minutes"), "utf-8")
        assert issue.judge(work, paths).reasons == (f"lead does not stand in {path.name} as it was accepted",)
        path.write_text(good, "utf-8")


def test_what_a_source_or_a_member_writes_stays_text_on_the_page() -> None:
    page = issue.page(FRAME | {"title": "<script>"}, ["# <img src=x>\n\na < b"], [], "zh")
    assert "<script>" not in page and "<img" not in page and '<html lang="zh">' in page


@pytest.mark.parametrize("key", ["mission", "mission_zh"])
def test_its_small_mission_is_reached_in_rehearsal(tmp_path: Path, key: str) -> None:
    mission = tomllib.loads((HERE / "template.toml").read_text("utf-8"))[key]
    firm = Rehearsal("newsroom", tmp_path / "firm")
    outcome = firm.carry(mission)
    assert (outcome.ending, outcome.why) == ("reached", "")
    tasks = ends(outcome)
    assert refusals(tasks["write-lead"]) == ["programs/news_articles.py:figures_stand"]
    assert refusals(tasks["write-second"]) == ["fact-checker"]
    assert refusals(tasks["print"]) == []
    [made] = outcome.artifacts
    said = next(firm.folder.joinpath(outcome.folder).rglob("issue.md")).read_text("utf-8")
    assert made.name == "issue" and "0.0066" in said and "0.0060" not in said
    assert outcome.language == ("zh" if key == "mission_zh" else "en")
