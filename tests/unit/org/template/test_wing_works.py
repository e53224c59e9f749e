"""The wing works: what a network believed in is thrown out, limits hold, and no phrase lacks its Chinese."""

import ast
import importlib
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from tests.unit.org.template.rehearsing import TEMPLATES, given, plan_faults, program

from firm.errors import UsageError
from firm.org.artifact import Artifact, FileMade
from firm.org.check import check_known
from firm.org.plan import faults
from firm.org.roster import read_staff, read_workflow
from firm.org.trade.product import read_product
from firm.org.trade.reader import read_plain
from firm.org.words import Say

HERE = TEMPLATES / "wing-works"
design, explore, critic, choice = (
    program("wing-works", f"wing_{name}") for name in ("design", "explore", "critic", "choice")
)
drawing, quality, reading = (
    program("wing-works", f"wing_{name}") for name in ("drawing", "quality", "reading")
)
candidate, shape, flight, xfoil, words = (
    importlib.import_module(f"wing_{name}") for name in ("candidate", "shape", "flight", "xfoil", "words")
)
needs_xfoil = pytest.mark.skipif(xfoil.trouble() != "", reason=xfoil.trouble() or "XFOIL is here")

needs_networks = pytest.mark.skipif(
    importlib.import_module("wing_network").folder() is None, reason="NeuralFoil is not installed"
)

GOOD = [
    0.1375, 0.20426, 0.32732, 0.24742, 0.36757, 0.47686, 0.12899, 0.15271, -0.07516, -0.00397, 0.02773, 0.00651,
    -0.08099, 0.03452, -0.11161, -0.00316, 0.31019, 6.33028,
]  # fmt: skip
"""A section that a search has found: 12 % thick, lift over drag about 175."""
ASKED = design.design_of({"reynolds": 1e6, "thickness_percent": 12})


def flown(id: str, believed: float, glides: tuple[float, ...], **more: Any) -> Any:
    """What the critic has seen of a candidate."""
    source = more.pop("source", candidate.FROM_HANDS)
    thick = more.pop("thickness", 0.12)
    one = candidate.Candidate(
        id=id, source=source, section=GOOD, glide=believed, believed_by="a network", thickness=thick
    )
    return critic.Flight(
        candidate=one, glides=glides, **({"moment": -0.09, "lift": 1.2, "spar": 0.11} | more)
    )


def bench(beat: float = 168.6, *, surrogate: bool = False, language: str = "en") -> Any:
    """Who judges."""
    return critic.Bench(ASKED, beat, surrogate, words.words(language))


SWEEPS = (181.0, 181.0, 180.8, 180.8)
LEADER = flown("search-1", 181.0, SWEEPS, source=candidate.FROM_SEARCH)
STURDY = flown("sturdier-1", 178.0, (178.0,) * 4, source=candidate.FROM_STURDIER, thickness=0.135, spar=0.125)
FALSE = flown("hand-3", 178.7, (160.7, 160.7, 160.5, 160.5))


# --- plans and products -----------------------------------------------------------------------------------------


def test_both_plans_can_be_carried_out() -> None:
    assert plan_faults("wing-works", usd=1.0) == []
    plan = read_workflow(HERE, "order")
    for task in plan.tasks:
        for check in task.done.checks:
            check_known(check, task=task, folder=HERE)
    assert faults(plan, read_staff(HERE).held, given=["order", "spec"], usd=1.0) == []


def test_an_order_is_worked_on_as_a_mission_is_but_for_the_reading() -> None:
    main, order = read_workflow(HERE), read_workflow(HERE, "order")
    assert [task.id for task in main.tasks if task not in order.tasks] == ["read"]
    assert main.goals == order.goals


@pytest.mark.parametrize(
    "text",
    [
        "A wing section, Reynolds number 1,000,000, 12 % thick, chord 60 cm, pitching moment -0.1",
        "一个翼型：雷诺数 1000000，厚度 12 %，弦长 60 厘米，俯仰力矩系数 -0.1",
    ],
)
def test_a_customer_is_understood_without_a_model(text: str) -> None:
    product = read_product(HERE / "products" / "wing-section.toml")
    found = read_plain(product, text)
    assert found.values == {"reynolds": 1e6, "thickness_percent": 12.0, "chord_mm": 600.0, "moment": -0.1}
    assert found.clashes == {}


