"""The check of hypotheses before anything is measured.

One rule: what no reading could refute, or what cannot be compared with a reading, is no hypothesis.
"""

from typing import Any

from lab_instruments import named

from firm.errors import UsageError
from firm.lab.phenomenon.expression import Expr, numbers, parse, shape, variables
from firm.org.artifact import Artifact, Verdict
from firm.org.assignment import Assignment
from firm.org.words import Say

MOST_NUMBERS = 6
"""That one formula may have fitted."""
CHINESE = {
    "the theorist says: {why}": "理论员说：{why}",
    "the instruments there are": "现有的仪器",
    "{count} formulas read, with the quantities of {name}": "读了 {count} 个公式，所用的量属于 {name}",
    "two hypotheses have the id {name!r}": "有两个假设的 id 都是 {name!r}",
    "{id} has the form of {twin}: they differ in numbers alone, and these are fitted": (
        "{id} 与 {twin} 形式相同：只有数字不同，而数字是拟合出来的"
    ),
    "it has {output}, which it is to give": "其中含有 {output}，而这正是它要给出的量",
    "it has {count} numbers to be fitted; at most {most}, or it fits anything": (
        "其中有 {count} 个待拟合的数；至多 {most} 个，否则什么都能拟合"
    ),
}
ENGLISH = Say("en", CHINESE)


def can_be_tested(given: Assignment, made: Artifact) -> Verdict:
    """Whether the instrument is there, and each formula can be read and differs from the others."""
    say = Say(given.language, CHINESE)
    try:
        instrument = named(given.input("instruments").data["instruments"], made.data["instrument"])
    except UsageError as error:
        why = str(made.data.get("why", "")).strip()
        reasons = [str(error), *([say("the theorist says: {why}", why=why)] if why else [])]
        seen = say("the instruments there are")
        return Verdict(accept=False, by="can_be_tested", reasons=tuple(reasons), evidence=(seen,))
    found = made.data["hypotheses"]
    names = [one["name"] for one in instrument["inputs"]]
    reasons = faults_of(found, names, instrument["output"]["name"], say)
    told = "{count} formulas read, with the quantities of {name}"
    seen = say(told, count=len(found), name=instrument["name"])
    return Verdict(accept=not reasons, by="can_be_tested", reasons=tuple(reasons), evidence=(seen,))


def faults_of(
    hypotheses: list[dict[str, Any]], names: list[str], output: str, say: Say = ENGLISH
) -> list[str]:
    """What is wrong with them."""
    reasons, forms, ids = [], dict[str, str](), [one["id"] for one in hypotheses]
    twice = [name for name in dict.fromkeys(ids) if ids.count(name) > 1]
    reasons += [say("two hypotheses have the id {name!r}", name=name) for name in twice]
    for one in hypotheses:
        try:
            formula = formula_of(one["formula"], names)
        except UsageError as error:
            reasons.append(f"{one['id']}: {error}")
            continue
        reasons += [f"{one['id']}: {fault}" for fault in _faults_of_formula(formula, output, say)]
        twin = forms.setdefault(shape(formula), one["id"])
        if twin != one["id"]:
            alike = "{id} has the form of {twin}: they differ in numbers alone, and these are fitted"
            reasons.append(say(alike, id=one["id"], twin=twin))
    return reasons


def formula_of(text: str, names: list[str]) -> Expr:
    """A formula in these quantities.

    Raises:
        UsageError: it cannot be read.
    """
    return parse(str(text), frozenset(names))


def _faults_of_formula(formula: Expr, output: str, say: Say) -> list[str]:
    found = []
    if output in variables(formula):
        found.append(say("it has {output}, which it is to give", output=output))
    if (count := len(numbers(formula))) > MOST_NUMBERS:
        many = "it has {count} numbers to be fitted; at most {most}, or it fits anything"
        found.append(say(many, count=count, most=MOST_NUMBERS))
    return found
