"""A question as the founder reads it: what hangs on it, what happens if nobody answers, what waiting costs.

One rule: words that come from outside are escaped, and where strangers may have had a hand in them each of their lines
is marked, so that none can pass for a line of the program.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from firm.root.view import QuestionView

ONE_WAY = "ONE-WAY: what is decided here cannot be taken back"
STRANGERS = "this was written by a run that has read what strangers wrote"


def text_lines(question: "QuestionView") -> list[str]:
    """The question itself, with a warning before it where one is due."""
    from firm.cli.text import plain

    lines = plain(question.text).splitlines() or [""]
    if question.untrusted and question.kind == "ask":
        lines = [STRANGERS + ":", *(f"| {line}" for line in lines)]
    return [ONE_WAY, *lines] if question.one_way else lines


def terms(question: "QuestionView") -> list[str]:
    """What happens if nobody answers, and what waiting costs."""
    from firm.cli.text import line

    lines = [f"if nobody answers: {unanswered(question)}"]
    return [*lines, f"waiting costs: {line(question.waiting, 600)}"] if question.waiting else lines


def unanswered(question: "QuestionView") -> str:
    """What happens if nobody answers, as the rest of a sentence."""
    from datetime import UTC, datetime

    from firm.cli.text import clock, shown, span

    if question.deadline is None:
        return "it waits for ever"
    left_s = round((question.deadline - datetime.now(UTC)).total_seconds())
    at = f"at {clock(question.deadline)} ({f'in {span(left_s)}' if left_s > 0 else 'now'})"
    if question.if_unanswered == "default":
        return f"{shown(question.default)} is taken {at}"
    return f"it is not done, {at}" if question.kind == "approval" else f"it fails {at}"
