"""The search for laws of change.

One rule: candidates come from the weak form (differences against integrals of the smoothed course), and every one is
fitted again by integrating it and comparing with what was measured.

Source: Schaeffer, McCalla, "Sparse model selection via integral terms", Physical Review E 96 (2017).
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from firm.lab.artifact import Floats
from firm.lab.phenomenon.course import Courses, Law, Term, covariance, fit_law, term_value

MOST_TERMS = 5
MOST_FITS = 36
"""Laws that are integrated and fitted in one search; leaving terms out comes on top."""
Sides = tuple[tuple[Term, ...], ...]


def library(states: int, names: Sequence[str]) -> list[Term]:
    """Products of states up to the third order, sines, and each of them times another input."""
    others = len(names) - states
    found: list[Term] = [
        ((*exponents, *(0,) * others), "")
        for exponents in itertools.product(range(4), repeat=states)
        if sum(exponents) <= 3
    ]
    found += [((0,) * len(names), name) for name in names[:states]]
    plain = list(found)
    for index in range(others):
        for exponents, sine in plain:
            if sum(exponents) <= 2:
                more = list(exponents)
                more[states + index] = 1
                found.append((tuple(more), sine))
    return found


def _weak(terms: Sequence[Term], courses: Courses, width: int) -> tuple[Floats, Floats]:
    """Integrals of the terms along the smoothed courses between readings, (rows, terms), and how the states change."""
    from scipy.interpolate import CubicSpline

    times = np.concatenate([[0.0], courses.times])
    fine = np.linspace(0, times[-1], 40 * (len(times) - 1) + 1)
    marks = np.searchsorted(fine, times - 1e-9)
    tables, changes = [], []
    for begin, given, values in zip(courses.begin, courses.given, courses.values, strict=True):
        path = np.vstack([begin, values])
        parts = [*CubicSpline(times, path)(fine).T, *(np.full(len(fine), value) for value in given)]
        rates = np.array([term_value(term, parts, courses.names) for term in terms])
        pieces = (rates[:, 1:] + rates[:, :-1]) / 2 * np.diff(fine)
        areas = np.concatenate([np.zeros((len(terms), 1)), np.cumsum(pieces, axis=1)], axis=1)[:, marks]
        tables.append((areas[:, width:] - areas[:, :-width]).T)
        changes.append(path[width:] - path[:-width])
    return np.vstack(tables), np.vstack(changes)


def proposals(courses: Courses) -> list[list[tuple[Term, ...]]]:
    """For each state some sets of terms that explain its changes, the simplest first."""
    terms = library(courses.states, courses.names)
    table, change = _weak(terms, courses, 2 if len(courses.times) > 3 else 1)
    return [_sets(table, change[:, state], terms) for state in range(courses.states)]


def _sets(table: Floats, change: Floats, terms: list[Term]) -> list[tuple[Term, ...]]:
    """All of one and two terms, then greedily more, ranked by how much they leave and by their number."""
    lengths = np.linalg.norm(table, axis=0)
    usable = [index for index in range(len(terms)) if np.isfinite(lengths[index]) and lengths[index] > 0]
    rows = len(change)

    def worth(chosen: tuple[int, ...]) -> float:
        answer = np.linalg.lstsq(table[:, chosen], change, rcond=None)[0]
        left = float(np.sum((change - table[:, chosen] @ answer) ** 2))
        return rows * float(np.log(left / rows + 1e-300)) + len(chosen) * float(np.log(rows))

    ranked: list[tuple[float, tuple[int, ...]]] = [(worth((index,)), (index,)) for index in usable]
    ranked += [(worth(pair), pair) for pair in itertools.combinations(usable, 2)]
    front = [chosen for _, chosen in sorted(ranked)[:4]]
    for _ in range(MOST_TERMS - 2):
        wider = {tuple(sorted((*chosen, more))) for chosen in front for more in usable if more not in chosen}
        scored = sorted((worth(chosen), chosen) for chosen in wider)
        ranked += scored[:6]
        front = [chosen for _, chosen in scored[:3]]
    return [tuple(terms[index] for index in chosen) for _, chosen in sorted(ranked)[:8]]


def starting(terms: Sides, courses: Courses) -> Law:
    """A law with first numbers, from the weak form."""
    numbers: list[float] = []
    for state, side in enumerate(terms):
        table, change = _weak(side, courses, 1)
        numbers += np.linalg.lstsq(table, change[:, state], rcond=None)[0].tolist()
    return Law(terms, tuple(numbers))


@dataclass
class _Pool:
    """The laws met so far."""

    courses: Courses
    found: dict[Sides, Law] = field(default_factory=dict)

    @property
    def best(self) -> Law:
        """The one with the best score."""
        return min(self.found.values(), key=lambda law: law.score)

    def consider(self, terms: Sides) -> None:
        """Fit a law, if it is new."""
        terms = tuple(tuple(sorted(side)) for side in terms)
        if terms not in self.found and all(terms):
            self.found[terms] = fit_law(starting(terms, self.courses), self.courses)

    def settle(self) -> None:
        """Leave terms out of the best, those first that are known least, as long as that makes it better."""
        while True:
            best = self.best
            for terms in _less(best, self.courses):
                self.consider(terms)
            if self.best is best:
                return


def seek_courses(courses: Courses, *, seeds: Sequence[Law] = (), most: int = MOST_FITS) -> list[Law]:
    """Laws for these courses, the best first.

    Args:
        courses: What was measured.
        seeds: Laws to begin with.
        most: Fits at most, not counting those that leave out terms of the best.
    """
    sides = proposals(courses)
    ranks = sorted(itertools.product(*(range(len(side)) for side in sides)), key=sum)
    pool = _Pool(courses)
    for law in seeds:
        pool.consider(law.terms)
    for rank in ranks[: most // 3]:
        pool.consider(tuple(side[index] for side, index in zip(sides, rank, strict=True)))
    pool.settle()
    for terms in _more(pool.best, courses):
        if len(pool.found) >= most:
            break
        pool.consider(terms)
    pool.settle()
    return sorted(pool.found.values(), key=lambda law: law.score)


def _less(law: Law, courses: Courses) -> Iterator[Sides]:
    """Without one of the two terms whose numbers are least certain."""
    spread = covariance(law, courses)
    doubtful = np.arange(law.count)
    if spread is not None:
        doubtful = np.argsort(np.abs(law.numbers) / np.sqrt(np.diag(spread)), kind="stable")[:2]
    owners = [(index, term) for index, side in enumerate(law.terms) for term in side]
    for number in doubtful:
        index, left_out = owners[number]
        yield _with(law.terms, index, tuple(term for term in law.terms[index] if term != left_out))


def _more(law: Law, courses: Courses) -> Iterator[Sides]:
    """A term more, those of low order first."""
    terms = sorted(library(courses.states, courses.names), key=lambda term: sum(term[0]))
    for term in terms:
        for index, side in enumerate(law.terms):
            if term not in side:
                yield _with(law.terms, index, (*side, term))


def _with(terms: Sides, index: int, side: tuple[Term, ...]) -> Sides:
    return (*terms[:index], side, *terms[index + 1 :])
