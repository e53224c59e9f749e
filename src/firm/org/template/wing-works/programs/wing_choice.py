"""The engineer: puts the close call between the finalists into figures, and writes the letter to the customer.

One rule: every number here comes from the critic or follows from its figures; the words are a template.
"""

from typing import Any

from firm.org.assignment import Assignment, Made
from firm.org.words import Say
from wing_design import Design, design_from, told
from wing_words import words

GLIDE, SPAR = "glide", "spar"
"""The options of the close call, as the workflow names them."""


def weigh(given: Assignment) -> Made:
    """The two finalists beside each other, for whoever decides."""
    say, design = words(given.language), design_from(given)
    kept = given.input("finalists").data["kept"]
    head = say("Two sections hold. Lengths are for a chord of {chord} mm.", chord=f"{design.chord_mm:,.0f}")
    if len(kept) < 2:
        head = say("Only one section holds, so there is nothing to choose; either answer delivers it.")
    lines = [head]
    for option, row in zip((GLIDE, SPAR), kept, strict=False):
        lines.append(f"- {say(f'{option}: {{id}}', id=row['id'])}: {figures(row, design, say)}")
    if len(kept) == 2:
        lines += ["", trade(kept[0], kept[1], say), say("Can be changed later: the other section is kept.")]
    return Made(text="\n".join(lines), how="template")


def figures(row: dict[str, Any], design: Design, say: Say) -> str:
    """What one finalist has to offer."""
    said = say(
        "lift over drag {glide}, {thickness} % thick, {spar} mm for the spar, most lift {most_lift}",
        glide=f"{row['glide']:.1f}",
        thickness=f"{100 * row['thickness']:.1f}",
        spar=f"{row['spar'] * design.chord_mm:.0f}",
        most_lift="–" if row["most_lift"] is None else f"{row['most_lift']:.2f}",
    )
    lost = row["lost_past_stall"]
    if lost is None:
        return said
    share = f"{max(0.0, 100 * lost):.0f}"
    return f"{said}; " + say(
        "{share} % of its lift is gone two degrees past the stall (XFOIL is weak there)", share=share
    )


def trade(first: dict[str, Any], second: dict[str, Any], say: Say) -> str:
    """What the second gives for what it takes: the stiffness of the same caps grows as the square of their distance."""
    return say(
        "For {less} % of the glide the same spar caps are {stiffer} % stiffer in bending.",
        less=f"{100 * (1 - second['glide'] / first['glide']):.1f}",
        stiffer=f"{100 * ((second['spar'] / first['spar']) ** 2 - 1):.0f}",
    )


def chosen_of(given: Assignment) -> dict[str, Any]:
    """The finalist that was decided for; the only one where there is no other.

    Raises:
        ValueError: the critic has kept none.
    """
    kept: list[dict[str, Any]] = given.input("finalists").data["kept"]
    if not kept:
        raise ValueError("the critic has kept no candidate, so there is none to deliver; search longer")
    return kept[-1] if given.input("choice").text.strip() == SPAR else kept[0]


def letter(given: Assignment) -> Made:
    """What was asked, what is delivered, what was thrown out, and how far to believe it."""
    say, design, row = words(given.language), design_from(given), chosen_of(given)
    critic = given.input("finalists").data
    parts = [
        f"# {say('Your wing section')}",
        say("You asked for: {asked}", asked=told(design, given.language).splitlines()[0]),
        say(
            "You get {id}: lift over drag {glide} at {angle}°, {thickness} % thick, {spar} mm high where the spar "
            "stands.",
            id=row["id"],
            glide=f"{row['glide']:.1f}",
            angle=f"{row['angle_deg']:.2f}",
            thickness=f"{100 * row['thickness']:.1f}",
            spar=f"{row['spar'] * design.chord_mm:.0f}",
        ),
        *_compared(row, critic["to_beat"], say),
        _belief(critic, say),
        _decided(given, say),
        *_refused(critic["thrown_out"], say),
    ]
    return Made(text="\n\n".join(parts), how="template")


def _compared(row: dict[str, Any], beat: float, say: Say) -> list[str]:
    found = []
    if beat:
        gain = f"{100 * (row['glide'] / beat - 1):.1f}"
        found.append(
            say(
                "That is {gain} % over {beat}, the best of a catalogue of 2,174 sections, flown the same way.",
                gain=gain,
                beat=f"{beat:.1f}",
            )
        )
    else:
        found.append(
            say(
                "The catalogue was not searched under your conditions, so there is no figure to compare with."
            )
        )
    if row["holdout"] is not None:
        found.append(
            say(
                "In other air (20 % slower, 20 % faster, dirtier), which the search had not seen, it has {holdout} on "
                "average.",
                holdout=f"{row['holdout']:.1f}",
            )
        )
    return found


def _belief(critic: dict[str, Any], say: Say) -> str:
    if critic["second_solver"] == "XFOIL":
        return say(
            "How far to believe it: XFOIL computed it in four sweeps that agree within 4 %. Nothing was measured in a "
            "wind tunnel."
        )
    return say(
        "How far to believe it: it is the word of a surrogate, for there was no second solver here. Expect less."
    )


def _decided(given: Assignment, say: Say) -> str:
    choice = given.input("choice")
    by = choice.data.get("by", "") if isinstance(choice.data, dict) else ""
    if by == "default":
        return say(
            "The choice between the finalists, by default, as nobody answered: {choice}.", choice=choice.text
        )
    return say("The founder's choice between the finalists: {choice}.", choice=choice.text)


def _refused(rows: list[dict[str, Any]], say: Say) -> list[str]:
    if not rows:
        return []
    head = say("{count} other candidates were not delivered:", count=len(rows))
    return [head + "\n\n" + "\n".join(f"- {row['id']}: {row['why']}" for row in rows)]
