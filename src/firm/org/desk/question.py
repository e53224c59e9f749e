"""A close call as the founder reads it: the strongest argument for each side, what each costs, what waiting costs.

One rule: experts' words stand on one line each, behind the expert's name, so that they can pass for nothing else.
"""

from datetime import UTC, datetime

from firm.org.desk.call import CloseCall, Heard, Opinion, Option, one_line
from firm.org.desk.opinion import waiting_words
from firm.org.words import Say, language_of, words

WORDS = "firm.org.desk.chinese"
MAX_CONTEXT_CHARS = 800
"""Of the context in the question; all of it stands in the run (`firm show`)."""


def question_words(call: CloseCall, heard: list[Heard], *, until: datetime | None, why_none: str = "") -> str:
    """The text of the question.

    Args:
        call: What is to be decided.
        heard: What came of asking each expert.
        until: When the default holds, UTC; None: never.
        why_none: Why nobody was asked, where that is so.
    """
    say = words(language_of(call.question), WORDS)
    opinions = [one.opinion for one in heard if one.opinion is not None]
    lines = [call.question.strip(), ""]
    for option in call.options:
        lines += _of_option(option, opinions, say)
    lines += ["", *_of_terms(call, say, until)]
    if not opinions:
        whys = "; ".join(f"{one.expert}: {one.why}" for one in heard) or why_none
        lines.append(say("No expert has an opinion: {why}", why=one_line(whys, 800)))
    elif silent := [one for one in heard if one.opinion is None]:
        whys = "; ".join(f"{one.expert}: {one.why}" for one in silent)
        lines.append(say("Without an opinion: {why}", why=one_line(whys, 800)))
    if context := call.context.strip():
        lines += ["", say("What it is about: {context}", context=one_line(context, MAX_CONTEXT_CHARS))]
    return "\n".join(lines).strip()


def _of_option(option: Option, opinions: list[Opinion], say: Say) -> list[str]:
    """An option with what it costs, who is for it, and the strongest arguments on both sides."""
    cost = (
        say("costs {usd} USD", usd=f"{option.usd:,.2f}") if option.usd else say("costs nothing that was said")
    )
    lines = [f"{one_line(option.name, 200)} ({cost})" + (f": {one_line(option.says)}" if option.says else "")]
    fans = sorted((one for one in opinions if one.choice == option.name), key=_strength)
    if fans:
        lines.append("  + " + _argument(fans[0], fans[0].reason, say))
        changed = [one.expert for one in fans if one.was]
        if len(fans) > 1:
            names = ", ".join(one.expert for one in fans[1:])
            lines.append("  + " + say("{count} more: {names}", count=len(fans) - 1, names=names))
        if changed:
            lines.append("  + " + say("after the others' reasons: {names}", names=", ".join(changed)))
        doubts = [one for one in fans if one.against]
        if doubts:
            lines.append("  - " + _argument(doubts[0], doubts[0].against, say))
    elif opinions:
        lines.append("  + " + say("no expert is for it"))
    return lines


def _strength(one: Opinion) -> tuple[float, str]:
    return -one.confidence, one.expert


def _argument(one: Opinion, text: str, say: Say) -> str:
    """An expert's argument, with how sure the expert is."""
    return say(
        "{expert} ({sure} % sure): {text}", expert=one.expert, sure=round(100 * one.confidence), text=text
    )


def _of_terms(call: CloseCall, say: Say, until: datetime | None) -> list[str]:
    """What hangs on it, what waiting costs, and what holds when nobody answers."""
    lines = []
    if call.stake_usd:
        lines.append(say("About {usd} USD hang on it.", usd=f"{call.stake_usd:,.2f}"))
    cost = waiting_words(call) if call.waiting != "" else say("nothing that was said")
    lines.append(say("Waiting costs: {cost}", cost=cost))
    if call.one_way:
        lines.append(say("It cannot be taken back: nothing is decided before you answer."))
    elif not call.default:
        lines.append(say("It has no default: nothing is decided before you answer."))
    elif until is not None:
        at = until.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
        lines.append(say("If nobody answers by {at}: {default}", at=at, default=call.default))
    return lines
