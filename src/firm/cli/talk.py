"""Talking to one of the firm's models: which one it is, and one question at a time.

One rule: which model answers, and why, is said once before it is asked; a person waits, so calls are urgent.
"""

import asyncio
import difflib
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from firm.cli.command import note
from firm.cli.conversation import Conversation
from firm.cli.finding import described
from firm.cli.pulling import pull_if_missing
from firm.errors import UsageError
from firm.model import Delta, Message, Models, Part, Reply, Text, Watch, chat
from firm.model.embedded.catalogue import catalogue
from firm.model.local import Embedded
from firm.model.models import DEFAULT, Given
from firm.policy.secret import Secrets
from firm.root.command import FirmTill
from firm.root.config import Config, EffortSettings
from firm.root.firm import Firm
from firm.root.home import Home
from firm.root.models import Finder, models_of
from firm.units.effort import effort_of

NOTHING_FOUND = (
    "firm.toml names none, no key in the environment, no server on this machine; `firm doctor` has more"
)


@dataclass
class Talk:
    """A chat; to be entered before anything is asked."""

    home: Home
    config: Config
    conversation: Conversation
    model: str = DEFAULT
    effort: str = ""
    """A level; '': that of the settings. Where nobody has said one, it is left to the server."""
    attached: list[Part] = field(default_factory=list)
    """What goes with the next message."""

    def __post_init__(self) -> None:
        meant = bool(self.effort) or self.config.effort != EffortSettings()
        self.set_effort(self.effort or self.config.effort.default)
        self._effort_is_meant = meant
        self._finder = Finder()
        self._firm: Firm | None = None
        self.models: Models = models_of(
            self.config,
            self.home,
            _catalogued(self.config),
            finder=self._finder,
            secrets=Secrets(self.home.state).get,
        )

    async def __aenter__(self) -> Self:
        if self.home.state.exists():  # what a firm's money is asked for stands in its ledger
            self._firm = Firm.visit(self.home.folder)
            await self._firm.__aenter__()
            self.models.use_till(FirmTill(self._firm))
        await self.models.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self.models.__aexit__(kind, error, trace)
        finally:
            if self._firm is not None:
                await self._firm.__aexit__(kind, error, trace)

    def set_effort(self, level: str) -> None:
        """How much thought each reply is worth.

        Raises:
            UsageError: there is no such level.
        """
        effort_of(level)
        self.effort = level
        self._effort_is_meant = True

    async def choose(self, name: str) -> None:
        """Talk to this model from now on; it is said which one that is, and missing weights are pulled.

        Raises:
            UsageError: there is no such model.
        """
        entry = self.models.entry(name)
        why = "firm.toml" if name in self.config.models else "the catalogue"
        if entry is None:
            if name != DEFAULT:
                raise self._unknown(name)
            choice = await self._finder.look(self.models.transport)
            entry, why = choice.entry, NOTHING_FOUND if choice.embedded else choice.why[-1]
        what = described(entry)
        note(f"{what} ({why})" if what.startswith(f"{name},") else f"{name}: {what} ({why})")
        for given in entry.models:
            if isinstance(given, Embedded):
                await pull_if_missing(given.entry)
        self.model = name

    def _unknown(self, name: str) -> UsageError:
        known = self.models.names()
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(known)}"
        return UsageError(f"no model is named {name!r}; {hint} (yours stand in firm.toml as [models.NAME])")

    async def answer(self, question: str, watch: Watch | None = None) -> Reply:
        """Say something with what is attached, and hear the reply.

        It is streamed even if nobody watches: of a stream it is noticed soon when nothing comes any more.

        Raises:
            ModelError, ModelUnavailable, UsageError: as `firm.model.error` says; nothing was said then.
        """
        parts = (*self.attached, Text(question))
        message = Message("user", question if len(parts) == 1 else parts)
        heard = _Heard(watch)
        try:
            reply = await chat(
                self.conversation.ask(message),
                model=self.model,
                effort=self.effort if self._effort_is_meant else None,
                watch=heard,
                urgent=True,
            )
        except asyncio.CancelledError:
            if heard.text:
                self._keep(message, Message("assistant", heard.text))
                self.attached.clear()
            raise
        self._keep(message, reply)
        self.attached.clear()
        return reply

    def _keep(self, question: Message, reply: Reply | Message) -> None:
        try:
            self.conversation.add(question, reply, self.model)
        except OSError as error:
            note(
                f"this conversation is not kept: {self.conversation.path} cannot be written ({error.strerror})"
            )


class _Heard:
    """What came so far of a reply."""

    def __init__(self, watch: Watch | None) -> None:
        self.text = ""
        self._watch = watch

    def __call__(self, delta: Delta) -> None:
        self.text = delta.text if delta.restart else self.text + delta.text
        if self._watch is not None:
            self._watch(delta)


def _catalogued(config: Config) -> dict[str, Given]:
    """Embedded models can be named as the catalogue does."""
    return {
        name: Embedded(name)
        for name, entry in catalogue().items()
        if entry.kind == "chat" and name not in config.models
    }
