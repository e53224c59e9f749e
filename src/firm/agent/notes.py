"""Notes that an agent makes for itself, and its to-do list.

One rule: what is noted comes from calls of tools that the journal has, so a replay has the same notes; the rows that
are written beside are for the founder. The tools themselves are `firm.agent.kit.notes`.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from firm.errors import UsageError
from firm.kernel.api import now
from firm.kernel.context import StepInfo, current, current_run
from firm.kernel.failure import readable
from firm.kernel.journal import Journal, Row, own_key
from firm.policy.action import UNTRUSTED

BOOK = "notes"
"""Rows of the journal: each note of a run, and its to-do list, by `own_key(run, …)`."""
STATE = "agent.notes"
"""Where a run keeps its notes in this life (`Run.state`)."""
NOTE, TODO = "note", "todo"
"""Names of the tools."""
NOTED = "noted"
"""What the tool 'note' returns."""
MAX_NOTE_CHARS = 4_000
MAX_NOTES = 200
"""Notes that an agent sees again; the journal has those before them."""
MAX_ITEMS = 100
"""Of a to-do list."""
MAX_ITEM_CHARS = 500


class TodoItem(msgspec.Struct, frozen=True):
    """One line of a to-do list."""

    text: str
    done: bool = False


class Notes(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an agent has noted so far."""

    notes: tuple[str, ...] = ()
    """The oldest first, at most `MAX_NOTES`."""
    todo: tuple[TodoItem, ...] = ()
    dropped: int = 0
    """Older notes that are not among them any more."""
    untrusted: bool = False
    """Some of it was written after the run had read what strangers wrote; only `notes_of` says so."""

    def words(self) -> str:
        """All of it for a model to read; '' where nothing is noted."""
        lines = ["To do:", *(f"- [{'x' if one.done else ' '}] {one.text}" for one in self.todo)]
        lines = lines if self.todo else []
        if self.notes:
            older = f" ({self.dropped} older ones are left out)" if self.dropped else ""
            lines += [f"Notes{older}:", *(f"- {text}" for text in self.notes)]
        return "\n".join(lines)

    def plus(self, text: str) -> "Notes":
        """With one more note."""
        kept = (*self.notes, text)
        over = max(0, len(kept) - MAX_NOTES)
        return msgspec.structs.replace(self, notes=kept[over:], dropped=self.dropped + over)


EMPTY = Notes()


class Written(msgspec.Struct, frozen=True, omit_defaults=True):
    """One row: a note, or the to-do list as a whole."""

    text: str = ""
    items: tuple[TodoItem, ...] = ()
    at_us: int = 0
    """Microseconds since 1970."""
    untrusted: bool = False


_written = msgspec.msgpack.Decoder(Written)


def fold(notes: Notes, tool_name: str, arguments: Mapping[str, Any], result: object) -> Notes:
    """The notes after a call of a tool that went well; the same notes where the tool makes none.

    Pure, and cheap enough to be called for every result: give the calls in the order of their results.

    Args:
        notes: Those before it.
        tool_name: Of the tool that was called.
        arguments: As the model wrote them, decoded.
        result: What it returned; not an error.
    """
    if tool_name == NOTE and result == NOTED:
        return notes.plus(kept_text(str(arguments.get("text", ""))))
    if tool_name != TODO or not isinstance(result, str):
        return notes
    try:
        items = msgspec.convert(arguments.get("items"), tuple[TodoItem, ...], strict=False)
    except msgspec.ValidationError:  # somebody else's tool of that name
        return notes
    return msgspec.structs.replace(notes, todo=tuple(map(_kept_item, items)))


def notes_here() -> Notes:
    """What the agent of the run that this code is in has noted so far, as its loop keeps it in the run's state.

    Raises:
        UsageError: outside any run.
    """
    found: Notes = current_run().state.get(STATE, EMPTY)
    return found


async def notes_of(journal: Journal, run: str) -> Notes:
    """What a run has noted so far, as the journal has it; rows that cannot be read are left out.

    Raises:
        JournalError: the journal cannot be read.
    """
    notes, untrusted = EMPTY, False
    for row in await journal.rows(BOOK, prefix=own_key(run)):
        try:
            written = _written.decode(row.value)
        except msgspec.MsgspecError:  # of another version
            continue
        untrusted = untrusted or written.untrusted
        if row.key == own_key(run, TODO):
            notes = msgspec.structs.replace(notes, todo=written.items)
        else:
            notes = notes.plus(written.text)
    return msgspec.structs.replace(notes, untrusted=untrusted)


def keep_note(text: str) -> str:
    """Write a note with the outcome of this step; the text as it is kept. Outside any run nothing is written.

    Raises:
        UsageError: it is empty or too long.
    """
    text = kept_text(text)
    if not text:
        raise UsageError("the note is empty; give its text")
    _check(text, MAX_NOTE_CHARS, "the note")
    here = current.get()
    if isinstance(here, StepInfo) and here.run is not None:
        number = sum(row.book == BOOK for row in here.rows)
        _write(here, f"n.{here.run.generation:06d}.{here.place:06d}.{number:04d}", Written(text))
    return text


def keep_todo(items: list[TodoItem]) -> tuple[TodoItem, ...]:
    """Write the to-do list, instead of the one before, with the outcome of this step; as `keep_note`.

    Raises:
        UsageError: it has too many items, or an item is empty or too long.
    """
    if len(items) > MAX_ITEMS:
        raise UsageError(f"the list has {len(items)} items; give at most {MAX_ITEMS}, put several into one")
    for item in items:
        if not item.text.strip():
            raise UsageError("an item of the list is empty; give each its text, or leave it out")
        _check(item.text, MAX_ITEM_CHARS, "an item of the list")
    kept = tuple(map(_kept_item, items))
    here = current.get()
    if isinstance(here, StepInfo) and here.run is not None:
        _write(here, TODO, Written(items=kept))
    return kept


def kept_text(text: str) -> str:
    """A text as it is kept."""
    return readable(text.strip())


def _kept_item(item: TodoItem) -> TodoItem:
    return TodoItem(kept_text(item.text), item.done)


def _check(text: str, limit: int, what: str) -> None:
    if len(text) > limit:
        raise UsageError(f"{what} has {len(text):,} characters; at most {limit:,}: put the rest into a file")


def _write(here: StepInfo, name: str, written: Written) -> None:
    assert here.run is not None
    full = msgspec.structs.replace(
        written,
        at_us=round(now().timestamp() * 1e6),
        untrusted=UNTRUSTED in here.run.marks or UNTRUSTED in here.marks,
    )
    here.also(Row(BOOK, own_key(here.run.id, name), msgspec.msgpack.encode(full)))
