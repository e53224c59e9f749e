"""The wing: known shapes, networks that are NeuralFoil's, an XFOIL that survives, a catalogue that can be flown."""

import hashlib
import importlib
import os
import subprocess
import xml.etree.ElementTree as xml
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from firm.kernel.code import load_file
from firm.lab.problem import Invalid

lab: Any = load_file(Path(__file__).parents[2] / "examples/lab/wing.py")
shape, network, climbing, flight, foil, catalogue = (
    importlib.import_module(f"wing_{name}")
    for name in ("shape", "network", "climb", "flight", "xfoil", "catalogue")
)
RULES = flight.Rules()
needs_xfoil = pytest.mark.skipif(foil.trouble() != "", reason=foil.trouble() or "XFOIL is here")

_SIDE = np.array([0.171787, 0.155183, 0.158301, 0.138223, 0.142889, 0.138836, 0.142009, 0.143112])
NACA_0012 = np.array([*_SIDE, *-_SIDE, 0.0, 5.0])
GOOD = [
    0.1375, 0.20426, 0.32732, 0.24742, 0.36757, 0.47686, 0.12899, 0.15271, -0.07516, -0.00397, 0.02773, 0.00651,
    -0.08099, 0.03452, -0.11161, -0.00316, 0.31019, 6.33028,
]  # fmt: skip
"""A section that an earlier search has found."""


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """As in the processes of a search: threads of numpy would only wait for each other."""
    if importlib.util.find_spec("threadpoolctl") is None:
        yield
        return
    with importlib.import_module("threadpoolctl").threadpool_limits(1):
        yield


# --- shape ----------------------------------------------------------------------------------------------------


def test_flat_plate_is_symmetric_two_percent_thick_and_at_no_incidence() -> None:
    plate = np.array([shape.flat_plate()])
    upper, lower = shape.surfaces(plate)
    assert np.allclose(upper, -lower)
    assert shape.thickness(plate)[0][0] == pytest.approx(0.02, abs=1e-6)
    assert plate[0, shape.ANGLE] == 0


def test_outline_runs_from_the_tail_over_the_upper_side_to_the_nose_and_back() -> None:
    points = shape.outline(NACA_0012, 51)
    assert len(points) == 101
    assert points[0] == pytest.approx((1.0, shape.TAIL / 2))
    assert points[50] == pytest.approx((0.0, 0.0))
    assert points[-1] == pytest.approx((1.0, -shape.TAIL / 2))
    assert max(y for _, y in points[:51]) == pytest.approx(0.059, abs=0.002)


# --- networks ---------------------------------------------------------------------------------------------------


def some_sections(count: int) -> Any:
    rng = np.random.default_rng(3)
    found = NACA_0012 + rng.standard_normal((count, 18)) * climbing.SCALE
    found[:, shape.ANGLE] = rng.uniform(-4, 10, count)
    return found


@pytest.mark.parametrize("model", climbing.MODELS)
def test_the_networks_say_what_the_package_says(model: str) -> None:
    neuralfoil = pytest.importorskip("neuralfoil")
    rows = some_sections(20)
    ours = network.guess(model, rows, reynolds=7e5, ncrit=7.0)
    theirs = neuralfoil.get_aero_from_kulfan_parameters(
        {
            "upper_weights": rows[:, :8].T,
            "lower_weights": rows[:, 8:16].T,
            "leading_edge_weight": rows[:, 16],
            "TE_thickness": np.full(20, shape.TAIL),
        },
        alpha=rows[:, 17],
        Re=7e5,
        n_crit=7.0,
        model_size=model,
    )
    assert np.allclose(ours.lift, theirs["CL"], atol=1e-4)
    assert np.allclose(ours.drag, theirs["CD"], rtol=1e-3)
    assert np.allclose(ours.moment, theirs["CM"], atol=1e-4)
    assert np.allclose(ours.confidence, theirs["analysis_confidence"], atol=1e-3)


def test_the_gradient_is_that_of_the_numbers() -> None:
    rows, wanted = some_sections(6), np.array([[0.3, 1.0, 5.0, -2.0]] * 6)

    def total(at: Any) -> Any:
        said = network.guess("large", at)
        return np.stack([said.confidence, said.lift, said.drag, said.moment], axis=1) @ wanted[0]

    uphill = network.guess("large", rows).pull(wanted)
    for place in range(18):
        step = np.zeros(18)
        step[place] = 2e-3
        measured = (total(rows + step) - total(rows - step)) / 4e-3
        assert np.allclose(uphill[:, place], measured, atol=0.02 + 0.02 * np.abs(measured).max())


