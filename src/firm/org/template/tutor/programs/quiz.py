"""The quiz: whether a program can grade it, and its paper.

One rule: a key counts only if it can be worked out again; the paper has nothing of it.
"""

import ast
import math
import operator
from collections.abc import Callable
from typing import Any

from firm.org.artifact import Artifact, Verdict
from firm.org.assignment import Assignment, Made
from firm.org.words import Say

KINDS = ("number", "choice", "words")
LETTERS = "abcdef"
NUMBER = {"en": " (a number)", "zh": "（填数字）"}
"""Behind a question that a number answers."""
MAX_FORMULA_CHARS = 300
_OPERATIONS: dict[type[ast.AST], Callable[..., float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Mod: operator.mod,
    ast.Pow: math.pow,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
}
_FUNCTIONS: dict[str, Callable[..., float]] = {
    "sqrt": math.sqrt,
    "log": math.log,
    "exp": math.exp,
    "round": lambda value, digits=0.0: round(value, int(digits)),
    "min": min,
    "max": max,
    "abs": abs,
}
CHINESE = {
    "question {id}: {why}": "第{id}题：{why}",
    "two questions have this id": "编号重复",
    "the objective {name!r} is not one to be tested; these are: {wanted}": "目标{name!r}不在范围内；应考：{wanted}",
    "kind {kind!r}; give one of {kinds}": "题型{kind!r}；应为{kinds}之一",
    "the answer {answer!r} is no number": "答案{answer!r}不是数字",
    "the formula {formula!r} cannot be worked out: {why}": "算式{formula!r}算不出来：{why}",
    "the formula gives {value:g}, the key says {answer:g}": "算式得{value:g}，而答案写的是{answer:g}",
    "the tolerance {tolerance!r} must be a number, at least 0": "容差{tolerance!r}应为不小于0的数",
    "it needs two to six options, all different": "需要二至六个互不相同的选项",
    "the answer {answer!r} is the letter of no option": "答案{answer!r}不是任何选项的字母",
    "`accept` is empty; say which answers are right": "`accept`为空；请写出哪些回答算对",
    "it gives its answer {answer!r} away": "题目里泄露了答案{answer!r}",
    "{name}: guessing is enough; ask a number, a word, or two choices": "{name}：猜就能答对；请出数字题或两道选择题",
    "{count} questions on {wanted}; {sums} keys worked out again": "{count}题，考{wanted}；重新计算了{sums}个答案",
    "question {id} was asked in the first quiz; ask about another case": "第{id}题第一份卷子已考过；请换一个情形",
    "{count} questions compared with the {old} of the first quiz": "{count}题与第一份卷子的{old}题比较",
    "question {id} is not on it as it was asked": "第{id}题与原题不一致",
    "it says more than the questions: {line!r}": "除题目外还有别的内容：{line!r}",
    "{count} questions, line by line": "逐行核对了{count}题",
}


def is_gradable(given: Assignment, made: Artifact) -> Verdict:
    """Whether every objective is tested beyond guessing, and every key is right."""
    say = Say(given.language, CHINESE)
    questions, wanted = made.data["questions"], _wanted(given)
    ids = [str(one["id"]) for one in questions]
    reasons = []
    for one in questions:
        whys = ["two questions have this id"] if ids.count(str(one["id"])) > 1 else []
        found = [say(why) for why in whys] + _faults(one, wanted, say)
        reasons += [say("question {id}: {why}", id=one["id"], why=why) for why in found]
    for name in wanted:
        kinds = [one["kind"] for one in questions if one["objective"] == name]
        if not ({"number", "words"} & set(kinds) or kinds.count("choice") >= 2):
            phrase = "{name}: guessing is enough; ask a number, a word, or two choices"
            reasons.append(say(phrase, name=name))
    sums = sum(one["kind"] == "number" for one in questions)
    phrase = "{count} questions on {wanted}; {sums} keys worked out again"
    return _verdict("is_gradable", reasons, say(phrase, count=len(ids), wanted=", ".join(wanted), sums=sums))


def _wanted(given: Assignment) -> list[str]:
    """Objectives to be tested: the weak ones, where a first quiz has found some."""
    grades = given.by_name.get("grades")
    weak: list[str] = grades.data["weak"] if grades is not None else []
    return weak or [one["id"] for one in given.input("outline").data["objectives"]]


def _faults(one: dict[str, Any], wanted: list[str], say: Say) -> list[str]:
    found = []
    if one["objective"] not in wanted:
        phrase = "the objective {name!r} is not one to be tested; these are: {wanted}"
        found.append(say(phrase, name=one["objective"], wanted=", ".join(wanted)))
    judge = {"number": _of_number, "choice": _of_choice, "words": _of_words}.get(one["kind"])
    if judge is None:
        return [*found, say("kind {kind!r}; give one of {kinds}", kind=one["kind"], kinds=", ".join(KINDS))]
    return found + judge(one, say)


def _of_number(one: dict[str, Any], say: Say) -> list[str]:
    answer, tolerance, formula = one.get("answer"), one.get("tolerance", 0), str(one.get("formula", ""))
    if not isinstance(answer, int | float) or not _is_number(answer):
        return [say("the answer {answer!r} is no number", answer=answer)]
    if not _is_number(tolerance) or tolerance < 0:
        return [say("the tolerance {tolerance!r} must be a number, at least 0", tolerance=tolerance)]
    try:
        value = worked_out(formula)
    except ValueError as error:
        return [say("the formula {formula!r} cannot be worked out: {why}", formula=formula, why=error)]
    if abs(value - answer) > max(tolerance, 1e-9 * abs(answer)):
        return [say("the formula gives {value:g}, the key says {answer:g}", value=value, answer=answer)]
    return _given_away(one, [f"{answer:g}", str(answer)], say)


def _of_choice(one: dict[str, Any], say: Say) -> list[str]:
    options = [str(option) for option in one.get("options", ())]
    if not 2 <= len(options) <= len(LETTERS) or len(set(options)) < len(options):
        return [say("it needs two to six options, all different")]
    if str(one.get("answer", "")) not in list(LETTERS[: len(options)]):
        return [say("the answer {answer!r} is the letter of no option", answer=one.get("answer"))]
    return []


def _of_words(one: dict[str, Any], say: Say) -> list[str]:
    accept = [str(word) for word in one.get("accept", ()) if str(word).strip()]
    if not accept:
        return [say("`accept` is empty; say which answers are right")]
    return _given_away(one, accept, say)


def _given_away(one: dict[str, Any], answers: list[str], say: Say) -> list[str]:
    asks = f" {one['asks'].casefold()} "
    for answer in answers:
        place = asks.find(answer.casefold())
        if place > 0 and not any(_joins(mark) for mark in (asks[place - 1], asks[place + len(answer)])):
            return [say("it gives its answer {answer!r} away", answer=answer)]
    return []


def _joins(mark: str) -> bool:
    return mark.isascii() and (mark.isalnum() or mark in ".,")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def worked_out(formula: str) -> float:
    """The value of a formula of numbers, + - * / % ** and a few functions.

    Raises:
        ValueError: it has anything else, or no finite value.
    """
    if len(formula) > MAX_FORMULA_CHARS:
        raise ValueError(f"longer than {MAX_FORMULA_CHARS} characters")
    try:
        value = _value(ast.parse(formula.strip(), mode="eval").body)
    except (SyntaxError, ArithmeticError, TypeError, RecursionError) as error:
        raise ValueError(str(error) or type(error).__name__) from None
    if isinstance(value, complex) or not math.isfinite(value):
        raise ValueError("it has no finite value")
    return value


def _value(node: ast.expr) -> float:
    match node:
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            return float(value)
        case ast.BinOp(left, op, right) if type(op) in _OPERATIONS:
            return _OPERATIONS[type(op)](_value(left), _value(right))
        case ast.UnaryOp(op, operand) if type(op) in _OPERATIONS:
            return _OPERATIONS[type(op)](_value(operand))
        case ast.Call(ast.Name(name), args, []) if name in _FUNCTIONS:
            return float(_FUNCTIONS[name](*[_value(one) for one in args]))
    raise ValueError(f"{ast.unparse(node)!r} is no number and no operation that is known")


def is_new(given: Assignment, made: Artifact) -> Verdict:
    """Whether no question of the first quiz is asked again."""
    say = Say(given.language, CHINESE)
    old = {"".join(one["asks"].split()).casefold() for one in given.input("quiz").data["questions"]}
    questions = made.data["questions"]
    phrase = "question {id} was asked in the first quiz; ask about another case"
    reasons = [
        say(phrase, id=one["id"]) for one in questions if "".join(one["asks"].split()).casefold() in old
    ]
    seen = say(
        "{count} questions compared with the {old} of the first quiz", count=len(questions), old=len(old)
    )
    return _verdict("is_new", reasons, seen)


# --- the paper -----------------------------------------------------------------------------------------------------


def paper(given: Assignment) -> Made:
    """The questions of the quiz, for the learner."""
    return Made(text=paper_of(given.inputs[0].data["questions"], given.language))


def paper_of(questions: list[dict[str, Any]], language: str = "en") -> str:
    """Questions as they are printed: number, words, whether a number is wanted, options."""
    return "\n\n".join("\n".join(_lines(one, language)) for one in questions)


def _lines(one: dict[str, Any], language: str) -> list[str]:
    number = NUMBER[language] if one["kind"] == "number" else ""
    options = one.get("options", ()) if one["kind"] == "choice" else ()
    shown = [f"   {letter}) {option}" for letter, option in zip(LETTERS, options, strict=False)]
    return [f"{one['id']}. {' '.join(one['asks'].split())}{number}", *shown]


def has_no_key(given: Assignment, made: Artifact) -> Verdict:
    """Whether the paper is the questions and nothing else."""
    say = Say(given.language, CHINESE)
    questions = given.inputs[0].data["questions"]
    wanted = [line for one in questions for line in _lines(one, given.language)]
    lines = [line for line in made.text.splitlines() if line.strip()]
    reasons = [
        say("it says more than the questions: {line!r}", line=line) for line in lines if line not in wanted
    ]
    missing = [
        one["id"] for one in questions if any(line not in lines for line in _lines(one, given.language))
    ]
    reasons += [say("question {id} is not on it as it was asked", id=name) for name in missing]
    return _verdict("has_no_key", reasons, say("{count} questions, line by line", count=len(questions)))


def _verdict(by: str, reasons: list[str], seen: str) -> Verdict:
    return Verdict(accept=not reasons, by=by, reasons=tuple(reasons), evidence=(seen,))
