"""Built-in checks: what they take, what they refuse, and what they say of it."""

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from firm.errors import UsageError
from firm.org.artifact import Artifact, FileMade, Verdict
from firm.org.assignment import Assignment
from firm.org.check import check_known, run_checks
from firm.org.check.known import CHECKS, read_check
from firm.org.plan import Done, Task

ROOT = Path(__file__).parents[4]
NOWHERE = Path("/nonexistent")


def task(*checks: str, kind: Any = "text", **more: Any) -> Task:
    done = Done(says="as it should be", checks=checks)
    return Task(id="write", says="Write it.", role="writer", makes="draft", done=done, kind=kind, **more)


def judged(
    artifact: Artifact, *checks: str, home: Path = NOWHERE, language: str = "en", **more: Any
) -> Verdict:
    inputs = more.pop("inputs", ())
    needs = tuple([one.name for one in inputs])
    kind = more.pop("kind", "files" if artifact.files else "text" if artifact.data is None else "json")
    given = Assignment(
        task=task(*checks, kind=kind, needs=needs, **more),
        mission="m",
        inputs=inputs,
        folder="work/run/write",
        language=language,
    )
    return run_checks(given, artifact, home)


def text(words: str, name: str = "draft") -> Artifact:
    return Artifact(name=name, text=words, maker="writer")


def data(value: Any, name: str = "draft") -> Artifact:
    return Artifact(name=name, data=value, maker="writer")


def made(home: Path, name: str, body: bytes) -> FileMade:
    path = home / "work/run/write" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)
    return FileMade(f"work/run/write/{name}", hashlib.sha256(body).hexdigest(), len(body))


CONTRACT = text(
    "7. The Supplier’s liability is limited to the fees paid in the last twelve months.\n第七条　乙方承担全部责任。",
    "contract",
)
LIST = data({"clauses": [{"id": "C-1", "fine": 250}, {"id": "C-2"}], "owner": "Works"}, "list")


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        ("not empty", "a", " \n\t"),
        ("words 3 5", "one two-fold don't", "one two"),
        ("words 3 5", "风洞试验", "one two three four five six"),
        ("words 3", "a b c d e f g h", "风"),
        ("mentions lift, Reynolds number", "The LIFT at this Reynolds\nnumber", "The lift at this number"),
        ("mentions Re", "for Re = 5e6", "they are here"),
        ("mentions one of yes | no", "No, thanks", "silence"),
        ("mentions 升力、阻力", "升力与阻力", "只有升力"),
        ("without dose, mg", "Rest and drink.", "Take one dose."),
        ("headings Facts, Risks", "# Facts\nx\n\n## risks\ny", "# Facts\n\nRisks"),
        ("one of accept | reject", " Accept\n", "accept it"),
        ("no placeholder", "All is written; todo el mundo.", "Intro. TODO: the rest"),
        ("no placeholder", "写完了。", "结论：待补充"),
        ("no placeholder", "Dear Sam", "Dear [Your name],"),
        ("no placeholder", "finished", "Lorem ipsum dolor"),
        ("language zh", "这是一段中文 text", "This is English."),
        ("language mission", "This is English.", "这是一段中文"),
        ("language en", "This is English.", "1 2 3"),
        ("cites contract", "It says “limited to the fees paid”.", "It says “limited to the fees due”."),
        (
            "cites contract",
            "> The Supplier's liability is\n> limited to the fees … months.\n\nBad.",
            "No quotation.",
        ),
        (
            "cites contract",
            "It says “The Supplier's liability […] twelve months.”",
            "“twelve months … Supplier's liability”",
        ),
        ("cites contract", "约定「乙方承担全部责任」。", "约定「甲方承担全部责任」。"),
        ("cites contract", "“the fees paid in” and a “word”", "“the fees paid in”, “no such clause here”"),
        ("differs from contract", "my own words", CONTRACT.text),
        ("mentions each list.clauses.id", "C-1 and c-2", "C-1 alone"),
        ("mentions each list.clauses", "C-1, 250, C-2", "C-1 and C-2"),
    ],
)
def test_a_text_is_taken_or_refused(check: str, good: str, bad: str) -> None:
    inputs = (CONTRACT, LIST)
    yes = judged(text(good), check, inputs=inputs)
    assert yes.accept and not yes.reasons and yes.evidence[-1].startswith(f"{check}: ") and yes.by == check, (
        yes
    )
    no = judged(text(bad), check, inputs=inputs)
    assert not no.accept and len(no.reasons) == 1 and no.evidence[-1].endswith(no.reasons[0]), no


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        ("json", [], None),
        ("json has a, b.c", {"a": 0, "b": {"c": "x"}}, {"a": 0, "b": {"c": ""}}),
        ("json has a", {"a": False}, {"a": None}),
        ("json has rows.0.id", {"rows": [{"id": 1}]}, {"rows": []}),
        ("json list rows 1 2", {"rows": [1]}, {"rows": [1, 2, 3]}),
        ("json list rows 1", {"rows": [1, 2, 3]}, {"rows": []}),
        ("json list . 2", [1, 2], {"a": [1, 2]}),
        ("json number a 0 1", {"a": 0.5}, {"a": 1.5}),
        ("json number a 0", {"a": 7}, {"a": True}),
        ("json number a -1 1", {"a": -1}, {"a": float("nan")}),
        (
            "json each rows has id, why",
            {"rows": [{"id": 1, "why": "x"}]},
            {"rows": [{"id": 1, "why": " "[:0]}]},
        ),
        ("json each rows has id", {"rows": []}, {"rows": {}}),
        ("mentions each list.clauses.id", {"said": ["C-1", {"and": "C-2"}]}, {"C-1": "C-2"}),
    ],
)
def test_data_is_taken_or_refused(check: str, good: Any, bad: Any) -> None:
    assert judged(data(good), check, inputs=(LIST,), kind="json").accept
    no = judged(data(bad), check, inputs=(LIST,), kind="json")
    assert not no.accept and no.reasons


