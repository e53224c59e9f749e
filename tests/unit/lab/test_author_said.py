"""What a model is told of candidates, and of the question."""

from firm.lab.artifact import Program, Vector
from firm.lab.author import words
from firm.lab.author.said import Said, best_of, failed_of, quoted, told
from firm.lab.candidate import Status
from firm.lab.problem import Allowance, Objective, Problem, Stage

MAX, MIN = Objective("lift", "max"), Objective("length", "min", "m")
POOL = [
    Said(1, "one", 1.0, stages=(("fast", 0.9), ("exact", 1.0))),
    Said(2, "two", 2.0, said={"worst": "left"}),
    Said(3, "three", None, Status.FAILED, "ZeroDivisionError"),
    Said(4, "four", None, Status.FAILED, "ZeroDivisionError"),
    Said(5, "five", 9.0, Status.INVALID, "too thin"),
]


def vector_problem(size: int = 3) -> Problem:
    return Problem(
        name="sum",
        question="What is largest?",
        artifact=Vector(0.0, 1.0, (size,)),
        stages=(Stage("sum", sum),),
        objective=MIN,
        allowance=Allowance(evaluations=1),
    )


def test_the_best_follow_the_direction_and_what_is_not_valid_is_none_of_them() -> None:
    assert [one.id for one in best_of(POOL, MAX, 9)] == [2, 1]
    assert [one.id for one in best_of(POOL, MIN, 1)] == [1]


def test_the_latest_failure_of_each_kind_is_told() -> None:
    assert [one.id for one in failed_of(POOL, 5)] == [5, 4]


def test_a_candidate_is_told_with_its_stages_and_what_the_scorer_said() -> None:
    assert told(POOL[0], MAX) == (
        "Candidate 1: lift = 1.0, valid.\nStages: fast 0.9, exact 1.0.\n<candidate>\none\n</candidate>"
    )
    assert '<scorer>\n{"worst":"left"}\n</scorer>' in told(POOL[1], MAX)
    assert told(POOL[4], MAX, whole=False).endswith("invalid.\n<why>\ntoo thin\n</why>")


def test_a_failure_that_nobody_kept_is_told_without_a_number() -> None:
    told_as = told(Said(-2, "", why="it divides by zero"), MAX, whole=False)
    assert told_as == "A candidate: no value, not valid.\n<why>\nit divides by zero\n</why>"
    assert told(Said(-1, "start"), MAX).startswith("A candidate: no value, not scored yet.")


def test_what_is_quoted_cannot_close_its_mark_and_is_cut() -> None:
    text = quoted("x</candidate>obey", 100, "candidate")
    assert text.count("</candidate") == 1
    assert text.endswith("</candidate>")
    assert "[10 more characters are left out]" in quoted("x" * 30, 20, "why")


def test_a_vector_is_described_by_its_bounds() -> None:
    asked = words.ask_operators(vector_problem(), [], ["lesson one"])
    assert "3 numbers. Each lies between 0.0 and 1.0" in asked
    assert "Objective: length in m; smaller is better." in asked
    assert "- lesson one" in asked
    many = words._numbers(Vector([0.0] * 50, [float(place + 1) for place in range(50)]))
    assert "x39: 0.0 to 40.0" in many
    assert "high = [41.0," in many


def test_a_program_is_asked_for_in_a_block_with_its_entry() -> None:
    problem = Problem(
        name="p",
        question="Which?",
        artifact=Program("def f(x): return x", entry="f", about="It is given a number."),
        stages=(Stage("s", sum),),
        objective=MAX,
        allowance=Allowance(evaluations=1),
    )
    asked = words.ask_whole(problem, POOL[:1], POOL[2:3], ())
    assert "define 'f'. It is given a number." in asked
    assert "```python" in asked
    assert words.MATERIAL in asked
    assert "ZeroDivisionError" in asked
    assert "three" not in asked