def test_what_begins_runs_and_steps_is_imported_by_no_other_program() -> None:
    begins = {
        path.stem for path in (HERE / "programs").glob("*.py") if "@workflow" in path.read_text("utf-8")
    }
    assert begins == {"wing_explore", "wing_critic"}
    for path in (HERE / "programs").glob("*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        names = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        names |= {
            alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
        }
        assert not names & begins


# --- conditions -------------------------------------------------------------------------------------------------


def test_conditions_follow_from_the_specification() -> None:
    found = design.design_of({"reynolds": 5e5, "thickness_percent": 15, "cpu_s": 10.0, "chord_mm": 300})
    assert (found.reynolds, found.thickness, found.sturdier, found.chord_mm) == (5e5, 0.15, 0.165, 300)
    assert (found.hands, found.search_s, found.sturdier_s) == (30, 7.0, 3.0)
    assert ASKED.hands == 300
    assert ASKED.rules.as_json() == {"reynolds": 1e6, "thickness": 0.12, "moment": -0.1}


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ({}, "does not say reynolds"),
        ({"reynolds": 5e7}, "these tools were tried on 200,000 to 3e.06"),
        (
            {"reynolds": 1e6, "thickness_percent": 3},
            "thickness_percent is 3; these tools were tried on 9 to 18",
        ),
        ({"reynolds": "fast"}, "give a number"),
        ({"reynolds": True}, "give a number"),
        ("fast", "give values by name"),
    ],
)
def test_what_cannot_be_flown_here_is_refused_with_what_could_be(spec: Any, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        design.design_of(spec)


def test_conditions_that_ask_for_less_than_the_specification_are_sent_back() -> None:
    task = given(spec={"reynolds": 1e6, "thickness_percent": 12.0})
    made = design.conditions(task)
    assert quality.conditions_can_be_flown(task, Artifact(name="conditions", data=made.data)) == ""
    for change in ({"reynolds": 9e5}, {"thickness": 0.11}, {"sturdier": 0.12}):
        assert quality.conditions_can_be_flown(task, Artifact(name="conditions", data=made.data | change))


def test_a_number_that_the_mission_does_not_say_is_sent_back() -> None:
    task = given(mission="A section for Reynolds number 1.2 million, 12 % thick, moment -0.08")
    right = Artifact(name="spec", data={"reynolds": 1.2e6, "thickness_percent": 12, "moment": -0.08})
    assert reading.numbers_stand_there(task, right) == ""
    wrong = Artifact(name="spec", data={"reynolds": 1e6, "lift": True})
    assert "reynolds = 1000000.0, lift = True" in reading.numbers_stand_there(task, wrong)


# --- the critic -------------------------------------------------------------------------------------------------


def test_a_champion_that_only_a_network_believed_in_is_thrown_out_with_both_figures() -> None:
    kept, others = bench().sorted_out([FALSE, LEADER, STURDY])
    assert [row["id"] for row in kept] == ["search-1", "sturdier-1"]
    assert [row["why"] for row in others] == [
        "believed at 178.7, over the catalogue's 168.6; XFOIL says 160.5"
    ]
    assert critic.false_champion(others, 168.6) == {
        "id": "hand-3",
        "believed": 178.7,
        "glide": 160.5,
        "to_beat": 168.6,
    }


@pytest.mark.parametrize(
    ("seen", "why"),
    [
        (flown("a", 180.0, ()), "4 of 4 sweeps of XFOIL did not converge"),
        (flown("a", 180.0, (180.0, 180.0)), "2 of 4 sweeps of XFOIL did not converge"),
        (flown("a", 180.0, (180.0, 170.0, 180.0, 170.0), trouble="they differ"), "differ: 180.0, 170.0"),
        (flown("a", 180.0, (172.0,) * 4), "believed at 180.0; XFOIL says 172.0"),
        (
            flown("a", 180.0, (180.0,) * 4, moment=-0.11),
            "its pitching moment is -0.11, and -0.1 is the limit",
        ),
        (flown("a", 180.0, (180.0,) * 4, thickness=0.119), "its thickness is 0.119, and 0.12 is the limit"),
    ],
)
def test_what_does_not_hold_is_thrown_out_with_its_reason(seen: Any, why: str) -> None:
    kept, others = bench().sorted_out([seen])
    assert kept == []
    assert why in others[0]["why"]


def test_at_most_two_are_kept_and_the_second_is_the_sturdier_one() -> None:
    near = flown("search-2", 180.5, (180.5,) * 4, source=candidate.RUNNER_UP)
    kept, others = bench().sorted_out([near, STURDY, LEADER])
    assert [row["id"] for row in kept] == ["search-1", "sturdier-1"]
    assert [(row["id"], row["false"]) for row in others] == [("search-2", False)]
    assert critic.false_champion(others, 168.6) is None


def test_without_a_second_solver_the_searches_word_is_called_a_surrogates() -> None:
    flights = critic.unflown([one.candidate for one in (FALSE, LEADER, STURDY)])
    kept, others = bench(0.0, surrogate=True).sorted_out(flights)
    assert [(row["id"], row["glide"]) for row in kept] == [("search-1", 181.0), ("sturdier-1", 178.0)]
    assert [row["why"] for row in others] == [
        "only one small network believes in it, and nothing here can check that"
    ]
    data = {
        "second_solver": "no xfoil",
        "to_beat": 0.0,
        "kept": kept,
        "thrown_out": others,
        "false_champion": None,
    }
    text = choice.letter(task_of(data)).text
    assert "the word of a surrogate" in text
    assert "XFOIL computed it" not in text


def test_a_stall_is_told_from_a_polar_and_not_beyond_it() -> None:
    polar = [xfoil.Flown(float(angle), lift, 0.01, -0.05) for angle, lift in ((8, 1.2), (10, 1.5), (12, 1.2))]
    assert critic.stall(polar) == (1.5, 0.2)
    assert critic.stall(polar[:2]) == (1.5, None)
    assert critic.stall([]) == (None, None)


@needs_xfoil
def test_a_section_that_holds_is_flown_with_its_figures() -> None:
    one = candidate.Candidate(
        id="search-1",
        source=candidate.FROM_SEARCH,
        section=GOOD,
        glide=175.0,
        believed_by="XFOIL",
        thickness=0.12,
    )
    seen = critic.fly_again.definition.function(one, ASKED)
    assert len(seen.glides) == 4
    assert 165 < seen.glide < 185
    assert seen.most_lift > seen.lift > 1
    assert 0.1 < seen.spar < 0.12
    assert seen.cpu_s > 0


# --- words and drawings -------------------------------------------------------------------------------------------


def task_of(data: dict[str, Any], decided: str = "glide", language: str = "en") -> Any:
    """What whoever writes or draws is given."""
    conditions = design.conditions(
        given(spec={"reynolds": 1e6, "thickness_percent": 12.0, "chord_mm": 600})
    ).data
    made = given(language=language, conditions=conditions, finalists=data)
    decision = Artifact(name="choice", text=decided, data={"by": "default"})
    return msgspec.structs.replace(made, inputs=(*made.inputs, decision), folder="work/it")


def judged(language: str = "en") -> dict[str, Any]:
    """What the critic hands over."""
    kept, others = bench(language=language).sorted_out([FALSE, LEADER, STURDY])
    return {
        "second_solver": "XFOIL",
        "to_beat": 168.6,
        "kept": kept,
        "thrown_out": others,
        "false_champion": critic.false_champion(others, 168.6),
    }


def test_the_close_call_is_put_in_figures() -> None:
    text = choice.weigh(task_of(judged())).text
    assert "glide: search-1: lift over drag 180.8, 12.0 % thick, 66 mm for the spar" in text
    assert "spar: sturdier-1: lift over drag 178.0, 13.5 % thick, 75 mm for the spar" in text
    assert "For 1.5 % of the glide the same spar caps are 29 % stiffer in bending." in text


@pytest.mark.parametrize(("decided", "delivered"), [("glide", "search-1"), ("spar", "sturdier-1")])
def test_what_was_decided_is_delivered(decided: str, delivered: str) -> None:
    task = task_of(judged(), decided)
    assert choice.chosen_of(task)["id"] == delivered
    assert f"You get {delivered}" in choice.letter(task).text


def test_nothing_is_delivered_where_nothing_was_kept() -> None:
    with pytest.raises(ValueError, match="search longer"):
        choice.chosen_of(task_of(judged() | {"kept": []}))


def test_in_chinese_no_english_sentence_is_left() -> None:
    task = task_of(judged("zh"), language="zh")
    sheet = drawing.sheet(judged("zh")["kept"][0], ASKED, words.words("zh"))
    for text in (choice.weigh(task).text, choice.letter(task).text, sheet, design.told(ASKED, "zh")):
        assert " the " not in text
        assert any("\u4e00" <= character <= "\u9fff" for character in text)
    assert "据信为 178.7" in choice.letter(task).text


def test_every_phrase_has_its_chinese() -> None:
    said = set()
    for path in (HERE / "programs").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if (
                isinstance(node, ast.Call)
                and ast.unparse(node.func) in SAYS
                and isinstance(node.args[0], ast.Constant)
            ):
                said.add(node.args[0].value)
    assert len(said) > 30
    assert said - words.CHINESE.keys() == set()


SAYS = ("say", "self.say", "words(language)", "words(given.language)")


def test_an_unknown_phrase_is_an_error() -> None:
    with pytest.raises(KeyError):
        Say("zh", words.CHINESE)("Good morning")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for module in (drawing, quality):
        monkeypatch.setattr(module, "folder", lambda: tmp_path)
    return tmp_path


def drawn(home: Path) -> Artifact:
    """What the draughtsman hands over."""
    made = drawing.draw(task_of(judged()))
    files = tuple([FileMade(f"work/it/{name}", "", 1) for name in made.files])
    return Artifact(name="drawing", text=made.text, files=files)


@needs_xfoil
def test_the_file_is_read_from_the_disk_and_flown_again(home: Path) -> None:
    artifact = drawn(home)
    assert {"section.dat", "section.svg", "polar.csv", "polar.svg", "datasheet.md"} == {
        one.path.rpartition("/")[2] for one in artifact.files
    }
    task = task_of(judged() | {"kept": [judged()["kept"][0] | {"glide": 174.0}]})
    seen = quality.file_flies(task, artifact)
    assert seen.accept, seen.reasons
    assert "241 points, 12.0" in seen.evidence[0]
    promised = task_of(judged() | {"kept": [judged()["kept"][0] | {"glide": 199.0}]})
    assert "said were 199.0" in quality.file_flies(promised, artifact).reasons[0]


def test_a_file_that_is_too_thin_is_sent_back(home: Path) -> None:
    place = home / "work" / "it"
    place.mkdir(parents=True)
    thin = np.array(GOOD)
    thin[:17] *= 0.8
    (place / "section.dat").write_text(
        drawing.dat({"id": "thin", "thickness": 0.1, "section": thin.tolist()})
    )
    artifact = Artifact(name="drawing", files=(FileMade("work/it/section.dat", "", 1),))
    assert "< 12 %" in quality.file_flies(task_of(judged()), artifact).reasons[0]
    assert (
        "there is no section.dat" in quality.file_flies(task_of(judged()), Artifact(name="drawing")).reasons
    )


def test_a_candidate_that_nobody_has_judged_is_noticed() -> None:
    found = [{"id": "search-1"}, {"id": "sturdier-1"}, {"id": "hand-3"}, {"id": "hand-9"}]
    conditions = design.conditions(given(spec={"reynolds": 1e6, "thickness_percent": 12.0})).data
    task = given(conditions=conditions, candidates={"candidates": found})
    seen = quality.everybody_is_judged(task, Artifact(name="finalists", data=judged()))
    assert not seen.accept
    assert "hand-9" in seen.reasons[0]


@needs_networks
def test_the_hands_bring_the_same_each_time_and_believe_their_network() -> None:
    climb = explore.climb_once.definition.function
    one, again, other = climb(3, ASKED), climb(3, ASKED), climb(4, ASKED)
    assert one.section == again.section != other.section
    assert one.glide > 120
    [thick], _ = shape.thickness(np.array([one.section]))
    assert thick >= ASKED.thickness - 1e-9