def test_the_schema_of_a_task_holds_whether_or_not_it_is_named() -> None:
    schema = {"type": "object", "properties": {"lift": {"type": "number"}}, "required": ["lift"]}
    assert judged(data({"lift": 1.0}), schema=schema).accept
    no = judged(data({"lift": "much"}), schema=schema)
    assert not no.accept and no.by == "schema" and "$.lift" in no.reasons[0]


def test_what_kind_wants_is_looked_at_first_and_the_first_refusal_ends_it() -> None:
    no = judged(text(""), "words 5", "mentions x")
    assert no.by == "not empty" and len(no.evidence) == 1
    no = judged(text("one two three"), "words 1", "mentions lift", "mentions drag")
    assert [line.partition(":")[0] for line in no.evidence] == ["not empty", "words 1", "mentions lift"]
    assert no.by == "mentions lift" and no.digest == text("one two three").digest


def test_a_verdict_is_about_the_digest_and_says_it_in_the_missions_language() -> None:
    no = judged(text("风"), "words 3", language="zh")
    assert no.reasons == ("共 1 个字词；至少要 3 个",) and no.digest == text("风").digest


def test_every_phrase_has_its_chinese_words() -> None:
    import ast

    from firm.org.check.chinese import CHINESE

    used = set()
    for path in sorted((ROOT / "src/firm/org/check").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            named = isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in (
                "yes",
                "no",
                "say",
            )
            if named and node.args and isinstance(node.args[0], ast.Constant):  # type: ignore[attr-defined]
                used.add(node.args[0].value)  # type: ignore[attr-defined]
    assert used == set(CHINESE)
    for english, chinese in CHINESE.items():
        assert set(_fields(english)) == set(_fields(chinese)), english


def _fields(phrase: str) -> list[str]:
    from string import Formatter

    return [name for _, name, _, _ in Formatter().parse(phrase) if name]


# --- files ------------------------------------------------------------------------------------------------------


def test_files_are_taken_by_pattern_and_as_they_were_handed_over(tmp_path: Path) -> None:
    files = (made(tmp_path, "a.py", b"x = 1\n"), made(tmp_path, "docs/b.md", b"hello"))
    artifact = Artifact(name="draft", files=files)
    yes = judged(
        artifact, "files *.py 1 1", "file docs/b.md", "files docs/*", "mentions hello", home=tmp_path
    )
    assert yes.accept and "“docs/b.md”" in yes.evidence[0]
    assert not judged(artifact, "files *.py 2", home=tmp_path).accept
    assert not judged(artifact, "files * 1 1", home=tmp_path).accept
    assert not judged(artifact, "file c.md", home=tmp_path).accept


def test_a_file_that_was_changed_is_missing_or_empty_is_refused(tmp_path: Path) -> None:
    one = made(tmp_path, "a.txt", b"first")
    artifact = Artifact(name="draft", files=(one,))
    path = tmp_path / one.path
    path.write_bytes(b"other")
    assert "SHA-256" in judged(artifact, home=tmp_path).reasons[0]
    path.write_bytes(b"first, and more")
    assert "has grown" in judged(artifact, home=tmp_path).reasons[0]
    path.unlink()
    assert "No such file" in judged(artifact, home=tmp_path).reasons[0]
    empty = Artifact(name="draft", files=(made(tmp_path, "e.txt", b""),))
    assert judged(empty, home=tmp_path).accept and not judged(empty, "file e.txt", home=tmp_path).accept
    assert not judged(Artifact(name="draft"), kind="files", home=tmp_path).accept


@pytest.mark.parametrize(
    "path", ["../a.txt", "/etc/hostname", "a/../a.txt", ".firm/key", "x/.git/config", "", "a//b", "a\nb"]
)
def test_a_path_that_leaves_the_home_is_refused(tmp_path: Path, path: str) -> None:
    artifact = Artifact(name="draft", files=(FileMade(path, "0" * 64, 10),))
    no = judged(artifact, home=tmp_path)
    assert not no.accept and repr(path) in no.reasons[0]


def test_links_and_pipes_are_never_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.txt").write_bytes(b"secret")
    home = tmp_path / "home"
    (home / "work").mkdir(parents=True)
    (home / "work/link.txt").symlink_to(outside / "secret.txt")
    (home / "work/folder").symlink_to(outside)
    os.mkfifo(home / "work/pipe")
    sha = hashlib.sha256(b"secret").hexdigest()
    for path in ("work/link.txt", "work/folder/secret.txt", "work/pipe"):
        no = judged(Artifact(name="draft", files=(FileMade(path, sha, 6),)), home=home)
        assert not no.accept and repr(path) in no.reasons[0], path


# --- programs -----------------------------------------------------------------------------------------------------

PROGRAM = """
from firm.org.artifact import Verdict

def fine(assignment, artifact):
    return "why" if "bad" in artifact.text else ""

def truth(assignment, artifact):
    return artifact.text != "bad"

async def verdict(assignment, artifact):
    good = artifact.text != "bad"
    return Verdict(accept=good, by="me", digest="made up", evidence=("saw it",), reasons=() if good else ("no good",))

def claims(assignment, artifact):
    assert "bad" not in artifact.text, "it is bad"
    return True

def breaks(assignment, artifact):
    raise KeyError("span")

def lies(assignment, artifact):
    return 7
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "programs").mkdir()
    (tmp_path / "programs/look.py").write_text(PROGRAM, "utf-8")
    return tmp_path


@pytest.mark.parametrize("name", ["fine", "truth", "verdict", "claims"])
def test_a_program_judges_with_a_verdict_a_truth_or_words(home: Path, name: str) -> None:
    check = f"programs/look.py:{name}"
    yes, no = judged(text("good"), check, home=home), judged(text("bad"), check, home=home)
    assert yes.accept and yes.by == check and yes.digest == text("good").digest and len(yes.evidence) == 2
    assert not no.accept and no.reasons and no.by == check and no.how == "program"


def test_a_program_that_cannot_judge_accepts_nothing(home: Path) -> None:
    no = judged(text("good"), "programs/look.py:breaks", home=home)
    assert not no.accept and "KeyError: 'span'" in no.reasons[0]
    with pytest.raises(UsageError, match="gave 7"):
        judged(text("good"), "programs/look.py:lies", home=home)


# --- what is known -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("check", "says"),
    [
        ("wurds 5 9", "did you mean “words LEAST MOST”"),
        ("words", "write “words LEAST MOST”"),
        ("words nine", "takes numbers"),
        ("words 9 5", "in this order"),
        ("words 1 2 3", "in this order"),
        ("words nan", "in this order"),
        ("mentions", "names nothing"),
        ("json number a", "takes the least"),
        ("json each rows", "names nothing"),
        ("not empty at all", "takes nothing"),
        ("language fr", "takes en, zh or mission"),
        ("file a b", "takes one name"),
        ("", "known: not empty"),
        ("quantum flux", "known: not empty"),
        ("programs/../x.py:go", "names no program"),
        ("programs/x.py", "names no program"),
    ],
)
def test_a_check_that_is_not_known_is_refused_with_a_remedy(check: str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_known(check)
    assert says in str(caught.value)


def test_a_check_looks_only_into_what_the_task_needs() -> None:
    here = task("cites contract", needs=("letter",))
    check_known("cites letter", task=here)
    for check in ("cites contract", "mentions each list.a", "differs from list"):
        with pytest.raises(UsageError, match="does not need .it needs letter.; add it to needs"):
            check_known(check, task=here)
    with pytest.raises(UsageError, match="give the task a schema"):
        check_known("schema", task=here)
    with pytest.raises(UsageError, match="does not need"):
        run_checks(Assignment(task=task("cites contract"), mission="m"), text("x"), NOWHERE)


def test_a_program_must_be_there_where_the_folder_is_known(home: Path) -> None:
    check_known("programs/look.py:fine", folder=home)
    check_known("programs/nowhere.py:fine")
    with pytest.raises(UsageError, match="did you mean 'fine'"):
        check_known("programs/look.py:fin", folder=home)


def test_every_check_is_found_by_its_own_form_and_stands_in_the_reference() -> None:
    page = (ROOT / "docs/reference/checks.md").read_text("utf-8")
    samples = {"LEAST": "1", "MOST": "2", "CODE": "zh", "PATTERN": "*.py", "INPUT.KEY": "list.key"}
    for check in CHECKS:
        words = " ".join([samples.get(word, word) for word in check.form.split()])
        assert read_check(words)[0] is check, words
        assert (
            f"| `{check.form.replace('|', chr(92) + '|')}` | {check.says.replace('|', chr(92) + '|')} |"
            in page
        ), check.form
