"""Schedules of a job shop: timing them, and tabu search along the longest way.

One rule: a plan is linked operations, and no move of it closes a circle. The question itself is `jobshop.py`.
"""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from firm.errors import UsageError

MAX_OPERATIONS = 2_000
NONE = -1


@dataclass(frozen=True)
class Shop:
    """The jobs: operation `job * machines + k` is the k-th of its job.

    Raises:
        UsageError: the table is no job shop; it says where.
    """

    machines: int
    machine: tuple[int, ...]
    """Of each operation."""
    time: tuple[int, ...]

    @staticmethod
    def read(table: str) -> "Shop":
        """From the usual form."""
        try:
            jobs, machines, *numbers = (int(word) for word in table.split())
        except ValueError:
            raise UsageError(
                f"table={table[:40]!r}: give whole numbers: jobs, machines, then machine and time"
            ) from None
        if not (0 < jobs * machines <= MAX_OPERATIONS and len(numbers) == 2 * jobs * machines):
            raise UsageError(
                f"table: {len(numbers)} numbers where {jobs} jobs on {machines} machines need {2 * jobs * machines}"
            )
        machine, time = numbers[::2], numbers[1::2]
        for job in range(jobs):
            if sorted(machine[job * machines : (job + 1) * machines]) != list(range(machines)):
                raise UsageError(f"table: job {job} does not visit each of {machines} machines once")
        if min(time) < 0:
            raise UsageError(f"table: a time is {min(time)!r}; give 0 or more")
        return Shop(machines, tuple(machine), tuple(time))

    @property
    def jobs(self) -> int:
        """How many."""
        return len(self.time) // self.machines

    @property
    def bound(self) -> int:
        """No schedule is shorter: the longest job, or a machine's load with the least before and after it."""
        of_job = [sum(self.time[job * self.machines :][: self.machines]) for job in range(self.jobs)]
        return max(*of_job, *(self._load(machine) for machine in range(self.machines)))

    def _load(self, machine: int) -> int:
        places = [place for place, found in enumerate(self.machine) if found == machine]
        before = min(sum(self.time[place - place % self.machines : place]) for place in places)
        after = min(
            sum(self.time[place + 1 : (place // self.machines + 1) * self.machines]) for place in places
        )
        return before + sum(self.time[place] for place in places) + after


class Plan:
    """Machine orders as linked operations, with the earliest starts and the longest ways to the end."""

    def __init__(self, shop: Shop, orders: list[list[int]]) -> None:
        count, machines = len(shop.time), shop.machines
        self.shop = shop
        self.time = [*shop.time, 0]  # the last element is what NONE points at
        self.job_before = [place - 1 if place % machines else NONE for place in range(count)]
        self.job_after = [place + 1 if (place + 1) % machines else NONE for place in range(count)]
        self.before, self.after = [NONE] * (count + 1), [NONE] * (count + 1)
        self.head, self.tail = [0] * (count + 1), [0] * (count + 1)
        self.first = [NONE] * machines
        self.line: list[int] = []
        at = {(shop.machine[place], place // machines): place for place in range(count)}
        for machine, order in enumerate(orders):
            chain = [at[machine, job] for job in order]
            self.first[machine] = chain[0]
            for one, other in itertools.pairwise(chain):
                self.after[one], self.before[other] = other, one

    def time_it(self) -> int | None:
        """The makespan, with all starts; None where the orders wait for each other in a circle."""
        before, after, head, tail, time = self.before, self.after, self.head, self.tail, self.time
        job_before, job_after = self.job_before, self.job_after
        waits = [(one != NONE) + (other != NONE) for one, other in zip(job_before, before, strict=False)]
        line = [place for place, count in enumerate(waits) if not count]
        for place in line:  # grows
            one, other = job_before[place], before[place]
            by_job = head[one] + time[one] if one != NONE else 0
            by_machine = head[other] + time[other] if other != NONE else 0
            head[place] = by_job if by_job > by_machine else by_machine
            one, other = job_after[place], after[place]
            if one != NONE:
                waits[one] -= 1
                if not waits[one]:
                    line.append(one)
            if other != NONE:
                waits[other] -= 1
                if not waits[other]:
                    line.append(other)
        if len(line) < len(waits):
            return None
        for place in reversed(line):  # with its own time; NONE reads the last element, which stays 0
            one, other = tail[job_after[place]], tail[after[place]]
            tail[place] = time[place] + (one if one > other else other)
        self.line = line
        return max(map(tail.__getitem__, self._starts()))

    def _starts(self) -> list[int]:
        return list(range(0, len(self.job_before), self.shop.machines))

    def orders(self) -> list[list[int]]:
        """Back to lists."""
        found = []
        for place in self.first:
            order = []
            while place != NONE:
                order.append(place // self.shop.machines)
                place = self.after[place]
            found.append(order)
        return found

    def blocks(self, chance: Callable[[], float], makespan: int) -> list[list[int]]:
        """One longest way, drawn at random, cut where it changes the machine; only pieces of two and more."""
        head, tail, time = self.head, self.tail, self.time
        starts = [place for place in self._starts() if tail[place] == makespan]
        starts += [place for place in self.first if tail[place] == makespan and head[place] == 0]
        place = starts[int(chance() * len(starts))]
        found, block = [], [place]
        while True:
            end = head[place] + time[place]
            one, other = self.job_after[place], self.after[place]
            by_job = one != NONE and head[one] == end and end + tail[one] == makespan
            by_machine = other != NONE and head[other] == end and end + tail[other] == makespan
            if not (by_job or by_machine):
                break
            if by_machine and (not by_job or chance() < 0.5):
                block.append(other)
                place = other
            else:
                if len(block) > 1:
                    found.append(block)
                block, place = [one], one
        if len(block) > 1:
            found.append(block)
        return found

    def move(self, segment: list[int], forward: bool) -> list[int]:
        """The segment with its first operation put last (`forward`), or its last put first; linked anew."""
        new = segment[1:] + segment[:1] if forward else segment[-1:] + segment[:-1]
        left, right = self.before[segment[0]], self.after[segment[-1]]
        for place in new:
            self.before[place] = left
            if left != NONE:
                self.after[left] = place
            left = place
        self.after[left] = right
        if right != NONE:
            self.before[right] = left
        if self.before[new[0]] == NONE:
            self.first[self.shop.machine[new[0]]] = new[0]
        return new

    def guess(self, new: list[int]) -> int:
        """About the makespan after the move: the longest way through what is moved (Balas and Vazacopoulos 1998)."""
        head, tail, time = self.head, self.tail, self.time
        job_before, job_after = self.job_before, self.job_after
        segment = set(new)
        left = next(self.before[place] for place in new if self.before[place] not in segment)
        right = next(self.after[place] for place in new if self.after[place] not in segment)
        end = head[left] + time[left] if left != NONE else 0
        ends = []
        for place in new:
            one = job_before[place]
            by_job = head[one] + time[one] if one != NONE else 0
            end = (by_job if by_job > end else end) + time[place]
            ends.append(end)
        rest, longest = tail[right], 0
        for place, end in zip(reversed(new), reversed(ends), strict=True):
            one = tail[job_after[place]]
            most = one if one > rest else rest
            if end + most > longest:
                longest = end + most
            rest = most + time[place]
        return longest


def moves(plan: Plan, blocks: list[list[int]]) -> list[tuple[list[int], bool]]:
    """Moves that can shorten the longest way and close no circle: to either end of a block (the neighbourhood N6).

    Source: Balas and Vazacopoulos, Management Science 44 (1998) 262.
    """
    head, tail, time = plan.head, plan.tail, plan.time
    found: list[tuple[list[int], bool]] = []
    for block in blocks:
        last, first = block[-1], block[0]
        for place in range(len(block) - 1):
            after = plan.job_after[block[place]]
            if after == NONE or tail[last] >= tail[after]:
                found.append((block[place:], True))
        for place in range(1, len(block)):
            before = plan.job_before[block[place]]
            if place == 1 and len(block) == 2:
                continue  # the same as the one above
            if before == NONE or head[first] + time[first] >= head[before] + time[before]:
                found.append((block[: place + 1], False))
    return found


def search(plan: Plan, rng: np.random.Generator, steps: int) -> tuple[int, list[list[int]]]:
    """Tabu search until `steps` moves have brought nothing better.

    Source: Zhang, Li, Rao and Guan, Computers and Operations Research 35 (2008) 282, without its annealing.
    """
    chance = _numbers(rng).__next__
    makespan = plan.time_it()
    assert makespan is not None
    best, orders = makespan, plan.orders()
    least = plan.shop.bound
    forbidden: dict[tuple[int, int], int] = {}
    tenure = 6 + plan.shop.jobs / plan.shop.machines
    step = since = 0
    while since < steps and best > least:
        step, since = step + 1, since + 1
        chosen = _choose(plan, chance, makespan, forbidden, step, best)
        if chosen is None:
            break
        segment, forward = chosen
        until = step + int(tenure * (1 + 0.6 * chance())) + (makespan - best) // 40
        moved = segment[0] if forward else segment[-1]
        for other in segment:
            if other != moved:
                forbidden[(moved, other) if forward else (other, moved)] = until
        plan.move(segment, forward)
        found = plan.time_it()
        assert found is not None
        makespan = found
        if makespan < best:
            best, orders, since = makespan, plan.orders(), 0
    return best, orders


def _numbers(rng: np.random.Generator) -> Iterator[float]:
    """From 0 to 1, drawn many at a time."""
    while True:
        yield from rng.random(4096).tolist()


def _choose(
    plan: Plan,
    chance: Callable[[], float],
    makespan: int,
    forbidden: dict[tuple[int, int], int],
    step: int,
    best: int,
) -> tuple[list[int], bool] | None:
    """The move that promises most and is not forbidden; one at random where all are."""
    found = moves(plan, plan.blocks(chance, makespan))
    if not found:
        return None
    chosen, least = None, 0.0
    for segment, forward in found:
        new = segment[1:] + segment[:1] if forward else segment[-1:] + segment[:-1]
        guess = plan.guess(new)
        moved = segment[0] if forward else segment[-1]
        if guess >= best and any(
            forbidden.get((other, moved) if forward else (moved, other), 0) > step
            for other in segment
            if other != moved
        ):
            continue
        if chosen is None or guess + chance() * 0.5 < least:
            chosen, least = (segment, forward), guess
    return chosen or found[int(chance() * len(found))]
