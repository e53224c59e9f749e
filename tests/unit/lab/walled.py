"""A problem with every kind of stage, for the tests of the wall; what a scorer does depends on the first number."""

import os
import socket
import time

from firm.lab import Allowance, Axis, Invalid, Objective, Problem, Prompt, Score, Stage, Vector, problem


def plain(x: list[float]) -> float:
    """The sum."""
    return sum(x)


def moody(x: list[float]) -> object:
    """Says or does something else for each tenth."""
    print("a line that must not get between the answers")
    match round(10 * x[0]):
        case 1:
            raise Invalid("two of them cross", near=-2.5)
        case 2:
            raise ValueError("no\nsuch thing " + "x" * 500)
        case 3:
            return Score(
                1.0, {"a": 0.5, "b": -0.25, "c": -0.5}, descriptors=(0.5,), said={"note": ["why", {1, 2}]}
            )
        case 4:
            os._exit(3)
        case 5:
            return True
        case 6:
            while True:
                time.sleep(1)
        case 8:
            if os.fork():
                os.wait()
    return Score(2.0, {"a": 0.0}, {"mass": 3.0}, (0.25,))


def many(xs: list[list[float]]) -> list[object]:
    """As `moody`, in one call."""
    return [moody(x) for x in xs]


def noisy(x: list[float], seed: int) -> float:
    """Depends on the seed alone."""
    return float(seed % 7)


def curious(x: list[float]) -> Score:
    """What it can see of the world."""
    with socket.socket() as line:
        line.settimeout(1)
        told = line.connect_ex(("127.0.0.1", round(x[1] * 100_000)))
    seen = {"environment": sorted(os.environ), "here": os.getcwd(), "home": os.environ["HOME"], "line": told}
    seen["open"] = sorted(
        os.readlink(f"/proc/self/fd/{each}") for each in os.listdir("/proc/self/fd") if _open(each)
    )
    return Score(0.0, said=seen)


def _open(number: str) -> bool:
    return os.path.exists(f"/proc/self/fd/{number}") or os.path.lexists(f"/proc/self/fd/{number}")


def right(rows: list[tuple[str, str, str]]) -> float:
    """Share of right answers."""
    return sum(expected == answer for _, expected, answer in rows) / len(rows)


@problem
def walled(*, wall_s: float = 0.4) -> Problem:
    """Two numbers."""
    return Problem(
        name="walled",
        question="What?",
        artifact=Vector(0.0, 1.0, (2,)),
        stages=(
            Stage("plain", plain),
            Stage("moody", moody, wall_s=wall_s),  # type: ignore[arg-type]
            Stage("many", many, batch=True, wall_s=wall_s),  # type: ignore[arg-type]
            Stage("noisy", noisy, repeats=5),
            Stage("curious", curious),
        ),
        objective=Objective("sum"),
        axes=(Axis("x", 0, 1),),
        allowance=Allowance(evaluations=10),
    )


@problem
def asked() -> Problem:
    """A prompt."""
    return Problem(
        name="asked",
        question="What?",
        artifact=Prompt("Answer: {input}"),
        stages=(Stage("right", right, samples=(("1+1", "2"), ("2+2", "4"))),),
        objective=Objective("share"),
        allowance=Allowance(evaluations=10),
    )
