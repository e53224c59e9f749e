"""Role files: what they say, and what is said about a mistake in one."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firm.errors import UsageError
from firm.org import member
from firm.org.role import Role
from firm.org.roster import read_role, role_text, with_lesson
from firm.org.roster.rolefile import GROUPS

WHOLE = """---
reports_to: lead
held_by: agent            # agent | program | person
tools: files, web, programs/x.py:tool
model: big
effort: medium
budget_usd: 0.50
turns: 1_000
hands: 300
stand_in: model:small     # or another role
fields: aerodynamics, wind tunnels
unit: aero/tunnel
---
# Aerodynamicist

Knows how wings behave.

## Method

1. Look.

## Rules
- Give every figure
  with its unit.
* Say "not known" # where it is so.

## Lessons

- Two solvers agree.
"""


def written(folder: Path, words: str, name: str = "aero") -> Path:
    path = folder / f"{name}.md"
    path.write_text(words, "utf-8")
    return path


def refused(folder: Path, words: str, name: str = "aero") -> str:
    with pytest.raises(UsageError) as raised:
        read_role(written(folder, words, name))
    return str(raised.value)


def test_a_role_file_is_read_as_it_is_written(tmp_path: Path) -> None:
    assert read_role(written(tmp_path, WHOLE)) == Role(
        name="aero",
        purpose="Knows how wings behave.\n\n## Method\n\n1. Look.",
        rules=("Give every figure with its unit.", 'Say "not known" # where it is so.'),
        lessons=("Two solvers agree.",),
        reports_to="lead",
        tools=("files", "web", "programs/x.py:tool"),
        model="big",
        effort="medium",
        budget_usd=0.5,
        turns=1000,
        hands=300,
        stand_in="model:small",
        fields=("aerodynamics", "wind tunnels"),
        unit="aero/tunnel",
    )


def test_every_key_is_optional_and_so_is_the_head(tmp_path: Path) -> None:
    assert read_role(written(tmp_path, "Writes.\n")) == Role(name="aero", purpose="Writes.")
    assert read_role(written(tmp_path, "")) == Role(name="aero")
    assert read_role(written(tmp_path, "---\n---\n")) == Role(name="aero")


def test_chinese_headings_commas_and_line_ends_of_windows_are_taken(tmp_path: Path) -> None:
    head = "---\r\nfields：空气动力，风洞、机翼\r\n---\r\n# 气动师\r\n\r\n懂机翼。\r\n\r\n"
    words = head + "## 规则\r\n- 数字带单位。\r\n## 经验\r\n- 两个求解器一致。\r\n"
    role = read_role(written(tmp_path, words))
    assert role.fields == ("空气动力", "风洞", "机翼")
    assert (role.purpose, role.rules, role.lessons) == ("懂机翼。", ("数字带单位。",), ("两个求解器一致。",))


def test_the_chief_reports_to_the_founder(tmp_path: Path) -> None:
    assert read_role(written(tmp_path, "Plans.", "chief")).reports_to == "founder"


@pytest.mark.parametrize(
    ("words", "line", "said"),
    [
        ("---\nmodle: big\n---\n", 2, "unknown key 'modle'; did you mean 'model'?"),
        ("---\n# fine\n\ntool: web\n---\n", 4, "did you mean 'tools'?"),
        ("---\nturns: 1\nturns: 2\n---\n", 3, "stands in line 2 already"),
        ("---\nturns 5\n---\n", 2, "write `key: value`"),
        ("---\ntools:\n  - web\n---\n", 3, "write lists by commas"),
        ("---\nturns: 0\n---\n", 2, "turns is '0'; give a whole number, 1 to 1,000,000"),
        ("---\nhands: many\n---\n", 2, "give a whole number, 1 to 10,000"),
        ("---\nbudget_usd: -1\n---\n", 2, "US dollars"),
        ("---\nbudget_usd: nan\n---\n", 2, "US dollars"),
        ("---\ntools: files, weeb\n---\n", 2, "did you mean 'web'?"),
        ("---\neffort: hihg\n---\n", 2, "did you mean 'high'?"),
        ("---\nheld_by: robot\n---\n", 2, "one of agent, program, person"),
        ("---\nstand_in: model:\n---\n", 2, "another role, or model:NAME"),
        ("---\nunit: ../x\n---\n", 2, "folder below units/"),
        ("---\nreports_to: a b\n---\n", 2, "a name of letters"),
        ("---\nreports_to: founder\n---\n", 2, "only the chief reports to the founder"),
        ("---\nreports_to: aero\n---\n", 2, "reports to itself"),
        ("---\nheld_by: program\n---\n", 2, "add `program: programs/FILE.py:FUNCTION`"),
        ("---\nprogram: programs/a.py:b\n---\n", 2, "add `held_by: program`"),
        ("---\nheld_by: person\ntools: web\n---\n", 3, "held by a person; take the line out"),
        ("---\nmodel: big\n# Aero\n", 1, "the head has no end"),
        ("# A\n\n## Rules\nAlways sign.\n", 4, "write each as '- One sentence.'"),
        ("# A\n\n## Rule\n- Sign.\n", 3, "did you mean '## Rules'?"),
        ("# A\n\n## Rules\n- Sign.\n## 规则\n- 签。\n", 5, "stands twice"),
    ],
)
def test_a_mistake_is_told_with_file_line_and_remedy(
    tmp_path: Path, words: str, line: int, said: str
) -> None:
    told = refused(tmp_path, words)
    assert told.startswith(f"{tmp_path}/aero.md, line {line}: ")
    assert said in told


def test_a_chief_with_a_boss_and_names_that_are_taken_are_refused(tmp_path: Path) -> None:
    assert "line 2: the chief reports to the founder" in refused(
        tmp_path, "---\nreports_to: writer\n---\n", "chief"
    )
    assert "'panel' stands for something else" in refused(tmp_path, "x", "panel")
    assert "is no name" in refused(tmp_path, "x", "a b")


def test_a_file_that_is_not_there_or_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "aero.md").write_bytes(b"# A\n\n\xff\xfe")
    with pytest.raises(UsageError, match="line 3: no UTF-8 text"):
        read_role(tmp_path / "aero.md")
    with pytest.raises(UsageError, match=r"did you mean 'aero.md'\?"):
        read_role(tmp_path / "areo.md")


def test_a_heading_inside_of_code_is_no_section(tmp_path: Path) -> None:
    words = "# A\n\nWrite so:\n\n```\n## Rules\nnone\n```\n"
    role = read_role(written(tmp_path, words))
    assert role.rules == ()
    assert "## Rules\nnone" in role.purpose


line = (
    st.text("abc XYZ,:-'é飞", min_size=1, max_size=30)
    .map(lambda text: " ".join(text.split()))
    .filter(lambda text: bool(text) and not text.startswith(("-", "#")))
)
word = st.from_regex(r"[a-z][a-z0-9-]{0,8}[a-z0-9]", fullmatch=True)


@settings(max_examples=100, deadline=None)
@given(
    role=st.builds(
        Role,
        name=st.just("aero"),
        purpose=line,
        rules=st.lists(line, max_size=3, unique=True).map(tuple),
        lessons=st.lists(line, max_size=3, unique=True).map(tuple),
        reports_to=word.filter(lambda name: name not in ("aero", "founder", "panel")),
        tools=st.lists(st.sampled_from(GROUPS), unique=True, max_size=3).map(tuple),
        budget_usd=st.none() | st.floats(0, 1e6),
        turns=st.integers(1, 1_000_000),
        hands=st.integers(1, 10_000),
        fields=st.lists(word, max_size=3, unique=True).map(tuple),
    )
)
def test_what_is_written_reads_back_as_the_same_role(
    role: Role, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "aero.md"
    path.write_text(role_text(role), "utf-8")
    assert read_role(path) == role


def test_a_lesson_is_put_in_without_touching_anything_else(tmp_path: Path) -> None:
    taught = with_lesson(WHOLE, "Ask  for\nthe units.")
    assert taught == WHOLE + "- Ask for the units.\n"
    assert with_lesson(taught, "Ask for the units.") == taught
    assert with_lesson("# A\n\nWrites.\n", "Cite.") == "# A\n\nWrites.\n\n## Lessons\n\n- Cite.\n"
    assert with_lesson("# 甲\n\n写作。\n", "引用。").endswith("## 经验\n\n- 引用。\n")
    between = "# A\n\n## Lessons\n\n## Rules\n- Sign.\n"
    assert with_lesson(between, "Cite.") == "# A\n\n## Lessons\n\n- Cite.\n\n## Rules\n- Sign.\n"


def test_the_groups_of_tools_are_those_that_members_get() -> None:
    assert GROUPS == member.GROUPS
