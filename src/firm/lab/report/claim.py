"""The claim of a report in one sentence, its labels, and the line that makes it again.

One rule: a claim is never stronger than the word it rests on. A surrogate's word is called that; what was not scored
again is provisional; and where nothing was found the sentence says so in the same place.
"""

import shlex
from collections.abc import Mapping
from typing import Any

from firm.lab.report.figures import better_by, digits_for, level, number, percent, with_unit
from firm.lab.report.story import Beside, Champion, Law, Story
from firm.lab.report.words import Say

LABELS = {
    "exact": "exact",
    "second solver": "second solver",
    "surrogate": "surrogate only",
    "judged": "judged",
}
"""Trust, as a label."""
BY = {
    "exact": "proven by exact arithmetic",
    "second solver": "confirmed by a second solver",
    "surrogate": "by the word of a surrogate only",
    "judged": "by the opinion of a judge",
}
"""Trust, as the end of a sentence."""
OPTIONS = {
    "evaluations": "--evaluations",
    "experiments": "--evaluations",
    "cpu_s": "--cpu-s",
    "wall_s": "--wall-s",
    "usd": "--usd",
}


def claim(story: Story, say: Say) -> str:
    """The sentence."""
    if story.law is not None:
        return _law_claim(story.law, say)
    if story.champion is None:
        return _nothing(story, say)
    best, goal = story.champion, story.asked.objective
    digits = digits_of(story)
    known = _against_known(story, best, say)
    baseline = best_baseline(story)
    if baseline is not None and story.known is not None and baseline.value == story.known.value:
        known = ""
    clauses = [_against(best.value, baseline, story, say) if baseline else "", known]
    value = with_unit(best.value, goal, digits)
    begin = say("{objective} {value} was found", objective=goal.name, value=value)
    trust = say(BY[best.trust])
    if best.standing == "provisional":
        trust = say("{trust}, and provisional", trust=trust)
    middle = say(", ").join([begin, *(clause for clause in clauses if clause)])
    said = say("{claim}: {trust}.", claim=middle, trust=trust)
    return said[:1].upper() + said[1:]


def digits_of(story: Story) -> int:
    """Significant digits that tell the values of a story apart."""
    values = [beside.value for beside in story.baselines] + [other.value for other in story.equal_cost]
    values += [story.champion.value if story.champion else None, story.bound]
    return digits_for([*values, story.known.value if story.known else None])


def best_baseline(story: Story) -> Beside | None:
    """The baseline that is hardest to beat."""
    sign = 1.0 if story.asked.objective.direction == "max" else -1.0
    valid = [beside for beside in story.baselines if beside.value is not None]
    return max(valid, key=lambda beside: sign * (beside.value or 0.0), default=None)


def _against(value: float, other: Beside, story: Story, say: Say) -> str:
    goal, reference = story.asked.objective, other.value or 0.0
    words = {"name": other.name, "value": with_unit(reference, goal, digits_of(story))}
    gain = better_by(value, reference, goal)
    if value == reference:
        return say("no better than the best baseline ({name}: {value})", **words)
    if gain is None:
        ahead = (value > reference) == (goal.direction == "max")
        phrase = "better than the best baseline ({name}: {value})"
        return say(phrase if ahead else "worse than the best baseline ({name}: {value})", **words)
    phrase = "{share} better than the best baseline ({name}: {value})"
    return say(
        phrase if gain > 0 else "{share} worse than the best baseline ({name}: {value})",
        share=percent(gain),
        **words,
    )


def _against_known(story: Story, best: Champion, say: Say) -> str:
    if story.known is None:
        return ""
    goal, known = story.asked.objective, story.known.value
    words = {"value": with_unit(known, goal, digits_of(story))}
    if level(best.value, known):
        return say("level with the best that is known ({value})", **words)
    gain = better_by(best.value, known, goal)
    if gain is None:
        ahead = (best.value > known) == (goal.direction == "max")
        phrase = "better than the best that is known ({value})"
        return say(phrase if ahead else "short of the best that is known ({value})", **words)
    phrase = "{share} better than the best that is known ({value})"
    return say(
        phrase if gain > 0 else "{share} short of the best that is known ({value})",
        share=percent(gain),
        **words,
    )


def _nothing(story: Story, say: Say) -> str:
    nearest = story.nearest
    if story.quarantined:
        doubt = story.quarantined[0]
        return say(
            "Nothing is claimed; {count} candidates are in quarantine, the first because {why}.",
            count=f"{len(story.quarantined):,}",
            why=doubt.why.rstrip("."),
        )
    if story.spent.valid:
        passed = f"{story.spent.valid:,}"
        return say(
            "Nothing is claimed; {count} candidates seemed valid, and none that was tried again held.",
            count=passed,
        )
    if nearest is None or nearest.missed is None or not nearest.constraint:
        made = f"{story.spent.evaluations:,}"
        return say("No valid candidate was found; of {count} none could be scored at all.", count=made)
    return say(
        "No valid candidate was found; the nearest missed “{constraint}” by {missed}.",
        constraint=nearest.constraint,
        missed=number(nearest.missed),
    )


def _law_claim(law: Law, say: Say) -> str:
    if law.verdict == "unsure" and not law.expression:
        return say("No law was found for {quantity}: {why}.", quantity=law.quantity, why=law.why.rstrip("."))
    why = law.why.rstrip(".")
    words = {"quantity": law.quantity, "law": law.expression, "why": why, "domain": law.domain}
    if law.verdict == "unsure":
        return say(
            "No law was found that one can be sure of; the best guess is {quantity} = {law}: {why}.", **words
        )
    if law.domain:
        return say("{quantity} = {law} holds for {domain}: {why}.", **words)
    return say("{quantity} = {law} holds where it was tried: {why}.", **words)


def labels(story: Story, say: Say) -> list[tuple[str, str]]:
    """(label, CSS class) of what stands above the claim."""
    found: list[tuple[str, str]] = []
    if story.law is not None:
        sure = story.law.verdict == "found"
        found.append((say("found") if sure else say("unsure"), "sure" if sure else "doubt"))
    elif story.champion is not None:
        trust, standing = story.champion.trust, story.champion.standing
        found.append((say(LABELS[trust]), "sure" if trust in ("exact", "second solver") else "doubt"))
        found.append((say(standing), "sure" if standing == "verified" else "doubt"))
    else:
        found.append((say("nothing found"), "doubt"))
    if story.checked is None:
        found.append((say("not checked against the literature"), "doubt"))
    else:
        found.append((say("checked against the literature"), "sure"))
    return found


def reproduce(story: Story) -> str:
    """The line that runs the search again."""
    asked, ran = story.asked, story.ran
    words = ["firm", "lab", asked.file]
    for name, value in asked.settings.items():
        words += ["--set", f"{name}={_typed(value)}"]
    words += ["--seed", str(ran.seed)]
    if len(story.seeds) > 1:
        words += ["--seeds", str(len(story.seeds))]
    words += _limits(asked.allowance)
    if ran.workers:
        words += ["--workers", str(ran.workers)]
    return shlex.join(words)


def _limits(allowance: Mapping[str, float]) -> list[str]:
    return [
        word
        for name, option in OPTIONS.items()
        if name in allowance
        for word in (option, f"{allowance[name]:.12g}")
    ]


def _typed(value: Any) -> str:
    return value if isinstance(value, str) else repr(value)
