"""The part of a report about a black box: the law, where it holds, the evidence, and what was ruled out.

One rule: a law that one cannot be sure of is shown as that, with what spoke for and against it.
"""

from firm.lab.report.chart import Axes, Line, chart, roomy
from firm.lab.report.figures import number
from firm.lab.report.layout import note, section, table
from firm.lab.report.markup import Html, tag
from firm.lab.report.story import Input, Law, Story, Trial
from firm.lab.report.words import Say

MAX_TRIALS = 30
MAX_RIVALS = 20
MAX_POINTS = 2_000


def law(story: Story, say: Say) -> Html | None:
    """The section; None where no law was looked for."""
    found = story.law
    if found is None:
        return None
    expression = f"{found.quantity} = {found.expression}" if found.expression else say("no law")
    facts = [
        (say("verdict"), say(found.verdict)),
        (say("where it is claimed"), found.domain or say("where it was tried")),
        (say("error on what it was not fitted to"), say("{error} × the noise", error=number(found.error, 3))),
        (say("noise of the box"), found.noise_said or number(found.noise, 3)),
        (say("experiments"), f"{found.experiments:,}"),
    ]
    if found.price:
        facts.append((say("price of them"), f"{number(found.price, 4)} {found.price_unit}".strip()))
    listed = tag("dl", *(tag("div", tag("dt", name), tag("dd", value)) for name, value in facts), cls="said")
    parts = [
        _agreement(found, say),
        _constants(found, say),
        _inputs(found, say),
        _trials(found, say),
        _rivals(found, say),
    ]
    return section(
        say("The law"), tag("pre", expression, cls="law"), tag("p", found.why), listed, *parts, name="law"
    )


def _agreement(found: Law, say: Say) -> Html | None:
    points, outside = found.points[:MAX_POINTS], found.points_outside[:MAX_POINTS]
    if not points and not outside:
        return None
    span = roomy([value for point in (*points, *outside) for value in point])
    across, up = (
        say("{quantity}, by the law", quantity=found.quantity),
        say("{quantity}, by the box", quantity=found.quantity),
    )
    axes = Axes(across, up, say("{up} against {across}", up=up, across=across), span, span)
    return chart(
        axes,
        [
            Line([(span[0], span[0]), (span[1], span[1])], "limit"),
            Line([], "found", points),
            Line([], "other", outside),
        ],
    )


def _constants(found: Law, say: Say) -> Html | None:
    if not found.constants:
        return None
    rows = [
        [name, number(one.low), number(one.high), f"{one.level:.0%}"] for name, one in found.constants.items()
    ]
    return table([say("constant"), say("from"), say("to"), say("interval")], rows)


def _inputs(found: Law, say: Say) -> Html | None:
    if not found.inputs:
        return None
    rows = [
        [
            one.name,
            _range(one.low, one.high, one),
            _range(one.seen_low, one.seen_high, one),
            _matters(one, say),
        ]
        for one in found.inputs
    ]
    return table([say("input"), say("range"), say("range that was tried"), say("matters")], rows, first=4)


def _range(low: float | None, high: float | None, one: Input) -> str:
    if low is None or high is None:
        return "–"
    return f"{number(low, 4)} … {number(high, 4)} {one.unit}".strip()


def _matters(one: Input, say: Say) -> str:
    return say({True: "yes", False: "no", None: "not found out"}[one.matters])


def _trials(found: Law, say: Say) -> Html:
    if not found.trials and found.points_outside:
        words = "Hollow circles lie outside the range of the first experiments; each was predicted before it was made."
        return note(say(words))
    if not found.trials:
        return note(say("Nothing was tried to prove it wrong."))
    held = sum(one.held for one in found.trials)
    beyond = sum(one.outside for one in found.trials)
    words = say(
        "{count} experiments were made to prove it wrong, {outside} of them outside the range it was fitted on; "
        "{held} came as predicted.",
        count=len(found.trials),
        outside=beyond,
        held=held,
    )
    shown = sorted(found.trials, key=lambda one: (one.held, not one.outside))[:MAX_TRIALS]
    rows = [
        [
            _inputs_of(one),
            number(one.predicted),
            number(one.seen),
            say("yes") if one.outside else say("no"),
            say("held") if one.held else say("failed"),
        ]
        for one in shown
    ]
    titles = [say("inputs"), say("predicted"), say("seen"), say("outside"), say("verdict")]
    return tag("div", tag("h3", say("Attempts to prove it wrong")), tag("p", words), table(titles, rows))


def _inputs_of(one: Trial) -> str:
    return ", ".join(f"{name} = {number(value, 4)}" for name, value in one.inputs.items())


def _rivals(found: Law, say: Say) -> Html:
    if not found.rivals:
        return note(say("No rival is listed."))
    rows = [
        [
            tag("code", one.law),
            number(one.error, 3),
            number(one.behind, 3),
            say("ruled out") if one.out else say("still stands"),
            one.why,
        ]
        for one in found.rivals[:MAX_RIVALS]
    ]
    titles = [say("law"), say("error / noise"), say("behind by"), "", say("why")]
    return tag("div", tag("h3", say("Rivals")), table(titles, rows))
