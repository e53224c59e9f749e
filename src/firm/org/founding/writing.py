"""A firm's folder, written.

One rule: everything is looked at before anything is written: the sentence, the template, and that the folder is empty.
"""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from firm.errors import UsageError
from firm.org.deliver.commit import IGNORED
from firm.org.founding.about import ABOUT, about_page
from firm.org.founding.draft import Draft, draft_files
from firm.org.founding.frequency import Frequency, frequency_of
from firm.org.founding.repository import first_commit
from firm.org.founding.settled import Value, settled, with_model, with_schedule
from firm.org.founding.template import PAGE, Template, read_template, template_for
from firm.org.words import LANGUAGES, language_of

MAX_SENTENCE_CHARS = 2_000
STATE = ".firm"
_LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.pyc", ".*")


class Server(msgspec.Struct, frozen=True):
    """A model that the firm is to use as its default."""

    url: str
    name: str
    key: str = ""
    """'env:NAME' or 'secret:NAME'; '': none."""


@dataclass(frozen=True, slots=True)
class Founded:
    """A firm that was written."""

    folder: Path
    by: str
    """'template' or 'model'."""
    template: str
    """Its name; '' where a model wrote it."""
    why: str
    """Why this template, or why not the model's."""
    language: str
    files: tuple[str, ...]
    frequency: Frequency | None
    """The schedule that was read out of the sentence."""
    mission: str
    """A small one that it can carry out at once; '': none is known."""
    rehearses: bool
    """Whether it has a script that plays every role."""
    commit: str
    """Of its git repository; '': none was made."""
    no_commit: str
    """Why not."""


def check_sentence(sentence: str) -> str:
    """The sentence on one line.

    Raises:
        UsageError: it is empty, or longer than 2,000 characters.
    """
    plain = " ".join("".join(one if one.isprintable() else " " for one in sentence).split())
    if not plain:
        raise UsageError(
            'the sentence is empty; say what should exist, such as "a newsletter on wing design"'
        )
    if len(plain) > MAX_SENTENCE_CHARS:
        raise UsageError(
            f"the sentence has {len(plain):,} characters; at most {MAX_SENTENCE_CHARS:,}: say what should exist, and "
            "put the rest into the roles and workflows"
        )
    return plain


def check_new(folder: Path) -> None:
    """Refuse a folder that holds something else than a firm's state.

    Raises:
        UsageError: it is a file, or not empty.
    """
    if "\0" in str(folder):
        raise UsageError(f"{str(folder)!r} is not a path")
    if folder.exists() and (not folder.is_dir() or any(one.name != STATE for one in folder.iterdir())):
        raise UsageError(f"{str(folder)!r} is there already and not empty; give the name of a new folder")


def found(
    folder: Path,
    sentence: str = "",
    template: str = "",
    language: str = "",
    *,
    server: Server | None = None,
    why: str = "",
    templates: Path | None = None,
) -> Founded:
    """Write a firm out of a template.

    Args:
        folder: Not there yet, or empty.
        sentence: What should exist, 1 to 2,000 characters; '': as the template says, which then must be named.
        template: Its name; '': by the words of the sentence.
        language: 'en' or 'zh'; '': that of the sentence.
        server: The model that it uses where nothing else is said.
        why: Instead of why this template was taken.
        templates: Where they are; None: those of the program.

    Raises:
        UsageError: no such template, a sentence that is none, a folder that is not empty, a language it does not speak.
    """
    plain = check_sentence(sentence) if sentence or not template else ""
    language = _language(language, plain)
    check_new(folder)
    name, reason = (template, "it was named") if template else template_for(plain, templates)
    chosen = read_template(name, templates)
    reason = why or ("按您的指定" if language == "zh" and template else reason)
    shutil.copytree(
        chosen.folder,
        folder,
        ignore=lambda where, names: {*_LEFT_OUT(where, names), *({PAGE} if where == chosen.folder else ())},
        dirs_exist_ok=True,
    )
    words = (folder / "firm.toml").read_text("utf-8")
    return _finished(folder, words, _Wish(plain, language, server, reason), chosen)


def found_by_model(
    folder: Path, sentence: str, draft: Draft, language: str = "", *, server: Server | None = None
) -> Founded:
    """Write a firm out of what a model has drafted.

    Args:
        folder: Not there yet, or empty.
        sentence: What should exist.
        draft: Roles and a workflow, without faults.
        language: 'en' or 'zh'; '': that of the sentence.
        server: The model that it uses where nothing else is said.

    Raises:
        UsageError: a sentence that is none, or a folder that is not empty.
    """
    plain = check_sentence(sentence)
    check_new(folder)
    write_files(folder, draft_files(draft))
    return _finished(folder, "", _Wish(plain, _language(language, plain), server, ""), None)


def write_files(folder: Path, files: Mapping[str, str]) -> None:
    """Write files with the folders that they stand in."""
    for path, words in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(words, "utf-8")


@dataclass(frozen=True, slots=True)
class _Wish:
    sentence: str
    language: str
    server: Server | None
    why: str


def _finished(folder: Path, words: str, wish: _Wish, template: Template | None) -> Founded:
    """Settings, the page ABOUT.md, and the first commit of a folder whose roles and workflows are there."""
    frequency = frequency_of(wish.sentence) if wish.sentence else None
    name = folder.resolve().name.encode("utf-8", "replace").decode()
    write_files(folder, {"firm.toml": _settings(words, name, wish, template, frequency)})
    write_files(folder, {".gitignore": IGNORED, ABOUT: about_page(folder)})
    files = sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and path.relative_to(folder).parts[0] not in (STATE, ".git")
    )
    begun = (
        f"Founded: {wish.sentence}"
        if wish.sentence
        else f"Founded from the template {template and template.name}"
    )
    commit, no_commit = first_commit(folder, name, begun)
    return Founded(
        folder,
        "template" if template else "model",
        template.name if template else "",
        wish.why,
        wish.language,
        tuple(files),
        frequency,
        template.small(wish.language) if template else "",
        (folder / "rehearsal.py").is_file(),
        commit,
        no_commit,
    )


def _settings(
    words: str, name: str, wish: _Wish, template: Template | None, frequency: Frequency | None
) -> str:
    """firm.toml."""
    top: dict[str, Value] = {"name": name}
    if wish.sentence:
        top["mission"] = wish.sentence
    org: dict[str, Value] = {"language": "zh"} if wish.language == "zh" else {}
    told = (
        f"From the template {template.name}: {wish.why}."
        if template
        else "Roles and workflow were written by a model."
    )
    words = settled(words, top=top, org=org, told=told)
    if frequency is not None:
        due = f"本期应做：{wish.sentence}" if wish.language == "zh" else f"What is due now: {wish.sentence}"
        words = with_schedule(words, frequency, due)
    if wish.server is not None:
        words = with_model(words, wish.server.url, wish.server.name, wish.server.key)
    return words


def _language(language: str, sentence: str) -> str:
    if language and language not in LANGUAGES:
        raise UsageError(f"language {language!r}; give one of {', '.join(LANGUAGES)}")
    return language or language_of(sentence)
