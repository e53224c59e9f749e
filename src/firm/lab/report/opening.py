"""The first screen of a report: labels, claim, figures, how to make it again, the picture.

One rule: what limits the claim stands beside it, not further down.
"""

from firm.lab.report.claim import best_baseline, claim, digits_of, labels, reproduce
from firm.lab.report.figures import number, seconds, with_unit
from firm.lab.report.layout import note, section
from firm.lab.report.markup import Html, join, tag
from firm.lab.report.picture import picture
from firm.lab.report.story import Champion, Measured, Story
from firm.lab.report.words import Say


def head(story: Story, say: Say) -> Html:
    """Labels, name, claim and the figures that matter."""
    badges = join((tag("span", label, cls=f"badge {kind}") for label, kind in labels(story, say)), " ")
    figures = [tag("div", tag("dt", name), tag("dd", value)) for name, value in _figures(story, say)]
    return tag(
        "header",
        tag("p", badges, cls="badges"),
        tag("h1", story.asked.name),
        tag("p", claim(story, say), cls="claim"),
        tag("p", story.asked.question, cls="lead"),
        tag("dl", *figures, cls="figures"),
        *(tag("p", doubt, cls="doubt") for doubt in _doubts(story, say)),
    )


def _figures(story: Story, say: Say) -> list[tuple[str, str]]:
    goal, digits = story.asked.objective, digits_of(story)
    rows: list[tuple[str, str]] = []
    if story.champion is not None:
        rows.append((goal.name, with_unit(story.champion.value, goal, digits)))
    if (baseline := best_baseline(story)) is not None:
        rows.append((say("best baseline"), with_unit(baseline.value, goal, digits)))
    if story.known is not None:
        rows.append((say("best known"), with_unit(story.known.value, goal, digits)))
    if story.law is not None:
        rows.append((say("experiments"), f"{story.law.experiments:,}"))
    if story.spent.evaluations:
        rows.append((say("candidates"), f"{story.spent.evaluations:,}"))
    if story.spent.cpu_s or story.law is None:
        rows.append((say("processor time"), seconds(story.spent.cpu_s)))
    if story.spent.usd:
        rows.append((say("money"), f"{number(story.spent.usd, 4)} USD"))
    return rows


def _doubts(story: Story, say: Say) -> list[str]:
    """What a reader has to know before believing it."""
    found = []
    best = story.champion
    if best is not None and best.standing == "provisional":
        why = best.standing_why or say("it was not scored again by what verifies")
        found.append(say("Provisional: {why}.", why=why.rstrip(".")))
    if best is not None and best.dead:
        names = ", ".join(best.dead[:12])
        found.append(
            say("The score does not depend on {names}; something may not be looked at.", names=names)
        )
    if open_ones := [one for one in story.quarantined if not one.answer]:
        count = f"{len(open_ones):,}"
        found.append(say("Set aside as too good to be true, and not counted: {count}.", count=count))
    if len(story.ran.lineages) > 1:
        count = str(len(story.ran.lineages) - 1)
        found.append(
            say("Its evaluator was changed on the way ({count} times); see the hashes.", count=count)
        )
    return found


def again(story: Story, say: Say) -> Html:
    """How to make it again."""
    allowance = story.asked.allowance
    by_count = set(allowance) == {"evaluations"} and story.ran.workers == 1
    by_count = by_count or story.law is not None
    exact = "With this many evaluations and one worker the same candidates come again."
    if story.law is not None:
        exact = "With this many experiments the same ones are made again."
    near = (
        "A limit of time ends where the machine has got to, so the last digits may differ; "
        "with --evaluations and --workers 1 the same candidates come again."
    )
    file = say("The file's hash is at the end of this page.")
    return section(
        say("How to make it again"),
        tag("pre", reproduce(story), cls="line-of-code"),
        note(say.sentences(say(exact if by_count else near), file)),
        name="again",
    )


def shown(story: Story, say: Say) -> Html:
    """The picture of the winner, and what each stage said of it."""
    if story.champion is None:
        artifact = story.nearest.artifact if story.nearest else None
        inner = [note(say("There is no winner to show."))]
        inner += [artifact_box(artifact, say("The nearest miss"))] if artifact is not None else []
        return section(say("The winner"), *inner, name="winner")
    best = story.champion
    drawn = picture(best.picture, say("the winner"))
    return section(
        say("The winner"),
        drawn,
        _said(story, best, say),
        artifact_box(best.artifact, say("The artifact")),
        name="winner",
    )


def _said(story: Story, best: Champion, say: Say) -> Html:
    goal, digits = story.asked.objective, max(8, digits_of(story))
    rows = [_measured(say("stage {name}", name=one.stage), one, story, say) for one in best.stages]
    if best.verified is not None:
        rows.append(_measured(say("verified by {name}", name=best.verified.stage), best.verified, story, say))
    if best.holdout is not None:
        rows.append(
            _measured(say("hold-out, scored once: {name}", name=best.holdout.stage), best.holdout, story, say)
        )
    rows += [[name, number(value, digits), ""] for name, value in best.others.items()]
    rows += [
        [say("{name} is met by", name=name), number(slack), ""] for name, slack in best.constraints.items()
    ]
    rows += [[name, _short(value), ""] for name, value in list(best.said.items())[:20]]
    said = tag(
        "dl",
        *(tag("div", tag("dt", f"{name} {trust}"), tag("dd", value)) for name, value, trust in rows),
        cls="said",
    )
    if best.interval is not None:
        low, high = number(best.interval.low, digits), number(best.interval.high, digits)
        share = f"{best.interval.level:.0%}"
        words = say(
            "The {objective} is noisy: {low} to {high} ({share} interval, {draws} draws).",
            objective=goal.name,
            low=low,
            high=high,
            share=share,
            draws=f"{best.interval.draws:,}",
        )
        return join([said, note(words)])
    return said


def _measured(name: str, one: Measured, story: Story, say: Say) -> list[str]:
    value = with_unit(one.value, story.asked.objective, max(8, digits_of(story)))
    if one.interval is not None:
        value += f" [{number(one.interval.low)}, {number(one.interval.high)}]"
    return [name, value, f"({say(LABEL_OF[one.trust])})"]


LABEL_OF = {"exact": "exact", "second solver": "second solver", "surrogate": "surrogate", "judged": "judged"}


def artifact_box(artifact: object, title: str) -> Html:
    """An artifact in full, folded away."""
    return tag("details", tag("summary", title), tag("pre", written(artifact)))


def written(artifact: object) -> str:
    """An artifact as it is kept: a text as it is, else JSON whose numbers read back as the same numbers."""
    import json

    shown = artifact if isinstance(artifact, str) else json.dumps(artifact, ensure_ascii=False, default=str)
    if isinstance(artifact, list) and artifact and isinstance(artifact[0], list):
        rows = (json.dumps(row, ensure_ascii=False, default=str) for row in artifact)
        shown = "[" + ",\n ".join(rows) + "]"
    return shown if len(shown) <= MAX_ARTIFACT else shown[:MAX_ARTIFACT] + "\n…"


MAX_ARTIFACT = 200_000
"""Characters of an artifact that the page shows; the JSON has all of it."""


def _short(value: object) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return number(float(value))
    text = written(value)
    return text if len(text) <= 200 else text[:199] + "…"
