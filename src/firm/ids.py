"""Names of things: what an id may look like, and ids that are derived rather than drawn.

One rule: the same run, place and content give the same id in every replay and on every machine.
"""

import hashlib
import re

from firm.errors import UsageError

MAX_ID_CHARS = 200
_PLAIN = re.compile(r"[^A-Za-z0-9_-]+")


def check_id(value: str, what: str = "id") -> str:
    """Return `value` if it can be an id: 1..200 characters, printable, no space at either end.

    Raises:
        UsageError: otherwise, with the reason.
    """
    if not isinstance(value, str):
        raise UsageError(f"{what} {value!r} is a {type(value).__name__}; give text")
    if not value:
        raise UsageError(f"{what} is empty; give 1 to {MAX_ID_CHARS} characters")
    if len(value) > MAX_ID_CHARS:
        raise UsageError(
            f"{what} {value[:40]!r}… has {len(value)} characters; at most {MAX_ID_CHARS} are allowed"
        )
    if not value.isprintable() or value != value.strip():
        raise UsageError(f"{what} {value!r} has unprintable characters, or space at an end; remove them")
    return value


def digest(*parts: object) -> str:
    """32 hexadecimal digits of SHA-256 over the parts, each with its length."""
    hasher = hashlib.sha256()
    for part in parts:
        raw = part if isinstance(part, bytes) else str(part).encode("utf-8", "surrogatepass")
        hasher.update(b"%d:" % len(raw))
        hasher.update(raw)
    return hasher.hexdigest()[:32]


def slug(name: str) -> str:
    """A name as a part of an id."""
    return _PLAIN.sub("-", name).strip("-")[:40] or "run"


def step_key(run: str, generation: int, place: int) -> str:
    """The idempotency key of a step: the same in every attempt."""
    return digest("firm/step", run, generation, place)


def question_id(run: str, generation: int, place: int, kind: str, content: bytes) -> str:
    """The id of a question: 12 hexadecimal digits, the same in every replay."""
    return digest("firm/question", run, generation, place, kind, content)[:12]


def child_id(parent: str, generation: int, place: int) -> str:
    """`<parent>/<place>`; in later generations `<parent>/<generation>.<place>`.

    Where that would be longer than an id may be, the parent's part is a hash.
    """
    tail = f"{place}" if generation == 1 else f"{generation}.{place}"
    whole = f"{parent}/{tail}"
    return whole if len(whole) <= MAX_ID_CHARS else f"{digest(parent)}/{tail}"
