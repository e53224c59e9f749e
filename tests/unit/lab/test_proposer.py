"""What all arms have in common."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.lab.toys import AXES, CASES, NUMBERS, SMOOTH, WORDS, box, chance, problem, reopened, told

from firm.errors import UsageError
from firm.lab.artifact import Program, Text, Vector
from firm.lab.candidate import Elite
from firm.lab.problem import Operators, Smooth
from firm.lab.proposer import ARMS, arms_for, open_proposer
from firm.lab.proposer.saved import load, save


def judge(artifact: object) -> tuple[float, float]:
    """Anything is scored: some of it is invalid, some of it fails."""
    if isinstance(artifact, str):
        return float(artifact.count("a")), 0.0
    value = float(((artifact - 1) ** 2).sum())
    if artifact[0] < -4:
        return np.inf, np.inf
    return value, max(0.0, float(artifact[1]) - 3)


def elites_of(about) -> list[Elite]:
    """Two that are known."""
    kind = about.artifact
    if not isinstance(kind, Vector):
        return [Elite(71, b"abcab", 1.0, 0), Elite(72, b"ccc", 2.0, 0)]
    made = [np.full(kind.size, 0.5), np.full(kind.size, -1.5)]
    return [
        Elite(71 + place, kind.pack(one), 1.0 + place, 0, True, (0.5, float(one[1])))
        for place, one in enumerate(made)
    ]


def packed(about, proposals) -> list[tuple[bytes, tuple[int, ...]]]:
    """To compare bit by bit."""
    return [(about.artifact.pack(one.artifact), one.parents) for one in proposals]


@pytest.mark.parametrize("case", CASES)
@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    asks=st.lists(st.tuples(st.integers(1, 9), st.booleans(), st.booleans()), min_size=1, max_size=12),
    known=st.booleans(),
)
def test_an_island_that_is_set_down_between_any_two_calls_asks_as_if_it_had_not_been(case, seed, asks, known):
    arm, about = CASES[case]
    elites = elites_of(about) if known else []
    first, second = chance(seed), chance(seed)
    unbroken = open_proposer(arm, about, first, state=b"", elites=elites)
    broken = open_proposer(arm, about, second, state=b"", elites=elites)
    made = 0
    for count, before_ask, before_tell in asks:
        if before_ask:
            broken = reopened(arm, about, broken, second, elites)
        one, other = unbroken.ask(count), broken.ask(count)
        assert 1 <= len(one) <= count
        assert packed(about, one) == packed(about, other)
        if before_tell:
            broken = reopened(arm, about, broken, second, elites)
        unbroken.tell(told(one, judge, made))
        broken.tell(told(other, judge, made))
        made += len(one)
        assert unbroken.save() == broken.save()
        if not unbroken.save():
            break


@pytest.mark.parametrize("case", CASES)
def test_a_vector_stays_inside_its_bounds_and_a_text_is_a_text(case):
    arm, about = CASES[case]
    proposer = open_proposer(arm, about, chance(1), state=b"", elites=())
    for _ in range(30):
        proposals = proposer.ask(8)
        for proposal in proposals:
            if isinstance(about.artifact, Vector):
                assert proposal.artifact.shape == (about.artifact.size,)
                assert (about.artifact.lows <= proposal.artifact).all()
                assert (proposal.artifact <= about.artifact.highs).all()
            else:
                assert isinstance(proposal.artifact, str)
        if not proposals:
            break
        proposer.tell(told(proposals, judge))


@pytest.mark.parametrize("case", [case for case in CASES if not case.startswith("chance")])
def test_an_arm_survives_that_nothing_can_be_scored(case):
    arm, about = CASES[case]
    proposer = open_proposer(arm, about, chance(1), state=b"", elites=())
    asked = 0
    while asked < 200 and (proposals := proposer.ask(8)):
        asked += len(proposals)
        proposer.tell(told(proposals, lambda artifact: (np.inf, np.inf)))
    assert asked >= 8


def test_the_arms_that_fit_are_offered_and_chance_is_always_among_them():
    assert arms_for(problem(box())) == ("chance", "cma", "evolution")
    assert arms_for(problem(box(), axes=AXES)) == ("chance", "cma", "evolution", "illumination")
    assert arms_for(problem(box(), operators=NUMBERS)) == (
        "chance",
        "operators",
        "hopping",
        "cma",
        "evolution",
    )
    assert arms_for(problem(box(), smooth=SMOOTH)) == ("chance", "hopping", "descent", "cma", "evolution")
    assert arms_for(problem(Text("a"))) == ("chance",)
    assert arms_for(problem(Program("x = 1"))) == ("chance",)
    assert arms_for(problem(Text("a"), operators=WORDS)) == ("chance", "operators")
    assert arms_for(problem(box(), operators=Operators(lambda rng: np.ones(3)))) == (
        "chance",
        "cma",
        "evolution",
    )


def test_an_arm_that_is_not_there_or_does_not_fit_is_refused():
    for arm, about, message in (
        ("cmaes", problem(box()), "no arm 'cmaes'; there are chance, "),
        ("cma", problem(Text("a")), "arm 'cma' needs a Vector; problem 'toy'"),
        ("descent", problem(box()), "arm 'descent' needs smooth="),
        ("hopping", problem(box()), "arm 'hopping' needs operators="),
        ("operators", problem(box()), "arm 'operators' needs operators="),
        ("illumination", problem(box()), "needs a Vector and axes="),
    ):
        with pytest.raises(UsageError, match=message):
            open_proposer(arm, about, chance(0), state=b"", elites=())


def test_a_library_that_is_missing_is_named(monkeypatch):
    monkeypatch.setattr("firm.lab.proposer.find_spec", lambda name: None)
    about = problem(box(), smooth=SMOOTH)
    assert arms_for(about) == ("chance", "cma", "evolution")
    with pytest.raises(UsageError, match="library 'scipy', which is not installed"):
        open_proposer("descent", about, chance(0), state=b"", elites=())


def test_a_state_of_another_arm_is_refused():
    about = problem(box(), operators=NUMBERS)
    state = open_proposer("operators", about, chance(0), state=b"", elites=()).save()
    for arm in ("cma", "evolution", "hopping"):
        with pytest.raises(UsageError, match="begin the search anew"):
            open_proposer(arm, about, chance(0), state=state, elites=())
    with pytest.raises(UsageError, match="begin the search anew"):
        open_proposer("cma", about, chance(0), state=b"\x00nonsense", elites=())


def test_operators_that_give_the_wrong_thing_are_named():
    for made in (np.ones(4), "three", None):
        about = problem(box(), operators=Operators(lambda rng, made=made: made, lambda rng, x: x))
        with pytest.raises(UsageError, match=r"operators.propose of problem 'toy' gave .* 3 numbers"):
            open_proposer("operators", about, chance(0), state=b"", elites=()).ask(1)


def test_operators_do_not_change_what_they_are_given():
    def spoil(rng, x):
        x[:] = 0
        return x + 1

    about = problem(box(), operators=Operators(lambda rng: np.full(3, 2.0), spoil))
    elite = Elite(5, about.artifact.pack(np.full(3, 3.0)), 1.0, 0)
    for arm in ("operators", "hopping"):
        proposer = open_proposer(arm, about, chance(0), state=b"", elites=[elite])
        assert proposer.ask(1)[0].artifact.tolist() == [1.0, 1.0, 1.0]
    assert about.artifact.unpack(elite.artifact) == [3.0, 3.0, 3.0]


def test_an_improvement_that_stumbles_leaves_the_candidate_as_it_was():
    def stumble(rng, x):
        raise ZeroDivisionError

    about = problem(box(), operators=Operators(lambda rng: np.full(3, 2.0), stumble))
    assert (
        open_proposer("operators", about, chance(0), state=b"", elites=()).ask(1)[0].artifact.tolist()
        == [2.0] * 3
    )


def test_arrays_come_back_to_the_last_bit():
    from firm.lab.proposer.strategy import Spread

    values = np.array([0.1, -0.0, 5e-324, np.inf, 1 / 3])
    again = load(save(Spread.at(values, 0.1)), Spread)
    assert again.mean.tobytes() == values.tobytes()
    assert again.covariance.shape == (5, 5)
    again.mean[0] = 1.0


def test_every_arm_has_a_case():
    assert {arm for arm, _ in CASES.values()} == {name for name, arm in ARMS.items() if not arm.by_name}
    assert isinstance(SMOOTH, Smooth)
