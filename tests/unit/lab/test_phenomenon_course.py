"""Laws of change are integrated, fitted to whole courses, and their numbers come with how well they are known."""

import numpy as np

from firm.lab.phenomenon.course import Courses, Law, covariance, fit_law, integrate, written
from firm.lab.phenomenon.expression import show

TERM = {"x": ((1, 0), ""), "y": ((0, 1), ""), "xy": ((1, 1), "")}
TRUTH = Law(((TERM["y"],), (TERM["x"], TERM["y"])), (1.0, -2.0, -0.3))
"""A damped spring."""


def courses_of(truth: Law, noise: float, seed: int = 3) -> Courses:
    """Eight courses from places drawn by chance."""
    rng = np.random.default_rng(seed)
    times = np.linspace(0.3, 4.5, 15)
    begin = rng.uniform(-1, 1, (8, 2))
    empty = Courses(("x", "y"), 2, begin, np.empty((8, 0)), times, np.zeros((8, 15, 2)), np.ones((8, 15, 2)))
    path = integrate(truth, empty, np.array([truth.numbers]))[0]
    values = path + noise * rng.standard_normal(path.shape)
    return Courses(("x", "y"), 2, begin, np.empty((8, 0)), times, values, np.full(path.shape, 1 / noise))


def test_a_course_is_integrated_as_known() -> None:
    still = Law(((TERM["x"],), (TERM["y"],)), (-1.0, 0.5))
    courses = courses_of(TRUTH, 0.01)
    path = integrate(still, courses, np.array([still.numbers]))[0]
    np.testing.assert_allclose(path[:, -1, 0], courses.begin[:, 0] * np.exp(-4.5), rtol=1e-4)


def test_numbers_that_run_away_give_no_fit() -> None:
    wild = Law(((((3, 0), ""),), (TERM["y"],)), (50.0, 50.0))
    assert fit_law(wild, courses_of(TRUTH, 0.01)).chi2 == np.inf


def test_the_numbers_of_a_law_are_known_as_well_as_their_scatter_over_courses_says() -> None:
    found = [fit_law(TRUTH, courses_of(TRUTH, 0.01, seed)) for seed in range(8)]
    said = covariance(found[0], courses_of(TRUTH, 0.01))
    assert said is not None
    scatter = np.std([law.numbers for law in found], axis=0)
    assert (scatter / np.sqrt(np.diag(said)) > 0.3).all() and (scatter / np.sqrt(np.diag(said)) < 2).all()


def test_a_law_is_written_as_rates() -> None:
    assert [show(side) for side in written(TRUTH, ("x", "y"))] == ["1*y", "-2*x - 0.3*y"]
