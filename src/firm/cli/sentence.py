"""`firm new DIR "SENTENCE"`: what was asked for, the model that may write it, and what is said of the firm.

One rule: who has written the firm, and why, is said.
"""

import asyncio
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from firm.cli.command import note

if TYPE_CHECKING:
    from firm.model.models import Given
    from firm.org.founding import Draft, Founded


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line says of a new firm."""

    sentence: str | None
    template: str | None
    url: str | None
    """Of a model's server."""
    name: str | None
    """What the server calls the model."""
    key: str | None

    @property
    def example(self) -> bool:
        """Whether it is the folder to begin with, and no organization."""
        return self.sentence is None and self.template is None


@dataclass(frozen=True, slots=True)
class Made:
    """A folder that was written: for machines, and for people."""

    facts: dict[str, Any]
    words: str


def check_asked(asked: Asked) -> None:
    """Refuse what does not go together, before anything is written.

    Raises:
        UsageError: with what to give instead.
    """
    from firm.errors import UsageError
    from firm.model.target import Model
    from firm.org.founding import check_sentence, read_template

    if asked.sentence is not None:
        check_sentence(asked.sentence)
    if asked.template is not None:
        read_template(asked.template)
    if asked.url is None and (asked.name is not None or asked.key is not None):
        raise UsageError(
            f"{'--name' if asked.name is not None else '--key'} is about a model; give --model URL too"
        )
    if asked.url is None:
        return
    if asked.name is None:
        raise UsageError("--model needs --name: what its server calls the model")
    if asked.sentence is None:
        raise UsageError(
            '--model writes a firm out of a sentence; give one, such as "a newsletter on wing design"'
        )
    if asked.template is not None:
        raise UsageError(
            "--model and --template exclude each other: either the model writes the firm, or the template is it"
        )
    if asked.key is not None and not asked.key.startswith(("env:", "secret:")):
        raise UsageError("--key says where the key is found, never the key itself: env:NAME or secret:NAME")
    Model(asked.url, asked.name, key=asked.key)


def make(folder: Path, asked: Asked) -> Made:
    """Write the firm.

    Raises:
        UsageError: the sentence, the template, the folder or the model is none that can be used.
    """
    from firm.org.founding import found
    from firm.root.home import writing_failed

    try:
        if asked.url is None:
            founded = found(folder, asked.sentence or "", asked.template or "")
        else:
            founded = _by_model(folder, asked)
    except OSError as error:
        raise writing_failed(error, folder) from error
    return Made(_facts(founded), _words(founded))


def _by_model(folder: Path, asked: Asked) -> "Founded":
    from firm.model.target import Model
    from firm.org.founding import Server, found, found_by_model

    url, name, sentence = asked.url or "", asked.name or "", asked.sentence or ""
    note(f"asking {name!r} to write roles and a workflow; the template is taken if it cannot …")
    models = {"default": Model(url, name, key=asked.key)}
    draft, wrong = asyncio.run(draft_in(folder, sentence, models))
    server = Server(url, name, asked.key or "")
    if draft is not None:
        return found_by_model(folder, sentence, draft, server=server)
    told = "; ".join(wrong[:3])
    note(f"{name!r} wrote nothing that could be used: {told}")
    return found(folder, sentence, server=server, why=f"{name} wrote nothing that could be used")


async def draft_in(
    folder: Path, sentence: str, models: Mapping[str, "Given"]
) -> "tuple[Draft | None, tuple[str, ...]]":
    """Let the model `default` write roles and a workflow; what that costs is counted in the new firm's books."""
    from firm.org.founding import drafted
    from firm.org.words import language_of
    from firm.root.firm import Firm

    async with Firm.open(folder, models=models):
        return await drafted(sentence, language_of(sentence))


def _facts(founded: "Founded") -> dict[str, Any]:
    frequency = founded.frequency
    return {
        "home": str(founded.folder.absolute()),
        "files": list(founded.files),
        "by": founded.by,
        "template": founded.template,
        "why": founded.why,
        "language": founded.language,
        "schedule": {"name": frequency.name, "cron": frequency.cron} if frequency else None,
        "mission": founded.mission,
        "commit": founded.commit,
    }


def _words(founded: "Founded") -> str:
    from firm.cli.text import plain

    folder = plain(str(founded.folder))
    by = (
        f"from the template {founded.template}: {founded.why}" if founded.template else "written by the model"
    )
    rows = [f"{folder} is ready, {by}."]
    if founded.frequency is not None:
        said, cron = founded.frequency.words, founded.frequency.cron
        rows.append(
            f"A mission begins by itself at {cron!r} while `firm up` runs, for the sentence says {said!r}."
        )
    rows.append(
        "Read ABOUT.md first: what this firm will do, may do and will cost. Everything can be edited by hand."
    )
    if founded.no_commit:
        rows.append(founded.no_commit)
    steps = [(f"cd {shlex.quote(folder)}", ""), ("firm doctor", "whether all fits together")]
    if founded.mission:
        words = founded.mission.replace('"', '\\"')
        if founded.rehearses:
            steps.append((f'firm run "{words}" --model rehearsal', "played by a script"))
        steps.append((f'firm run "{words}"', "in earnest"))
    else:
        steps.append(('firm run "…"', "a mission, in your words"))
    steps.append(("firm up", "what begins by itself, orders, the daily briefing"))
    return "\n".join([*rows, "Try this:\n", *(_step(*one) for one in steps)])


def _step(command: str, says: str) -> str:
    return f"  {command}" + (f"   # {says}" if says else "")