def test_a_climb_takes_the_flat_plate_to_a_wing_that_keeps_the_limits() -> None:
    rng = np.random.default_rng(1)
    begun = climbing.propose(rng)
    assert climbing.opinion(begun[None, :], RULES).glide[0] < 60
    found = climbing.improve(rng, begun, RULES)
    said = climbing.opinion(found[None, :], RULES)
    assert said.glide[0] > 160
    assert said.moment[0] >= RULES.moment - 0.002
    assert all(each >= 0 for each in lab.geometry([found], RULES)[0].constraints.values())


def test_what_glides_well_is_only_made_thick_enough_again() -> None:
    thinner = np.array(GOOD)
    thinner[:8] *= 0.97
    assert lab.geometry([thinner], RULES)[0].constraints["thickness"] < 0
    found = climbing.improve(np.random.default_rng(0), thinner, RULES)
    assert lab.geometry([found], RULES)[0].constraints["thickness"] >= 0
    assert np.abs(found - thinner).max() < 0.02


# --- XFOIL ------------------------------------------------------------------------------------------------------


@needs_xfoil
def test_xfoil_has_the_numbers_of_the_books_for_naca_0012() -> None:
    level, *_, five = foil.fly(shape.outline(NACA_0012), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0])
    assert level.lift == pytest.approx(0, abs=1e-3)
    assert 0.0045 < level.drag < 0.0065
    assert 0.50 < five.lift < 0.62
    assert five.glide == pytest.approx(five.lift / five.drag)


@needs_xfoil
def test_angles_come_back_in_their_order_and_none_where_nothing_converged() -> None:
    found = foil.fly(shape.outline(NACA_0012), [1.0, 85.0, 2.0], mesh=foil.Mesh(120, 10))
    assert found[0].angle_deg == pytest.approx(1.0)
    assert found[1] is None
    assert foil.fly(shape.outline(NACA_0012), [1.0], wall_s=1e-4) == [None]


@needs_xfoil
def test_the_copy_in_memory_differs_from_the_program_by_one_name(tmp_path: Path) -> None:
    installed = foil._installed().read_bytes()
    copied = Path(f"/proc/self/fd/{foil._program()}").read_bytes()
    assert len(copied) == len(installed)
    assert foil.NO_TRAP in copied
    assert foil.TRAP not in copied
    assert len(foil.TRAP) == len(foil.NO_TRAP)


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_a_section_that_xfoil_does_not_converge_on_is_invalid(
    monkeypatch: pytest.MonkeyPatch, missing: int
) -> None:
    flown = [foil.Flown(angle_deg, 1.2, 0.008, -0.05) for angle_deg in (5.0, 5.5, 6.0)]
    monkeypatch.setattr(
        lab, "fly", lambda *given: [None if n == missing else each for n, each in enumerate(flown)]
    )
    with pytest.raises(Invalid, match="did not converge"):
        lab.xfoil(GOOD, RULES)


def test_the_search_believes_the_least_of_three_angles(monkeypatch: pytest.MonkeyPatch) -> None:
    flown = [
        foil.Flown(5.0, 1.2, 0.008, -0.05),
        foil.Flown(5.5, 1.2, 0.01, -0.11),
        foil.Flown(6.0, 1.2, 0.009, -0.05),
    ]
    monkeypatch.setattr(lab, "fly", lambda *given: flown)
    found = lab.xfoil(GOOD, RULES)
    assert found.value == pytest.approx(120.0)
    assert found.constraints["moment"] == pytest.approx(-0.01)


@pytest.mark.parametrize("drag", ["0.00100", "********", "NaN"])
def test_drag_below_that_of_a_plate_or_no_number_is_not_believed(drag: str) -> None:
    said = f"  a =  5.000      CL =  1.1\n Cm = -0.05   CD =  {drag}   =>   CDf =  0.00475"
    assert foil._read(said, foil.Air()) is None
    assert foil._read(said.replace(drag, "0.00700"), foil.Air()) == foil.Flown(5.0, 1.1, 0.007, -0.05)
    assert foil._read(said.replace(drag, "0.00700") + "\n VISCAL:  Convergence failed", foil.Air()) is None


def test_a_machine_without_xfoil_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "apt-get install xfoil" in foil.trouble()
    without = lab.wing()
    assert [stage.trust for stage in without.stages] == ["exact", "surrogate"]
    assert without.verify is None
    assert without.final.trust == "surrogate"
    assert [one.name for one in without.baselines] == ["flat plate at no incidence"]


# --- verification -----------------------------------------------------------------------------------------------


@needs_xfoil
def test_a_good_section_is_verified_by_four_sweeps_and_beats_the_catalogue_in_other_air_too() -> None:
    found = lab.four_sweeps(GOOD, RULES)
    assert len(found.said["sweeps"]) == 4
    assert found.value == pytest.approx(min(found.said["sweeps"]), abs=0.01)
    assert found.value > 1.08 * found.said["catalogue"]
    assert all(each >= 0 for each in found.constraints.values())
    held_out = lab.other_air(GOOD, RULES)
    assert set(held_out.said) == set(flight.HOLDOUT(RULES))
    assert min(one["over the catalogue"] for one in held_out.said.values()) > 0.05


