"""Numbers are fitted from afar, noise is told from repeats, and a law is judged with doubt first."""

import math

import numpy as np
import pytest

from firm.lab.phenomenon.expression import parse, shape, show
from firm.lab.phenomenon.fit import Data, Noise, covariance, fit, noise_of
from firm.lab.phenomenon.judge import chance_above, generalises, structure, trial
from firm.lab.phenomenon.normal import normal
from firm.lab.phenomenon.seek import seek
from firm.lab.phenomenon.tape import evaluate

RNG = np.random.default_rng(5)


def data_of(text: str, names: str, *, rows: int = 90, noise: float = 0.01, low: float = 0.4) -> Data:
    """Measurements of a formula at random places, with noise in proportion."""
    rng = np.random.default_rng(7)
    places = rng.uniform(low, 2.0, (rows, len(names)))
    truth = evaluate(parse(text, set(names)), tuple(names), places)
    values = truth * (1 + noise * rng.standard_normal(rows))
    return Data(tuple(names), np.ascontiguousarray(places.T), values, 1 / (max(noise, 1e-9) * np.abs(values)))


def test_a_barrier_is_fitted_from_afar() -> None:
    found = fit(parse("2*exp(-3/x)*y**2", set("xy")), data_of("500*exp(-14/x)*y**2", "xy"))
    assert found is not None
    assert found.scatter < 2
    told = evaluate(found.expr, ("x", "y"), np.array([[1.0, 1.0], [2.0, 1.0]]))
    assert np.log(told[1] / told[0]) == pytest.approx(7, rel=0.02)


@pytest.mark.parametrize(("absolute", "relative"), [(0.0, 0.02), (0.3, 0.0)])
def test_noise_is_told_from_repeats(absolute: float, relative: float) -> None:
    means = np.array([1.0, 5.0, 20.0, 100.0])
    spread = np.sqrt(absolute**2 + (relative * means) ** 2)
    groups = [mean + sd * RNG.standard_normal(40) for mean, sd in zip(means, spread, strict=True)]
    noise = noise_of(groups, 100.0)
    np.testing.assert_allclose(noise.of(means), spread, rtol=0.3)


def test_numbers_that_do_the_same_work_are_noticed() -> None:
    data = data_of("2*x", "x")
    assert covariance(parse("2*3*x", {"x"}), data) is None
    assert covariance(parse("2*x", {"x"}), data) is not None


def test_a_law_with_more_to_it_is_no_rival() -> None:
    data = data_of("2*x", "xy")
    law = parse("2*x", set("xy"))
    assert generalises(parse("2*x + 0.01*y", set("xy")), law, data)
    assert not generalises(parse("2*y", set("xy")), law, data)


def test_a_pattern_in_the_residuals_is_seen() -> None:
    bent = data_of("2*x + x**2/5", "xy")
    straight = fit(parse("2*x + 1", set("xy")), bent, steps=30)
    right = fit(parse("2*x + 3*x**2", set("xy")), bent, steps=30)
    assert straight is not None and right is not None
    assert structure(straight.expr, bent, "xy") < 1e-4 < structure(right.expr, bent, "xy")


def test_a_prediction_that_fails_is_not_put_down_to_noise() -> None:
    known, fresh = data_of("2*x + x**2/5", "x"), data_of("2*x + x**2/5", "x", low=1.9)
    wrong = fit(parse("2*x**1.01", {"x"}), data_of("2*x", "x"), steps=30)
    assert wrong is not None
    assert trial(wrong.expr, known, fresh, Noise(0.0, 0.01, 20)).chance < 1e-4


def test_the_chance_of_a_ratio_is_that_of_its_distribution() -> None:
    assert chance_above(1.0, 50, 50) == pytest.approx(0.5, abs=1e-9)
    assert chance_above(3.29, 1, 10_000_000) == pytest.approx(math.erfc(math.sqrt(3.29 / 2)), rel=1e-3)
    assert chance_above(math.inf, 3, 3) == 0.0


@pytest.mark.parametrize("law", ["3*x**2/y", "2*y + 0.7*x**3"])
def test_laws_are_found_from_their_measurements(law: str) -> None:
    best = seek(data_of(law, "xy"), ("x", "y"), most=1000)[0]
    assert shape(best.expr) == shape(normal(parse(law, set("xy")))), show(best.expr)
