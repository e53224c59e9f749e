"""What is told of a mission: asked, done, checked, refused, decided, spent, by whom.

One rule: it says what the journal says, good and bad alike, and every reader finds the same parts in the same order.
"""

from firm.org.artifact import Artifact
from firm.org.deliver.block import Account, Badge, Block, Drawing, Mood, Part, Result, Words
from firm.org.deliver.diagram import diagram
from firm.org.deliver.figures import money, one_line, size, span
from firm.org.deliver.parcel import Parcel
from firm.org.deliver.share import cost, files, models
from firm.org.deliver.tasks import decisions, goals, refused, tasks
from firm.org.mission import Ending, Outcome
from firm.org.plan import PANEL
from firm.org.words import Say, words

TITLE_CHARS = 140
EXCERPT_CHARS = 4_000
"""Of a text that is shown in the report."""
MOODS: dict[Ending, Mood] = {
    "reached": "good",
    "partly": "plain",
    "not reached": "bad",
    "refused": "bad",
    "cannot": "bad",
}

SAYS: dict[Ending, str] = {
    "reached": "What was asked for was made: everything that was to be delivered is here ({made} of {all}).",
    "partly": "What was asked for was made in part: {made} of {all} results are here.",
    "not reached": "What was asked for was not made: {made} of {all} results are here.",
    "refused": "It was not carried out.",
    "cannot": "It cannot be met as it was asked.",
}


def account(outcome: Outcome, parcel: Parcel, firm_name: str) -> Account:
    """The report of a mission.

    Args:
        outcome: As it ended.
        parcel: What is delivered.
        firm_name: Whose work it is; '': not said.
    """
    say = words(outcome.language, "firm.org.deliver.chinese")
    parts = (
        results(outcome, parcel, say),
        tasks(outcome, say),
        plan(outcome, say),
        refused(outcome, say),
        decisions(outcome, say),
        facts(outcome, say),
        goals(outcome, say),
        cost(outcome, say),
        models(outcome, say),
        files(parcel, say),
    )
    return Account(
        language=outcome.language,
        title=one_line(outcome.mission.strip().partition("\n")[0], TITLE_CHARS),
        badge=Badge(say(outcome.ending), MOODS[outcome.ending]),
        says=paragraph(outcome, say),
        doubts=doubts(outcome, say),
        figures=figures(outcome, say),
        parts=tuple([part for part in parts if part is not None]),
        closing=" · ".join([one for one in (firm_name, say("run {run}", run=outcome.run)) if one]),
    )


def paragraph(outcome: Outcome, say: Say) -> str:
    """What was asked, and what came of it, in a few sentences."""
    made, wanted = counts(outcome)
    back = sum(not verdict.accept for end in outcome.tasks for verdict in end.verdicts)
    calls = sum(task.role == PANEL for task in outcome.plan.tasks) if outcome.plan is not None else 0
    said = [say(SAYS[outcome.ending], made=made, all=wanted)]
    if made:
        said.append(
            say("Each result was checked by a program, or by somebody other than its maker, and accepted.")
        )
    if back:
        said.append(
            say("Work was sent back once." if back == 1 else "Work was sent back {count} times.", count=back)
        )
    if calls:
        one = calls == 1
        told = (
            "One close call was put to the founder."
            if one
            else "{count} close calls were put to the founder."
        )
        said.append(say(told, count=calls))
    took = {"span": span(outcome.took_s, say), "usd": money(outcome.spent_usd_micro, say)}
    said.append(say("It took {span} and {usd}.", **took))
    return ("" if outcome.language == "zh" else " ").join(said)


def counts(outcome: Outcome) -> tuple[int, int]:
    """Results that were made and accepted, and all that were to be delivered."""
    wanted = {task.id for task in outcome.plan.tasks if task.deliver} if outcome.plan is not None else set()
    return sum(end.status == "accepted" for end in outcome.tasks if end.id in wanted), len(wanted)


def doubts(outcome: Outcome, say: Say) -> tuple[str, ...]:
    """Why it was not reached, and what plan it went by."""
    found = [outcome.why] if outcome.why else []
    if outcome.plan is not None and outcome.plan.why:
        found.append(say("The plan is that of the template: {why}", why=outcome.plan.why))
    if any(one.untrusted for one in outcome.artifacts):
        found.append(
            say(
                "It holds what strangers wrote, or was made by who had read it: believe it as you would them."
            )
        )
    return tuple(found)


def figures(outcome: Outcome, say: Say) -> tuple[tuple[str, str], ...]:
    """The first things one wants to know."""
    made, wanted = counts(outcome)
    return (
        (say("results"), say("{made} of {all}", made=made, all=wanted)),
        (say("cost"), money(outcome.spent_usd_micro, say)),
        (say("time"), span(outcome.took_s, say)),
        (say("calls of models"), f"{outcome.calls:,}"),
    )


def results(outcome: Outcome, parcel: Parcel, say: Say) -> Part:
    """What is delivered."""
    title = say("What is delivered")
    if not parcel.artifacts:
        return Part("results", title, (Words(say("Nothing: no result was accepted."), "note"),))
    return Part("results", title, tuple([_result(one, parcel, say) for one in parcel.artifacts]))


def _result(artifact: Artifact, parcel: Parcel, say: Say) -> Result:
    text = artifact.text.strip()
    more = say("… {count} more characters in the file", count=f"{len(text) - EXCERPT_CHARS:,}")
    packed = tuple(parcel.of(artifact.name))
    total = size(sum(one.bytes for one in packed))
    maker = say("by {role} ({how})", role=artifact.maker or "–", how=who(artifact, say))
    return Result(
        artifact=artifact,
        head=f"{maker} · {say('files: {count}', count=len(packed))} · {total}",
        files=packed,
        excerpt=text[:EXCERPT_CHARS],
        more=more if len(text) > EXCERPT_CHARS else "",
    )


def who(artifact: Artifact, say: Say) -> str:
    """How an artifact was made, in a word, with the model's name."""
    how = say(artifact.how)
    return f"{how} {artifact.model}" if artifact.how in ("model", "script") and artifact.model else how


def plan(outcome: Outcome, say: Say) -> Part | None:
    """The plan as a picture, and who made it."""
    made = outcome.plan
    if made is None or not made.tasks:
        return None
    by = {
        "template": say("The plan was a template's, not a model's."),
        "model": say("The plan was made by a model."),
        "person": say("The plan was made by a person."),
    }[made.by]
    blocks: list[Block] = [Words(by, "note")]
    drawn = diagram(made, {end.id: end for end in outcome.tasks}, say)
    if drawn is not None:
        blocks.append(Drawing(drawn, say("the plan, with how each task ended")))
    return Part("plan", say("The plan"), tuple(blocks))


def facts(outcome: Outcome, say: Say) -> Part | None:
    """What was told meanwhile."""
    if not outcome.facts:
        return None
    blocks = tuple([Words(one) for one in outcome.facts])
    return Part("facts", say("What the founder told meanwhile"), blocks)
