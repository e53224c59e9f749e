"""Rules in plain words that contradict each other.

One rule: only what is certain is said: one rule asks for exactly what the other forbids, in the same words. Rules
that contradict each other in other words are for a person to see.
"""

import re
from collections.abc import Sequence

_FORBIDS = re.compile(
    r"\b(?:must never|should never|may never|must not|should not|may not|cannot|can not|do not|don't|never)\b"
    r"|从不|从来不|绝不|决不|永不|不得|不要|不能|不可|不准|禁止|严禁|切勿|请勿"
)
_ASKS = re.compile(r"\b(?:always|must|should|shall|do)\b|总是|始终|永远|必须|务必|一定要|一律|应当|应该")
_SUBJECT = re.compile(r"^you\s+|^[你您]")
_EDGE = " .,;:!?。，；：！？\"'“”‘’`"


def contradictions(rules: Sequence[str]) -> list[tuple[str, str]]:
    """Pairs of rules of which one asks for what the other forbids: always X, never X.

    Args:
        rules: One sentence each, English or Chinese. What neither forbids nor says 'always' asks.
    """
    seen: dict[str, tuple[str, bool]] = {}
    found = []
    for rule in rules:
        core, forbids = _core(rule)
        first, first_forbids = seen.setdefault(core, (rule, forbids))
        if core and first_forbids != forbids:
            found.append((first, rule))
    return found


def _core(rule: str) -> tuple[str, bool]:
    """What a rule is about, and whether it forbids it."""
    words = _SUBJECT.sub("", re.sub(r"\s+", " ", rule.replace("\u2019", "'")).strip(_EDGE).lower())
    rest, count = _FORBIDS.subn(" ", words, count=1)
    forbids = count > 0
    if not forbids:
        rest = _ASKS.sub(" ", words, count=1)
    return re.sub(r"\s+", " ", rest).strip(_EDGE), forbids
