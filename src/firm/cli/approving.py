"""Answers to approvals, as they are typed, and the session that proves whose they are."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from firm.policy.identity import Session
    from firm.root.firm import Firm

ANSWERS = ("accept", 'refuse "WHY"', 'say "WORDS"', "edit '{\"NAME\": VALUE}'")
"""What may be typed."""


def word_of(value: str, more: str) -> dict[str, Any]:
    """An answer to an approval, as it is typed."""
    import json

    from firm.errors import UsageError

    if value.lstrip().startswith("{"):
        try:
            return dict(json.loads(value))
        except (ValueError, TypeError) as error:
            raise UsageError(f"{value!r} is no JSON object: {error}") from None
    names = {"accept": "", "refuse": "reason", "edit": "args", "say": "words"}
    if value not in names:
        raise UsageError(f"{value!r} answers no approval; give accept, refuse, edit or say")
    if value == "edit":
        try:
            args = json.loads(more)
        except ValueError as error:
            raise UsageError(
                f'edit {more!r}: give the arguments to change as JSON: \'{{"to": "x"}}\': {error}'
            ) from None
        return {"do": "edit", "args": args}
    if value == "accept" and more:
        raise UsageError(f"accept takes nothing more, got {more!r}; to change something: edit")
    return {"do": value, names[value]: more} if more else {"do": value}


def session_of(firm: "Firm") -> "Session | None":
    """The founder's session, if one is open; why not is said where it matters."""
    import time

    from firm.policy.identity import NoSession, open_session

    try:
        return open_session(firm.home.state, time.time_ns() // 1000)
    except NoSession:
        return None
