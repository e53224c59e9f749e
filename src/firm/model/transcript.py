"""Messages of a conversation that only grows, with what others have made of them.

One rule: what is remembered of a message is made of that message alone, so that the cost of the next call grows with
what is new and not with what was said before. What is remembered is never stored.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from firm.model.message import Message

T = TypeVar("T")
_TIP = "tip"


class Transcript(tuple[Message, ...]):
    """Messages, the oldest first; `plus` makes the next one, which shares what is remembered."""

    kept: dict[str, Any]

    def __new__(cls, messages: Sequence[Message] = ()) -> "Transcript":
        """Begin one."""
        made = super().__new__(cls, messages)
        made.kept = {_TIP: len(made)}
        return made

    def plus(self, *more: Message) -> "Transcript":
        """The conversation with these messages at its end."""
        made = tuple.__new__(Transcript, (*self, *more))
        if self.kept[_TIP] == len(self):
            made.kept = self.kept
            made.kept[_TIP] = len(made)
        else:  # it was continued otherwise already
            made.kept = {_TIP: len(made)}
        return made


def of_each(messages: Sequence[Message], name: str, make: Callable[[Message], T]) -> list[T]:
    """What `make` makes of each message; remembered under `name` where they are a `Transcript`. Not to be changed."""
    if type(messages) is not Transcript:
        return [make(message) for message in messages]
    made: list[T] = messages.kept.setdefault(name, [])
    if len(made) > len(messages):
        return made[: len(messages)]
    if len(made) < len(messages):
        made += [make(message) for message in messages[len(made) :]]
    return made
