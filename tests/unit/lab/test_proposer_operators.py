"""Iterated local search by a problem's own operators, and pure chance."""

import numpy as np
from tests.unit.lab.toys import WORDS, box, chance, problem, rastrigin, searched, told

from firm.lab.artifact import Program, Text, Vector
from firm.lab.candidate import Elite
from firm.lab.problem import Operators
from firm.lab.proposer import open_proposer
from firm.lab.proposer.chance import changed
from firm.lab.proposer.operators import LINES, Iterated
from firm.lab.proposer.protocol import Outcome, Proposal
from firm.lab.proposer.ranking import basins, worth_of


def nearest_hole(rng: np.random.Generator, x: np.ndarray) -> np.ndarray:
    """Rastrigin's holes lie at whole numbers."""
    return np.round(x)


HOLES = Operators(
    lambda rng: rng.uniform(-5, 5, 12),
    nearest_hole,
    lambda rng, x, reach: x + 3 * reach * rng.standard_normal(12),
)


def test_perturbed_and_improved_again_it_gets_where_starts_alone_do_not():
    about = problem(box(12), operators=HOLES)
    assert searched("operators", about, rastrigin, evaluations=1000, seed=1) <= 5
    starts = problem(box(12), operators=Operators(HOLES.propose, HOLES.improve))
    assert searched("chance", starts, rastrigin, evaluations=1000, seed=1) > 10


def test_a_text_is_searched_by_operators_alone():
    def judge(text):
        return float(len(text) - text.count("c")), 0.0

    about = problem(Text("aaaaa"), operators=Operators(WORDS.propose, None, _letter))
    assert searched("operators", about, judge, evaluations=300, seed=2) == 0.0


def _letter(rng: np.random.Generator, text: str, reach: float) -> str:
    place = int(rng.integers(len(text)))
    return text[:place] + str(rng.choice(list("abc"))) + text[place + 1 :]


def test_one_is_improved_an_ask_and_many_are_asked_where_nothing_is_improved():
    about = problem(box(12), operators=HOLES)
    assert len(open_proposer("operators", about, chance(0), state=b"", elites=()).ask(50)) == 1
    cheap = problem(box(12), operators=Operators(HOLES.propose, None, HOLES.perturb))
    assert len(open_proposer("operators", cheap, chance(0), state=b"", elites=()).ask(50)) > 1


def test_a_few_lines_begin_and_then_children_name_their_parents():
    proposer = open_proposer("operators", problem(box(12), operators=HOLES), chance(4), state=b"", elites=())
    parents = []
    for number in range(12):
        proposals = proposer.ask(1)
        parents.append(proposals[0].parents)
        proposer.tell(told(proposals, rastrigin, number))
    assert parents[:LINES] == [()] * LINES
    assert all(len(one) == 1 and 0 <= one[0] < 12 for one in parents[LINES:])


def test_a_line_that_stands_still_begins_anew_with_more_patience():
    elite = Elite(77, box(12).pack(np.zeros(12)), 0.0, 0)
    proposer = open_proposer(
        "operators", problem(box(12), operators=HOLES), chance(4), state=b"", elites=[elite]
    )
    begun, parents = 0, set()
    for number in range(300):
        proposals = proposer.ask(1)
        begun += proposals[0].parents == ()
        parents |= set(proposals[0].parents)
        proposer.tell([Outcome(proposals[0], number, -1e9 - 1e3 * number, 0.0, 0)])
    assert LINES < begun < 40
    assert 77 in parents


def test_a_line_that_comes_to_where_another_is_begins_anew():
    fitness = {0: -3.0, 1: -2.0, 2: -2.0 * (1 + 1e-12)}
    proposer = open_proposer("operators", problem(box(12), operators=HOLES), chance(4), state=b"", elites=())
    for number in range(3):
        proposals = proposer.ask(1)
        proposer.tell([Outcome(proposals[0], number, fitness[number], 0.0, 0)])
    assert isinstance(proposer, Iterated)
    assert [bool(line.here) for line in proposer.kept.lines] == [True, True, False, False]


def test_a_gain_by_rounding_alone_is_no_success():
    proposer = open_proposer("operators", problem(box(12), operators=HOLES), chance(4), state=b"", elites=())
    assert isinstance(proposer, Iterated)
    line = proposer.kept.lines[0]
    for number in range(3):
        proposal = Proposal(np.full(12, float(number)))
        proposer._follow(line, Outcome(proposal, number, -1.0 + number * 1e-15, 0.0, 0), 0.3)
    assert (line.id, line.still) == (2, 2)


def test_elites_of_one_value_are_one_basin_unless_they_are_texts():
    values = (1.0, 1.0 + 1e-12, 2.0, 3.0)
    elites = [Elite(number, b"", value, 0) for number, value in enumerate(values)]
    taken = [worth_of(elites[3], -1.0)]
    assert [one.id for one in basins(elites, box(2), -1.0, taken=taken)] == [0, 2]
    assert basins(elites, Text("a"), -1.0, taken=taken) == elites


def test_chance_draws_evenly_inside_the_bounds():
    about = problem(Vector(low=[-1.0, 10.0], high=[1.0, 30.0]))
    drawn = np.array(
        [one.artifact for one in open_proposer("chance", about, chance(1), state=b"", elites=()).ask(2000)]
    )
    assert np.allclose(drawn.mean(axis=0), [0.0, 20.0], atol=[0.1, 1.0])
    assert drawn[:, 0].min() < -0.98
    assert drawn[:, 1].max() > 29.8


def test_chance_uses_the_problems_own_starts():
    about = problem(box(12), operators=HOLES)
    other = chance(1)
    asked = open_proposer("chance", about, chance(1), state=b"", elites=()).ask(2)
    assert [one.artifact.tolist() for one in asked] == [other.uniform(-5, 5, 12).tolist() for _ in range(2)]


def test_chance_begins_a_program_with_its_start_and_then_changes_it():
    start = "def f(x):\n    return 3 * x + 0.25\n"
    proposer = open_proposer("chance", problem(Program(start)), chance(1), state=b"", elites=())
    first, *rest = [one.artifact for one in proposer.ask(20)]
    assert first == start
    assert sum(text != start for text in rest) >= 15


def test_a_change_of_an_empty_text_is_a_text():
    assert all(isinstance(changed("", chance(seed)), str) for seed in range(20))
