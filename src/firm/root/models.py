"""From settings to models: what each name stands for, and which one is the default.

One rule: a model that is named is never replaced by one that was found; what was found says why.
"""

import os
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from firm.errors import UsageError
from firm.kernel.code import load_file
from firm.model.error import NoModel
from firm.model.models import Entry, Given, Models, Secrets
from firm.model.request import Request
from firm.model.scripted import ScriptedModel
from firm.model.target import Model
from firm.model.till import Till
from firm.root.config import Config, ModelSettings
from firm.root.home import Home

PASSED = (
    "key",
    "wire",
    "usd_per_gpu_hour",
    "gpus",
    "usd_per_mtok",
    "deadline_s",
    "context_tokens",
    "eyes",
    "tier",
)
"""Settings of a model that are its own, as they are."""

if TYPE_CHECKING:
    from firm.model.transport import Transport


class Choice(msgspec.Struct, frozen=True):
    """The default model that was found, and why it is that one."""

    entry: Entry
    why: tuple[str, ...]
    """What was looked at, in order, in words; the last is what was taken."""
    embedded: str = ""
    """Name of the embedded model; '': it is another one."""


class Finder:
    """Finds the default model where neither code nor settings name one; looks until it has found one."""

    def __init__(self) -> None:
        self._choice: Choice | None = None

    async def __call__(self, models: Models) -> Entry:
        """What `default` stands for.

        Raises:
            NoModel: it is the embedded one, and its weights are not on this machine.
        """
        choice = await self.look(models.transport)
        if choice.embedded:
            from firm.model.embedded import store
            from firm.model.embedded.catalogue import find

            embedded = find(choice.embedded)
            if not all(store.held(file) for file in embedded.files):
                self._choice = None  # until then a server may have come up
                raise NoModel(
                    f"no model is named or found ({'; '.join(choice.why)}), and its weights are not here; "
                    f"run: firm models pull {embedded.name} ({embedded.bytes / 1e6:,.0f} MB), or name a model in "
                    "firm.toml: [models.default]"
                )
        return choice.entry

    async def look(self, transport: "Transport", environ: Mapping[str, str] = os.environ) -> Choice:
        """Keys in the environment, then local servers, then the embedded model."""
        if self._choice is None:
            from firm.model.discover import discover
            from firm.model.embedded.catalogue import DEFAULT
            from firm.model.local import Embedded

            found = await discover(transport, environ)
            if found.model is not None:
                self._choice = Choice(Entry((found.model,)), found.why)
            else:
                self._choice = Choice(Entry((Embedded(DEFAULT),)), found.why, DEFAULT)
        return self._choice


def models_of(
    config: Config,
    home: Home,
    given: Mapping[str, Given] | None = None,
    *,
    finder: Finder | None = None,
    till: Till | None = None,
    secrets: Secrets | None = None,
    redact: Callable[[str], str] | None = None,
) -> Models:
    """The models of a firm. Nothing is opened, started or asked.

    Args:
        config: Settings of the firm.
        home: Where it is kept what servers were seen to do.
        given: Models by name, which go before those of the settings.
        finder: Finds the default model where none is named.
        till: Admits every request, and is told what it took.
        secrets: Gives the secret of a name for a host.
        redact: Takes secrets out of what servers said.
    """
    entries: dict[str, Given] = {
        name: entry_of(settings, home.folder) for name, settings in config.models.items()
    }
    return Models(
        entries | dict(given or {}),
        find=finder or Finder(),
        folder=home.state,
        till=till,
        secrets=secrets,
        redact=redact,
    )


def entry_of(settings: ModelSettings, folder: Path = Path()) -> Entry:
    """What one section of the settings stands for; `folder`: where they stand."""
    if settings.script:
        return Entry((_scripted(settings, folder),), settings.fallback, settings.hedge)
    if not settings.urls:
        from firm.model.embedded.catalogue import DEFAULT
        from firm.model.local import Embedded

        return Entry((Embedded(settings.embedded or DEFAULT),), settings.fallback, settings.hedge)
    rest = {field: getattr(settings, field) for field in PASSED}
    models = tuple(Model(url, settings.name, **rest) for url in settings.urls)
    return Entry(models, settings.fallback, settings.hedge)


def _scripted(settings: ModelSettings, folder: Path) -> ScriptedModel:
    """A model that is a function of the founder's own; its file is imported when it is first asked."""
    place, _, name = settings.script.rpartition(":")

    def answer(request: Request) -> Any:
        try:
            rule = getattr(load_file(folder / place), name, None)
        except UsageError as error:
            raise UsageError(f"the model's script = {settings.script!r}: {error}") from None
        if not callable(rule):
            raise UsageError(f"the model's script = {settings.script!r}: {place!r} has no function {name!r}")
        try:
            return rule(request)
        except Exception as error:
            raise UsageError(f"the model's script = {settings.script!r} {_where(error)}") from error

    return ScriptedModel(answer, name=settings.script)


def _where(error: Exception) -> str:
    """What a script of the founder's own raised, and in which line of it."""
    frames = traceback.extract_tb(error.__traceback__)
    line = frames[-1].lineno if frames else 0
    return f"raised {type(error).__name__}: {error} ({frames[-1].filename}, line {line})"
