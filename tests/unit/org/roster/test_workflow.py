"""Workflow files: what they say, and what is said about a mistake in one."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firm.errors import UsageError
from firm.org.plan import Done, Goal, Plan, Task
from firm.org.roster import read_workflow, workflow_names, workflow_text
from firm.org.roster.workflow import parse_workflow

WHOLE = '''says = "A section."
given = ["brief"]

[[goals]]
id = "section"
says = "A section that beats the catalogue."
bet = "Minutes are enough."
wrong_if = "The second solver disagrees."
by_days = 1

[[tasks]]
id = "explore"
says = """
Search. [[tasks]]
id = "not a key"
The mission: {mission}"""
role = "explorer"
makes = "candidates"
needs = ["brief"]
kind = "json"
usd = 0.5
done = { says = "At least one.", checks = ["json has candidates"], reviewer = "critic" }
deliver = true
[tasks.schema]
type = "object"
[tasks.schema.properties.candidates]
type = "array"

[[tasks]]
id = "choice"
says = "Which one?"
kind = "decision"
options = ["a", "b"]
default = "a"
'''


def refused(words: str) -> str:
    with pytest.raises(UsageError) as raised:
        parse_workflow(words, Path("main.toml"))
    return str(raised.value)


def test_a_workflow_is_read_as_it_is_written(tmp_path: Path) -> None:
    (tmp_path / "workflows").mkdir()
    (tmp_path / "workflows/main.toml").write_text(WHOLE, "utf-8")
    explore = Task(
        id="explore",
        says='Search. [[tasks]]\nid = "not a key"\nThe mission: {mission}',
        role="explorer",
        makes="candidates",
        needs=("brief",),
        kind="json",
        usd=0.5,
        done=Done(says="At least one.", checks=("json has candidates",), reviewer="critic"),
        deliver=True,
        schema={"type": "object", "properties": {"candidates": {"type": "array"}}},
    )
    goal = Goal(
        id="section",
        says="A section that beats the catalogue.",
        bet="Minutes are enough.",
        wrong_if="The second solver disagrees.",
        by_days=1,
    )
    plan = read_workflow(tmp_path)
    assert (plan.goals, plan.tasks[0], plan.by) == ((goal,), explore, "template")
    choice = plan.tasks[1]
    assert (choice.role, choice.kind, choice.makes, choice.options) == (
        "panel",
        "decision",
        "choice",
        ("a", "b"),
    )
    assert workflow_names(tmp_path) == ["main"]


def test_lines_of_tasks_are_found_past_text_over_several_lines() -> None:
    found = parse_workflow(WHOLE, Path("main.toml"))
    rows = WHOLE.split("\n")
    assert rows[found.line("explore") - 1 : found.line("explore") + 1] == ["[[tasks]]", 'id = "explore"']
    assert rows[found.line("choice")] == 'id = "choice"'
    assert rows[found.line("section")] == 'id = "section"'
    assert (found.line("nobody"), found.given, found.says) == (1, ("brief",), "A section.")


TASK = '[[tasks]]\nid = "a"\nsays = "A."\nrole = "r"\nmakes = "m"\n'


@pytest.mark.parametrize(
    ("words", "line", "said"),
    [
        ("say = 1\n", 1, "unknown key 'say' in a workflow; did you mean 'says'?"),
        (TASK + 'rol = "x"\n', 6, "unknown key 'rol' in [[tasks]] 'a'; did you mean 'role'?"),
        (TASK + 'reviewer = "x"\n', 6, "did you mean 'done.reviewer'?"),
        (TASK, 1, "[[tasks]] 'a' has no done; add done = …"),
        (TASK + "done = {}\n", 6, "[[tasks]] 'a' done has no says"),
        (TASK + 'done = { says = "x", cheks = [] }\n', 6, "did you mean 'checks'?"),
        (TASK + 'usd = "1"\n', 6, "give a number of US dollars, at least 0"),
        (TASK + "usd = nan\n", 6, "give a number of US dollars"),
        (TASK + 'needs = "brief"\n', 6, 'a list of text, such as ["brief"]'),
        (TASK + 'kind = "jsn"\n', 6, 'one of "text", "json", "files", "decision"'),
        (TASK + 'risk = "grave"\n', 6, "one of"),
        (TASK + "rounds = 21\n", 6, "0 to 20"),
        (TASK + 'deliver = "yes"\n', 6, "true or false"),
        (TASK + 'schema = "{"\n', 6, "a JSON Schema"),
        ('[[goals]]\nid = "g"\n', 1, "[[goals]] 1 has no says"),
        ('[[goals]]\nid = "g"\nsays = "G."\nby_days = -1\n', 4, "a number of days"),
        ('goals = "all"\n', 1, "sections such as [[tasks]]"),
    ],
)
def test_a_mistake_is_told_with_file_line_and_remedy(words: str, line: int, said: str) -> None:
    told = refused(words)
    assert told.startswith(f"main.toml, line {line}: ")
    assert said in told


def test_what_is_no_toml_and_what_is_not_there_is_refused(tmp_path: Path) -> None:
    assert "not valid TOML" in refused("says = \n")
    (tmp_path / "workflows").mkdir()
    (tmp_path / "workflows/order.toml").write_text("", "utf-8")
    with pytest.raises(UsageError, match=r"did you mean 'order.toml'\?"):
        read_workflow(tmp_path, "ordr")
    with pytest.raises(UsageError, match="is no workflow"):
        read_workflow(tmp_path, "../../etc/passwd")
    with pytest.raises(UsageError, match="there is no unit 'aero'"):
        read_workflow(tmp_path, unit="aero")


name = st.from_regex(r"[a-z][a-z0-9-]{0,8}", fullmatch=True)
text = st.text(st.characters(codec="utf-8", exclude_characters="\r"), min_size=1, max_size=30).filter(
    str.strip
)
json = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | text,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(text, inner, max_size=2),
    max_leaves=5,
)


@settings(max_examples=100, deadline=None)
@given(
    plan=st.builds(
        Plan,
        goals=st.lists(
            st.builds(Goal, id=name, says=text, by_days=st.none() | st.floats(0, 99)), max_size=2
        ).map(tuple),
        tasks=st.lists(
            st.builds(
                Task,
                id=name,
                says=text,
                role=name.filter(lambda one: one != "panel"),
                makes=name,
                done=st.builds(Done, says=text, checks=st.lists(text, max_size=2).map(tuple)),
                needs=st.lists(name, max_size=2).map(tuple),
                kind=st.sampled_from(["text", "json", "files"]),
                schema=st.none() | st.dictionaries(text, json, max_size=3),
                usd=st.floats(0, 1e6),
                rounds=st.integers(0, 20),
                deliver=st.booleans(),
            ),
            max_size=2,
        ).map(tuple),
    )
)
def test_what_is_written_reads_back_as_the_same_plan(plan: Plan) -> None:
    assert parse_workflow(workflow_text(plan, "It.", ("brief",)), Path("x")).plan == plan
