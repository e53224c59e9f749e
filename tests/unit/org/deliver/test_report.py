"""The report: it says what happened, in both languages, and nothing that anybody said becomes more than words."""

import ast
import re
from html.parser import HTMLParser
from pathlib import Path
from string import Formatter
from xml.etree import ElementTree

import msgspec
import pytest
from tests.unit.org.deliver.outcomes import HOSTILE, accepted, outcome, task

from firm.org.artifact import Artifact
from firm.org.deliver import deliver
from firm.org.deliver.chinese import CHINESE
from firm.org.deliver.diagram import MAX_DRAWN, columns, cut, diagram, layers, standalone
from firm.org.deliver.figures import money, size, span
from firm.org.deliver.markup import escaped
from firm.org.deliver.picture import MAX_BYTES, source_of
from firm.org.deliver.share import share
from firm.org.mission import Outcome
from firm.org.plan import Plan
from firm.org.words import words

ROOT = Path(__file__).parents[4]
replace = msgspec.structs.replace
SAY = words("en", "firm.org.deliver.chinese")


def reports(home: Path, found: Outcome) -> tuple[str, str]:
    """The page and the Markdown of a mission."""
    made = deliver(found, home, "Wing <Works>")
    page = home / made.report
    return page.read_text("utf-8"), page.with_suffix(".md").read_text("utf-8")