@pytest.mark.parametrize(
    ("glides", "trouble"),
    [((180.0, 181.0, 180.5, 182.0), ""), ((180.0, 494.0, 180.0, 180.0), "sweeps of XFOIL differ")],
)
def test_sweeps_that_differ_verify_nothing(
    monkeypatch: pytest.MonkeyPatch, glides: tuple[float, ...], trouble: str
) -> None:
    left = list(glides)

    def fly(outline: Any, angles: Any, air: Any, mesh: Any) -> Any:
        return [foil.Flown(angles[-1], left.pop(0), 1.0, -0.05)]

    monkeypatch.setattr(flight, "fly", fly)
    found = flight.verified([], 5.0, foil.Air())
    assert found.trouble.startswith(trouble) if trouble else found.trouble == ""
    assert found.glide == min(glides)


def test_sweeps_that_do_not_converge_verify_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flight, "fly", lambda *given: [None])
    with pytest.raises(Invalid, match="4 of 4 sweeps of XFOIL did not converge"):
        lab.four_sweeps(GOOD, RULES)


# --- the problem and its catalogue --------------------------------------------------------------------------------


def test_the_cascade_ends_with_a_second_solver_where_xfoil_is() -> None:
    stated = lab.wing()
    assert stated.artifact.size == 18
    if not foil.trouble():
        assert [stage.trust for stage in stated.stages] == ["exact", "surrogate", "second solver"]
        assert stated.final.name == "XFOIL, four sweeps"


def test_other_rules_move_the_limits_and_leave_the_catalogue_of_these_rules_out() -> None:
    thicker = lab.wing(thickness=0.15, reynolds=2e6)
    assert "2,000,000" in thicker.question
    assert [one.name for one in thicker.baselines] == ["flat plate at no incidence"]
    [found] = thicker.stages[0].score([GOOD])
    assert found.constraints["thickness"] < -0.02


def test_networks_refuse_what_is_not_worth_flying() -> None:
    good, plate = lab.networks([GOOD, shape.flat_plate()], RULES, 140.0)
    assert good.value > 150
    assert good.constraints["worth flying"] > 0
    assert plate.constraints["worth flying"] == pytest.approx(-0.1, abs=0.02)


@needs_xfoil
def test_the_catalogues_best_glides_as_its_file_says() -> None:
    best = catalogue.held(RULES)["best"]["as asked"]
    assert lab.catalogue_glide(best, RULES) == pytest.approx(best["glide"], rel=2e-3)
    assert best["moment"] >= RULES.moment
    assert catalogue.thickness_of(best["outline"]) >= RULES.thickness


def test_the_catalogue_is_the_one_that_aerosandbox_ships() -> None:
    if importlib.util.find_spec("aerosandbox") is None:
        pytest.skip("AeroSandbox is not installed")
    held, texts = catalogue.held(RULES), catalogue.sections()
    assert held["sections"] == len(texts) == 2174
    for best in held["best"].values():
        text = texts[best["name"]]
        assert hashlib.sha256(text.encode()).hexdigest() == best["sha256"]
        assert np.allclose(catalogue.read(text), best["outline"], atol=1e-6)
        assert catalogue.thickness_of(catalogue.read(text)) == pytest.approx(best["thickness"], abs=1e-4)


def test_a_fit_gives_back_the_numbers_an_outline_was_made_of() -> None:
    found = catalogue.fit(shape.outline(np.array(GOOD), 101))
    assert np.allclose(found[:17], GOOD[:17], atol=1e-3)


def test_the_picture_is_one_svg_without_anything_that_runs() -> None:
    drawn = xml.fromstring(lab.picture(GOOD))
    assert drawn.tag == "svg"
    assert {each.tag for each in drawn.iter()} == {"svg", "title", "path"}


@needs_xfoil
def test_the_program_as_it_is_packaged_dies_where_the_copy_does_not() -> None:
    """If this fails the package was mended, and the copy is not needed any more."""
    if foil.TRAP not in foil._installed().read_bytes():
        pytest.skip("this XFOIL sets no trap")
    asked = "PLOP\nG\n\nNACA 0012\nOPER\nVISC 1e6\nALFA 2\n\n\nQUIT\n"
    ended = subprocess.run(
        [foil._installed()],
        input=asked,
        capture_output=True,
        text=True,
        cwd="/",
        env={"PATH": os.defpath},
        check=False,
    )
    assert ended.returncode < 0
