"""What is known of a cheap stage: the gate it sets, what its word is worth, and how many of the stopped go on."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firm.lab.cascade import AUDIT, ENOUGH, MOST_AUDIT, Watch, spearman
from firm.lab.order import Tally

PAIRS = st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)), max_size=60)


def told(watch: Watch, *, pairs: list[tuple[float, float]], audits: list[tuple[float, float]]) -> Watch:
    values = tuple(here for here, _ in (*pairs, *audits))
    watch.tell(Tally(len(values), 0.5, values, tuple(pairs), tuple(audits)))
    return watch


def drawn(count: int, *, lie: float, noise: float, sign: float) -> list[tuple[float, float]]:
    """(here, there): the truth, `lie` better than it is."""
    chance = random.Random(count)
    true = [chance.uniform(1, 2) for _ in range(count)]
    return [(one + sign * lie + chance.gauss(0, noise), one) for one in true]


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_gate_lets_the_better_share_pass_whichever_way_is_better(sign: float) -> None:
    watch = Watch(0.2, sign)
    assert watch.gate() is None, "nothing is known yet"
    watch.tell(Tally(100, 0.1, tuple(float(value) for value in range(100))))
    gate = watch.gate()
    assert gate is not None
    assert sum(sign * value >= gate for value in range(100)) == 20


def test_a_stage_that_keeps_all_has_no_gate() -> None:
    watch = Watch(1.0, 1.0)
    watch.tell(Tally(100, 0.1, tuple(map(float, range(100)))))
    assert watch.gate() is None


def test_with_few_pairs_nothing_is_said_and_few_are_audited() -> None:
    watch = told(Watch(0.2, 1.0), pairs=drawn(ENOUGH - 1, lie=9.0, noise=0, sign=1.0), audits=[])
    assert (watch.correlation(), watch.inflation(), watch.audit()) == (None, None, AUDIT)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_surrogate_that_flatters_what_it_lets_pass_is_audited_more(sign: float) -> None:
    fair = told(
        Watch(0.2, sign),
        pairs=drawn(40, lie=0.0, noise=0.01, sign=sign),
        audits=drawn(9, lie=0.0, noise=0.01, sign=sign),
    )
    flattering = told(
        Watch(0.2, sign),
        pairs=drawn(40, lie=0.5, noise=0.01, sign=sign),
        audits=drawn(9, lie=0.0, noise=0.01, sign=sign),
    )
    assert not fair.flatters() and fair.audit() == AUDIT
    assert flattering.inflation() == pytest.approx(0.5, abs=0.05)
    assert flattering.flatters() and AUDIT < flattering.audit() <= MOST_AUDIT


def test_a_surrogate_that_is_off_by_the_same_for_all_does_not_flatter() -> None:
    watch = told(
        Watch(0.2, 1.0),
        pairs=drawn(40, lie=0.5, noise=0.01, sign=1.0),
        audits=drawn(9, lie=0.5, noise=0.01, sign=1.0),
    )
    assert not watch.flatters() and watch.inflation() == pytest.approx(0.0, abs=0.05)


def test_a_surrogate_whose_order_means_nothing_is_audited_more() -> None:
    watch = told(Watch(0.2, 1.0), pairs=drawn(60, lie=0.0, noise=9.0, sign=1.0), audits=[])
    correlation = watch.correlation()
    assert correlation is not None and correlation < 0.5
    assert watch.audit() > AUDIT


@pytest.mark.parametrize(
    ("correlation", "share"),
    [(None, 0.2), (1.0, 0.2), (0.5, 0.2), (0.3, 0.4), (0.2, 0.4), (0.1, 0.8), (-1.0, 0.8)],
)
def test_where_a_stage_ranks_poorly_more_go_on(
    monkeypatch: pytest.MonkeyPatch, correlation: float | None, share: float
) -> None:
    watch = Watch(0.2, 1.0)
    monkeypatch.setattr(watch, "correlation", lambda: correlation)
    assert watch.share() == share
    wide = Watch(0.5, 1.0)
    monkeypatch.setattr(wide, "correlation", lambda: -1.0)
    assert wide.share() == 1.0, "more than all cannot go on"


def test_all_that_were_let_through_by_chance_are_counted_though_few_are_told() -> None:
    watch = Watch(0.2, 1.0)
    for _ in range(2):
        watch.tell(Tally(100, 0.1, audits=((1.0, 1.0),) * 3, audited=40))
    assert (watch.audited, len(watch.audits)) == (80, 6)
    assert Watch.load(watch.save()).audited == 80


@given(PAIRS, PAIRS)
def test_a_watch_comes_back_as_it_was_saved(
    pairs: list[tuple[float, float]], audits: list[tuple[float, float]]
) -> None:
    watch = told(Watch(0.3, -1.0), pairs=pairs, audits=audits)
    again = Watch.load(watch.save())
    assert again.save() == watch.save()
    assert (again.gate(), again.audit(), again.inflation()) == (
        watch.gate(),
        watch.audit(),
        watch.inflation(),
    )


@given(st.lists(st.tuples(st.integers(-9, 9), st.integers(-9, 9)), min_size=2, max_size=40))
def test_rank_correlation_is_a_share_and_sees_only_order(pairs: list[tuple[int, int]]) -> None:
    floats = [(float(a), float(b)) for a, b in pairs]
    found = spearman(floats)
    varied = all(len({pair[side] for pair in pairs}) > 1 for side in (0, 1))
    assert (found is not None) == varied
    if found is not None:
        assert -1 - 1e-9 <= found <= 1 + 1e-9
        assert spearman([(a**3 + 7, b) for a, b in floats]) == pytest.approx(found)
        assert spearman([(-a, b) for a, b in floats]) == pytest.approx(-found)
