"""Laws of change are found from courses, without terms that are only there by chance."""

from tests.unit.lab.test_phenomenon_course import TERM, TRUTH, courses_of

from firm.lab.phenomenon.course import Law, fit_law, written
from firm.lab.phenomenon.expression import show
from firm.lab.phenomenon.seek_course import library, seek_courses


def test_a_damped_spring_is_found() -> None:
    best = seek_courses(courses_of(TRUTH, 0.01), most=24)[0]
    assert [set(side) for side in best.terms] == [set(side) for side in TRUTH.terms]
    said = dict(zip((t for side in best.terms for t in side), best.numbers, strict=True))
    assert abs(said[TERM["x"]] + 2) < 0.04
    assert 0.5 < best.scatter < 1.5
    assert show(written(best, ("x", "y"))[0], 1) == "1*y"


def test_terms_that_are_there_by_chance_are_left_out_again() -> None:
    courses = courses_of(TRUTH, 0.01)
    cubes = (((3, 0), ""), ((0, 3), ""), ((2, 1), ""))
    crowded = Law(tuple(tuple(sorted({*side, *cubes})) for side in TRUTH.terms), (0.0,) * 9)
    best = seek_courses(courses, seeds=[crowded], most=1)[0]
    assert [set(side) for side in best.terms] == [set(side) for side in TRUTH.terms]
    assert best.score < fit_law(crowded, courses).score


def test_the_library_holds_other_inputs_at_most_once() -> None:
    terms = library(2, ("x", "y", "u"))
    assert ((1, 1, 1), "") in terms
    assert max(exponents[2] for exponents, _ in terms) == 1