class Reader(HTMLParser):
    """What a page is made of: its tags with their attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.said: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open.pop() == tag, tag

    def handle_data(self, data: str) -> None:
        self.said.append(data)


def test_it_opens_with_what_was_asked_and_whether_it_was_reached(tmp_path: Path) -> None:
    page, markdown = reports(tmp_path, outcome(tmp_path))
    said = (
        "What was asked for was made: everything that was to be delivered is here (2 of 2). Each result was checked by "
        "a program, or by somebody other than its maker, and accepted. Work was sent back 2 times. One close call was "
        "put to the founder. It took 3 min 12 s and 0.0042 USD."
    )
    body = page[page.index("<body>") :]
    assert body.index("reached") < body.index("<h1>") < body.index(said) < body.index("<section")
    assert markdown.startswith("# A wing section for a glider") and said in markdown


def test_both_say_the_same_parts_in_the_same_order(tmp_path: Path) -> None:
    page, markdown = reports(tmp_path, outcome(tmp_path))
    titles = re.findall(r"<h2>(.*?)</h2>", page)
    assert titles == re.findall(r"^## (.*)$", markdown, flags=re.MULTILINE)
    assert titles == [
        "What is delivered",
        "Who did what, and who checked it",
        "The plan",
        "What was refused, and why",
        "Decisions",
        "What the founder told meanwhile",
        "Goals, and what was bet on them",
        "What it cost",
        "What models added",
        "Files",
    ]
    for words_said in (
        "xfoil: 120.6 at the design point",
        "the surrogate believed a section that does not fly",
    ):
        assert words_said in page and words_said in markdown
    for words_said in (
        "decided: FIRM-12, by the default, for nobody answered",
        "engineer: FIRM-12 – it stalls gently",
        "pricing had no opinion: no model answered",
    ):
        assert words_said in page and words_said in markdown
    assert "The wing shall be made of wood." in page and "a search of minutes is enough" in page


def test_every_file_stands_there_with_its_sha256(tmp_path: Path) -> None:
    found = outcome(tmp_path)
    page, markdown = reports(tmp_path, found)
    for artifact in found.artifacts:
        for made in artifact.files:
            assert made.sha256 in page and f"`{made.sha256}`" in markdown


def test_whatever_was_said_is_text_and_the_page_loads_nothing(tmp_path: Path) -> None:
    found = outcome(tmp_path, mission=f"Fly {HOSTILE}", why=HOSTILE, facts=(HOSTILE,), ending="partly")
    assert found.plan is not None
    first = replace(found.plan.tasks[0], says=HOSTILE)
    goal = replace(found.plan.goals[0], says=HOSTILE, bet=HOSTILE)
    plan = replace(
        found.plan, why=HOSTILE, tasks=(first, *found.plan.tasks[1:]), goals=(goal, *found.plan.goals[1:])
    )
    page, markdown = reports(tmp_path, replace(found, plan=plan))
    read = Reader(page)
    assert read.open == [] and "".join(read.said).count("<script>alert(1)</script>") >= 8
    assert not {name for name, _ in read.tags} & {
        "script",
        "iframe",
        "object",
        "embed",
        "form",
        "link",
        "base",
        "foreignobject",
    }
    for name, attributes in read.tags:
        assert not [key for key in attributes if key.startswith("on") or key == "style"], (name, attributes)
        assert (attributes.get("src") or "data:image/").startswith("data:image/")
        assert not re.match(r"(?i)\s*(javascript|data|https?):", attributes.get("href") or "")
    assert "default-src 'none'" in str(read.tags[:4])
    outside = re.sub(r"^    .*$", "", markdown, flags=re.MULTILINE)
    assert not re.search(r"(?<!\\)<script", outside) and "](https:" not in outside and "**b**" not in outside
    assert all(line.count("|") - line.count("\\|") in (0, 3, 4, 6) for line in outside.splitlines())


def test_links_lead_to_files_of_the_delivery_and_never_to_what_a_browser_would_run(tmp_path: Path) -> None:
    page, _ = reports(tmp_path, outcome(tmp_path))
    links = [attributes["href"] for name, attributes in Reader(page).tags if name == "a"]
    assert (
        "section/firm-12.dat" in links
        and "letter.md" in links
        and not [one for one in links if "svg" in str(one)]
    )
    for link in links:
        assert (tmp_path / "deliveries/order-7" / str(link)).is_file()


def test_it_speaks_chinese_throughout(tmp_path: Path) -> None:
    page, markdown = reports(tmp_path, outcome(tmp_path, "zh"))
    assert '<html lang="zh">' in page and "要求的成果已经完成" in page and "3 分钟 12 秒" in markdown
    for english in ("What is delivered", "accepted by", "rounds", "Who did", "close call", "lines"):
        assert english not in page and english not in markdown
    changelog = (tmp_path / "CHANGELOG.md").read_text("utf-8")
    assert "**已达成**" in changelog and "[报告](deliveries/order-7/report.md)" in changelog


@pytest.mark.parametrize(("package", "names"), [("deliver", ("say",)), ("lesson", ("say",))])
def test_every_phrase_has_its_chinese_words_and_none_is_left_over(
    package: str, names: tuple[str, ...]
) -> None:
    import importlib

    table = importlib.import_module(f"firm.org.{package}.chinese").CHINESE
    said, literals = set(), set()
    for path in sorted((ROOT / "src/firm/org" / package).glob("*.py")):
        if path.name == "chinese.py":
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                literals.add(node.value)
            called = ast.unparse(node.func).rpartition(".")[2] if isinstance(node, ast.Call) else ""
            if called in names and isinstance(node, ast.Call) and isinstance(node.args[0], ast.Constant):
                said.add(node.args[0].value)
    assert said <= set(table), said - set(table)
    states = {"reached", "partly", "accepted", "skipped", "checking", "template", "person", "unit"}
    assert set(table) <= literals | states, set(table) - literals
    for english, chinese in table.items():
        fields = [
            sorted(name for _, name, _, _ in Formatter().parse(one) if name) for one in (english, chinese)
        ]
        assert fields[0] == fields[1], english


@pytest.mark.parametrize("ending", ["reached", "partly", "not reached", "refused", "cannot"])
@pytest.mark.parametrize("status", ["accepted", "refused", "skipped", "waiting", "working", "checking"])
def test_every_ending_and_state_is_told_in_chinese_too(tmp_path: Path, ending: str, status: str) -> None:
    found = outcome(tmp_path, "zh")
    tasks = tuple(
        [replace(end, status=status, why="因为" if status == "refused" else "") for end in found.tasks]
    )
    page, _ = reports(tmp_path, replace(found, ending=ending, tasks=tasks))
    assert CHINESE[ending] in page and CHINESE[status] in page


# --- what models added ---------------------------------------------------------------------------------------------


def test_what_models_added_is_one_honest_line(tmp_path: Path) -> None:
    found = outcome(tmp_path)
    assert share(found, SAY) == (
        "Of 6 accepted pieces of work, by who made them: model 1, program 3, template 1, default 1. "
        "The models: qwen-0.5b. Of 10 verdicts, models gave 1."
    )
    without = replace(found, tasks=found.tasks[:2])
    assert share(without, SAY).endswith(
        "Of 4 verdicts, models gave 0. No model made, planned or judged any of it."
    )
    assert found.plan is not None
    planned = replace(without, plan=replace(found.plan, by="model"))
    assert "No model" not in share(planned, SAY)


# --- pictures ------------------------------------------------------------------------------------------------------


def test_pictures_of_files_are_in_the_page_as_images_of_their_own(tmp_path: Path) -> None:
    page, markdown = reports(tmp_path, outcome(tmp_path))
    sources = [str(attributes["src"])[:26] for name, attributes in Reader(page).tags if name == "img"]
    assert sources == ["data:image/svg+xml;base64,", "data:image/png;base64,iVBO"]
    assert "![section.svg](section/pictures/section.svg)" in markdown and "](plan.svg)" in markdown


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("a.png", b"<script>"),
        ("a.svg", b"<html><script/></html>"),
        ("a.svg", b"<svg><unclosed></svg>"),
        ("a.svg", b'<!DOCTYPE svg [<!ENTITY a "b">]><svg xmlns="http://www.w3.org/2000/svg">&a;</svg>'),
        ("a.svg", b"\xff\xfe"),
        ("a.txt", b"\x89PNG\r\n\x1a\n"),
        ("a.png", b"\x89PNG\r\n\x1a\n" + b"0" * MAX_BYTES),
    ],
)
def test_what_is_no_picture_of_a_bearable_size_is_not_shown(tmp_path: Path, name: str, body: bytes) -> None:
    (tmp_path / name).write_bytes(body)
    assert source_of(tmp_path / name) == ""


def test_the_plan_is_drawn_in_layers_with_how_each_task_ended(tmp_path: Path) -> None:
    found = outcome(tmp_path)
    assert found.plan is not None
    assert [[one.id for one in layer] for layer in layers(found.plan)] == [
        ["brief"],
        ["explore"],
        ["choose"],
        ["draw", "polars"],
        ["letter"],
    ]
    drawn = diagram(found.plan, {end.id: end for end in found.tasks}, SAY)
    assert drawn is not None
    root = ElementTree.fromstring(standalone(drawn))
    space = "{http://www.w3.org/2000/svg}"
    texts = [node.text for node in root.iter(f"{space}text")]
    assert "explorer · accepted · round 2" in texts and "close call · accepted" in texts
    assert len(list(root.iter(f"{space}path"))) == 7 and len(list(root.iter(f"{space}g"))) == 6
    width = float(root.attrib["width"])
    for box in root.iter(f"{space}rect"):
        assert 0 <= float(box.attrib["x"]) <= width - float(box.attrib["width"])


def test_a_plan_that_is_too_large_is_told_and_not_drawn(tmp_path: Path) -> None:
    found = outcome(tmp_path)
    assert found.plan is not None
    many = tuple(
        [task(f"t{count}", "writer", f"a{count}", deliver=count == 0) for count in range(MAX_DRAWN * 5)]
    )
    plan = Plan(goals=found.plan.goals, tasks=many)
    assert diagram(plan, {}, SAY) is None and diagram(Plan(goals=(), tasks=()), {}, SAY) is None
    made = [Artifact(name=one.makes, text="done", maker="writer", task=one.id) for one in many]
    ends = [
        replace(found.tasks[0], id=one.id, artifact=artifact, verdicts=(accepted(artifact),))
        for one, artifact in zip(many, made, strict=True)
    ]
    page, _ = reports(tmp_path, replace(found, plan=plan, tasks=tuple(ends)))
    assert "100 more tasks, all accepted, are not told one by one." in page and "<svg" not in page


def test_wide_letters_count_twice_where_a_box_is_narrow() -> None:
    assert columns("翼型a") == 5 and cut("翼型设计", 8) == "翼型设计" and cut("翼型设计者", 8) == "翼型设…"
    assert columns(cut("翼" * 40, 22)) <= 22 and cut("abc", 3) == "abc" and cut("abcd", 3) == "ab…"


# --- figures -------------------------------------------------------------------------------------------------------


def test_figures_are_said_as_a_person_says_them() -> None:
    assert [money(one, SAY) for one in (0, 4_200, 1, 10_000, 1_234_567_890)] == [
        "0.00 USD",
        "0.0042 USD",
        "0.000001 USD",
        "0.01 USD",
        "1,234.57 USD",
    ]
    assert [span(one, SAY) for one in (0, 3.24, 59.6, 192.4, 3_600, 7_199, 7_200, 90_061)] == [
        "0 s",
        "3.2 s",
        "60 s",
        "3 min 12 s",
        "60 min",
        "119 min 59 s",
        "2 h",
        "25 h 1 min",
    ]
    assert [size(one) for one in (0, 999, 3_100, 2_000_000)] == ["0 B", "999 B", "3.1 kB", "2.0 MB"]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("1. first", "1\\. first"),
        ("0.5 USD", "0.5 USD"),
        ("- point\n# head", "\\- point \\# head"),
        ("see https://a.b and www.c.d", "see https\\://a.b and www\\.c.d"),
        ("a|b <i> [c](d)", "a\\|b \\<i\\> \\[c\\](d)"),
        ("\u202eturned\x07", "turned"),
    ],
)
def test_markdown_of_others_is_escaped(said: str, expected: str) -> None:
    assert escaped(said) == expected
