"""firm.toml of a new firm: that of its template, with what the sentence says.

One rule: lines are changed and added, and the rest stays as it was written, comments too.
"""

import json
import re
import tomllib

from firm.errors import InternalError
from firm.org.founding.frequency import Frequency

_HEADER = re.compile(r"\s*\[")
Value = str | float | bool


def settled(words: str, *, top: dict[str, Value], org: dict[str, Value], told: str = "") -> str:
    """The settings with these values.

    Args:
        words: firm.toml as the template has it.
        top: Keys of the file itself.
        org: Keys of its section `[org]`.
        told: What is to stand above everything, as a comment.
    """
    for section, keys in (("", top), ("org", org)):
        for key, value in keys.items():
            words = _with(words, section, key, value)
    words = (f"# {told}\n" if told else "") + words.strip("\n") + "\n"
    found = tomllib.loads(words)
    if found | top != found or found.get("org", {}) | org != found.get("org", {}):
        raise InternalError(f"firm.toml did not take {top!r} and {org!r}")
    return words


def with_schedule(words: str, frequency: Frequency, mission: str) -> str:
    """The settings with a schedule; one that the template has by the same name is replaced by it."""
    listed = tomllib.loads(words).get("schedules", [])
    if listed:
        for key, value in (("name", frequency.name), ("mission", mission), ("cron", frequency.cron)):
            words = _with(words, "[schedules]", key, value)
        return words
    rows = [f"name = {text(frequency.name)}", f"mission = {text(mission)}", f"cron = {text(frequency.cron)}"]
    said = f"   # the sentence says {text(frequency.words)}; this machine's time"
    return words.rstrip("\n") + "\n\n[[schedules]]\n" + "\n".join(rows) + said + "\n"


def with_model(words: str, url: str, name: str, key: str) -> str:
    """The settings with this server as the model `default`."""
    if "default" in tomllib.loads(words).get("models", {}):
        for field, value in (("url", url), ("name", name), *([("key", key)] if key else [])):
            words = _with(words, "models.default", field, value)
        return words
    rows = [f"url = {text(url)}", f"name = {text(name)}", *([f"key = {text(key)}"] if key else [])]
    return words.rstrip("\n") + "\n\n[models.default]\n" + "\n".join(rows) + "\n"


def text(value: str) -> str:
    """A TOML string; what cannot be written in UTF-8 becomes a question mark."""
    return json.dumps(value.encode("utf-8", "replace").decode(), ensure_ascii=False).replace(
        "\x7f", "\\u007f"
    )


def _with(words: str, section: str, key: str, value: Value) -> str:
    """One key of the first section of this name, changed or added."""
    row = f"{key} = {text(value) if isinstance(value, str) else str(value).lower()}"
    rows = words.split("\n")
    start = 0 if not section else _start(rows, section)
    if start is None:
        return words.rstrip("\n") + f"\n\n[{section}]\n{row}\n"
    end = next((place for place in range(start, len(rows)) if _HEADER.match(rows[place])), len(rows))
    for place in range(start, end):
        if re.match(rf"\s*{re.escape(key)}\s*=", rows[place]):
            return "\n".join([*rows[:place], row, *rows[place + 1 :]])
    at = start if section else next((n for n in range(end) if rows[n].strip()[:1] not in ("#", "")), end)
    return "\n".join([*rows[:at], row, *rows[at:]])


def _start(rows: list[str], section: str) -> int | None:
    """The line behind a section's header."""
    pattern = re.compile(rf"\s*\[\s*{re.escape(section)}\s*\]\s*(?:#.*)?$")
    if section.startswith("["):
        pattern = re.compile(rf"\s*\[{re.escape(section)}\]\s*(?:#.*)?$")
    return next((place + 1 for place, row in enumerate(rows) if pattern.match(row)), None)
