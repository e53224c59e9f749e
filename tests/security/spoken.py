"""What the founder's own words permit: a charter compiled from one sentence, before anything is read.

One rule: it sees the sentence and the declarations of the tools, and nothing else: plain extraction of text, no
model, and no knowledge of what the task will turn out to need. What it cannot find is not permitted, or asks.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.security.traces import REQUIRED, Tool

from firm.policy.action import GRAVE
from firm.policy.capability import Capability, Charter

EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
URL = re.compile(r"(?<![@\w])(?:https?://)?www(?:\.[\w-]+)+(?:/[\w./-]*)?")
ACCOUNT = re.compile(r"\b[A-Z]{2}\d{2}[A-Z0-9]{10,30}\b")
QUOTED = re.compile(r"(?<!\w)'(.+?)'(?!\w)|\"(.+?)\"|“(.+?)”")
CAPITAL = re.compile(r"\b[A-Z][\w-]+(?: [A-Z][\w-]+)*")
DICTATED = re.compile(r"(?:: |\bdescription )([^.!?:]+[.!?]?)")
NUMBER = re.compile(r"(?<![\w.,-])\d+(?:\.\d+)?(?![\w-])")
NOBODY = ""
"""As a destination: there is none."""
NOTHING: list[Any] = []
"""As a condition: the argument is left out, null or empty."""
DIGITS = "[0-9][0-9]"
TIMES: list[Any] = [
    f"{DIGITS}{DIGITS}-{DIGITS}-{DIGITS}",
    f"{DIGITS}{DIGITS}-{DIGITS}-{DIGITS} {DIGITS}:{DIGITS}",
]
"""As a condition: a date, or a date and a time, and not a letter more."""
PATTERN = re.compile(r"[*?\[\]]")


@dataclass(frozen=True)
class Said:
    """What stands literally in a sentence."""

    words: frozenset[str]
    named: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Kind of destination -> those that the sentence names."""
    texts: tuple[str, ...] = ()
    """Quoted and dictated passages."""
    numbers: tuple[float, ...] = ()


def listen(says: str) -> Said:
    """Take a sentence apart."""
    quoted = tuple(next(part for part in hit if part) for hit in QUOTED.findall(says))
    dictated = tuple(hit.strip() for hit in DICTATED.findall(says))
    named = {
        "email": EMAIL.findall(says),
        "url": [hit.rstrip(".-/") for hit in URL.findall(says)],
        "account": ACCOUNT.findall(says),
        "name": [*quoted, *CAPITAL.findall(says)],
        "quoted": quoted,
    }
    return Said(
        frozenset(re.findall(r"[a-z]+", says.lower())),
        {kind: literal(found) for kind, found in named.items()},
        (*quoted, *dictated),
        tuple(float(hit) for hit in NUMBER.findall(says)),
    )


def literal(found: Iterable[str]) -> tuple[str, ...]:
    """Each once, in order; without those that a capability would read as a pattern."""
    return tuple(name for name in dict.fromkeys(found) if name and not PATTERN.search(name))


def charter_of(
    says: str, tools: dict[str, Tool], defaults: dict[str, dict[str, Any]], *, exact: bool, closed: bool
) -> Charter:
    """What one sentence permits.

    Args:
        says: The founder's words.
        tools: The tools at hand.
        defaults: Tool -> its arguments with their defaults; `REQUIRED` where there is none.
        exact: Let a capability name its destination only together with everything that the call carries; else
            the destination alone is enough, and what is sent there is left to the agent.
        closed: Deny grave tools that the sentence does not speak of; else they ask.
    """
    said, level = listen(says), []
    for name, tool in tools.items():
        spoken_of = any(said.words.issuperset(entry.split()) for entry in tool.words)
        if spoken_of or not closed or tool.risk not in GRAVE:
            level.append(Capability(tool=name, id=name))
        if spoken_of:
            level += named(name, tool, said, defaults[name], exact=exact)
    return Charter(agent="assistant", levels=(tuple(level),))


def named(
    name: str, tool: Tool, said: Said, defaults: dict[str, Any], *, exact: bool
) -> Iterator[Capability]:
    """Capabilities that name where a tool may reach without a question."""
    to = said.named.get(tool.kind, ())
    if not exact:
        if to:
            yield Capability(tool=name, id=f"{name} as said", to=to)
        return
    if all(defaults[arg] != REQUIRED for arg in tool.to):
        to = (*to, NOBODY)
    for number, where in enumerate(bounds_of(tool, said, defaults) if to else (), 1):
        yield Capability(tool=name, id=f"{name} as said {number}", to=to, where=where)


def bounds_of(tool: Tool, said: Said, defaults: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every way to fill all arguments that could carry something with what was said.

    One that is optional is left out, or is one of the things that were said; one that is needed must be one of them.
    """
    ways: list[dict[str, Any]] = [{}]
    for name, default in defaults.items():
        if name in tool.to:
            continue
        found = TIMES if name in tool.times else list(literal(said.texts))
        if name == tool.amount:
            found = list(said.numbers)
        fillings: list[Any] = ([found] if found else []) + ([NOTHING] if default != REQUIRED else [])
        ways = [{**way, name: filling} for way in ways for filling in fillings]
    yield from ways
