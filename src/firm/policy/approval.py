"""Approvals: what the founder is asked, what may be answered, and for which call an answer is good.

One rule: the question is rendered from the real arguments, never from anybody's words about them, and the answer is
good for this exact action at this place of this run, until its time is over, once.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from firm.errors import DeadlineExceeded, NeedsApproval, PolicyDenied, UsageError
from firm.ids import digest
from firm.kernel.failure import readable
from firm.policy.action import GRAVE, Action
from firm.policy.canonical import action_hash, canonical
from firm.policy.match import shown

APPROVAL, LOOP = "approval", "loop"
"""Kinds of questions."""
GO_ON, STOP = "go on", "stop"
"""Answers to a question of kind 'loop'."""
APPROVE = "approve"
"""Name of the action that workflow code describes in words of its own, see `firm.approve`."""
VALID_S = 7 * 86_400.0
"""How long an approval may be given and used."""
MAX_SHOWN_CHARS = 2_000
"""Of one argument; of a longer one beginning, end, length and hash are shown."""
MAX_WORDS_CHARS = 20_000
FOUNDER, UNVERIFIED = "founder", "unverified"
"""Who answered: proved, or not."""

Do = Literal["accept", "edit", "say", "refuse"]
ANSWERS: dict[Do, tuple[str, ...]] = {
    "accept": (),
    "edit": ("args",),
    "say": ("words",),
    "refuse": ("reason",),
}
"""Answer -> what goes with it, besides 'do' and 'proof'."""

CheckProof = Callable[[str, str, object, object, int], object]
"""`(question_id, action_hash, answer, proof, now_us)`; raises PolicyDenied where it is not proved."""


class Asked(msgspec.Struct, frozen=True):
    """What the founder is asked; stands in the journal beside the question."""

    action: Action
    """With its real arguments; of kind 'loop' the call that goes round."""
    place: int
    """Number of the attempt's call in the run; the hash has it."""
    effect: str
    why: str
    """Who asks: the verdict's sentence."""
    until_us: int
    """When the approval ends, microseconds since 1970."""
    kind: str = APPROVAL
    before: tuple[str, ...] = ()
    """What led to it: the run's last calls, the oldest first."""

    @property
    def hash(self) -> str:
        """Of the exact action."""
        return action_hash(self.action, place=self.place, effect=self.effect, until_us=self.until_us)

    @property
    def is_grave(self) -> bool:
        """Whether only the founder's proven word counts."""
        return self.action.risk in GRAVE

    def encode(self) -> bytes:
        """Bytes for the journal."""
        return msgspec.msgpack.encode(self)

    @staticmethod
    def decode(body: bytes) -> "Asked":
        """From the journal."""
        return _decode_asked(body)

    def error(self) -> NeedsApproval:
        """What an attempt raises in order to have it asked.

        Raises:
            UsageError: the arguments have no canonical form.
        """
        return NeedsApproval(
            self.hash if self.kind == APPROVAL else "",
            call_text(self.action),
            self.why,
            msgspec.to_builtins(self),
        )

    @staticmethod
    def of(error: NeedsApproval) -> "Asked | None":
        """What an attempt wants to have asked; None where the error is not the gate's."""
        try:
            return msgspec.convert(error.detail, Asked)
        except msgspec.ValidationError:
            return None


_decode_asked = msgspec.msgpack.Decoder(Asked).decode


# --- what is shown ---------------------------------------------------------------------------------------------


def call_text(action: Action) -> str:
    """The call on one line, short; for errors and lists."""
    parts = [f"{name}={_short(value)}" for name, value in action.args.items()]
    return readable(f"{action.tool}({', '.join(parts)})")[:300]


def question_text(asked: Asked) -> str:
    """The whole question, as the founder reads it."""
    action = asked.action
    if asked.kind == LOOP:
        return f"{call_text(action)}: {asked.why}. 'go on', or 'stop' the run here?"
    lines = [f"{_who(action)} wants to call {action.tool}:"]
    lines += [f"  {_name(name)} = {_long(value)}" for name, value in action.args.items()]
    facts = [f"risk: {action.risk}"]
    facts += [f"to {shown(to)}" for to in action.destinations if to]
    facts += [f"at {shown(action.host)}"] if action.host else []
    facts += [f"costs at most {_usd(action.usd_micro)}"] if action.usd_micro else []
    facts += [f"the run is marked {', '.join(map(shown, action.marks))}"] if action.marks else []
    lines += ["; ".join(facts), f"asked because {asked.why}"]
    lines += (
        ["before that, the latest last:", *(f"  {call}" for call in asked.before)] if asked.before else []
    )
    return readable("\n".join(lines))


def _usd(usd_micro: int) -> str:
    whole, part = divmod(usd_micro, 1_000_000)
    return f"{whole:,}.{f'{part:06}'.rstrip('0'):0<2} USD"


def _who(action: Action) -> str:
    who = f"agent {action.agent!r}" if action.agent else "workflow code"
    return f"{who} of run {action.run!r}" if action.run else who


def _name(name: str) -> str:
    return name if name.isidentifier() and name.isascii() else ascii(name)


def _json(value: Any) -> str:
    """Canonical, and nothing in it that a screen would not show as it is."""
    try:
        text = canonical(value).decode()
    except UsageError:
        text = repr(value)
    return "".join([char if char.isprintable() else ascii(char)[1:-1] for char in text])


def _short(value: Any) -> str:
    text = _json(value)
    return text if len(text) <= 60 else text[:59] + "…"


def _long(value: Any) -> str:
    text = _json(value)
    if len(text) <= MAX_SHOWN_CHARS:
        return text
    half = MAX_SHOWN_CHARS // 2
    left_out = len(text) - 2 * half
    return (
        f"{text[:half]}\n    … {left_out:,} characters are not shown here (all of them: hash {digest(text)}) …\n"
        f"    {text[-half:]}"
    )


def when(at_us: int) -> str:
    """A moment, for people."""
    return datetime.fromtimestamp(at_us / 1e6, UTC).strftime("%Y-%m-%d %H:%M UTC")


# --- answers ---------------------------------------------------------------------------------------------------


class Word(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The founder's answer to an approval."""

    do: Do
    args: dict[str, Any] = {}
    """Of 'edit': arguments that are to be others."""
    words: str = ""
    """Of 'say'."""
    reason: str = ""
    """Of 'refuse'."""
    proof: Any = None
    """See `firm.policy.identity`."""


def read_word(value: object, asked: Asked) -> Word:
    """An answer that has the shape of one of the four.

    Raises:
        UsageError: it has not, or edits arguments that the call does not have.
    """
    try:
        word = msgspec.convert(value, Word)
    except msgspec.ValidationError as error:
        raise UsageError(
            f"{_short(value)} answers no approval ({error}): give {{'do': 'accept'}}, {{'do': 'edit', 'args': {{…}}}}, "
            "{'do': 'say', 'words': …} or {'do': 'refuse', 'reason': …}"
        ) from None
    assert isinstance(value, dict)
    more = sorted(set(value) - {"do", "proof", *ANSWERS[word.do]})
    if more:
        raise UsageError(f"the answer {word.do!r} takes no {', '.join(map(repr, more))}")
    if word.do == "edit":
        _check_edit(word, asked)
    if word.do == "say" and not word.words.strip():
        raise UsageError("the answer 'say' has no words; give {'do': 'say', 'words': …}")
    if max(len(word.words), len(word.reason)) > MAX_WORDS_CHARS:
        raise UsageError(f"the answer {word.do!r} is longer than {MAX_WORDS_CHARS:,} characters")
    return word


def _check_edit(word: Word, asked: Asked) -> None:
    known = asked.action.args
    if not word.args:
        raise UsageError("the answer 'edit' changes nothing; give {'do': 'edit', 'args': {NAME: VALUE}}")
    unknown = sorted(set(word.args) - set(known))
    if unknown:
        raise UsageError(
            f"{asked.action.tool} has no argument {unknown[0]!r}; it has {', '.join(known) or 'none'}"
        )
    try:
        canonical(word.args)
    except UsageError as error:
        raise UsageError(f"the answer 'edit': {error}") from None


def check_answer(question: str, asked: Asked, value: object, check_proof: CheckProof, now_us: int) -> str:
    """Whether an answer to an approval may be written down; who gave it: 'founder' or 'unverified'.

    Raises:
        UsageError: its shape is wrong, the time is over, or `send` or `spend` is to be let through without proof.
    """
    word = read_word(value, asked)
    if now_us > asked.until_us:
        raise UsageError(f"the time to answer question {question!r} was over at {when(asked.until_us)}")
    try:
        check_proof(question, asked.hash, value, word.proof, now_us)
    except PolicyDenied as error:
        if word.proof is not None or (asked.is_grave and word.do in ("accept", "edit")):
            raise UsageError(
                f"question {question!r} lets something of risk {asked.action.risk!r} through: {error}; "
                "run `firm login`, and answer again"
            ) from None
        return UNVERIFIED
    return FOUNDER


@dataclass(frozen=True, slots=True)
class Permit:
    """The founder's yes to one call, as workflow code hands it to the attempt."""

    question: str
    asked: Asked
    given: dict[str, Any]
    """The answer as it was given, with its proof."""
    place: int
    """Number of the only call that it is for."""
    others: tuple["Permit", ...] = ()
    """Of a call to a model: those for the endpoints that it was asked at before."""

    def good_for(self, action: Action) -> "Permit | None":
        """The permit for a request of a call to a model; None where it goes to an endpoint that nobody approved.

        Retries and fallbacks are requests of one call, and each is judged for itself.
        """
        for one in (self, *self.others):
            if (one.asked.action.host, one.asked.action.args) == (action.host, action.args):
                return one
        return None

    def shown(self) -> str:
        """How it stands among the arguments of the call, in the journal."""
        return f"approved {self.question} {self.asked.hash[:16]}"


def check_permit(
    permit: Permit,
    action: Action,
    *,
    place: int,
    now_us: int,
    check_proof: CheckProof,
    normal: Callable[[dict[str, Any]], dict[str, Any]],
) -> None:
    """Whether a permit is good for what is about to be done, with the real arguments.

    Args:
        permit: What the workflow handed over.
        action: What is about to be done.
        place: Number of the call that does it.
        now_us: Microseconds since 1970.
        check_proof: See there; asked for risks `send` and `spend`.
        normal: Arguments as the tool would have them; for those that the founder edited.

    Raises:
        DeadlineExceeded: its time is over.
        PolicyDenied: it is for another action, another place, or nobody has proved it.
    """
    asked = permit.asked
    if now_us > asked.until_us:
        raise DeadlineExceeded(
            f"the approval of {call_text(asked.action)} ended at {when(asked.until_us)}, before it was used; ask again"
        )
    word = read_word(permit.given, asked)
    wanted = asked.action
    if word.do == "edit":
        edited = action.args == normal({**wanted.args, **word.args})
        wanted = msgspec.structs.replace(
            action, args=wanted.args, to=wanted.to, host=wanted.host, usd_micro=wanted.usd_micro
        )
    else:
        edited, wanted = word.do == "accept", action
    wanted = msgspec.structs.replace(wanted, marks=asked.action.marks)
    found = action_hash(wanted, place=asked.place, effect=asked.effect, until_us=asked.until_us)
    if not edited or found != asked.hash or permit.place != place:
        raise PolicyDenied(
            f"{call_text(action)} at call {place} is not what question {permit.question!r} approved "
            f"({call_text(asked.action)} at call {permit.place}); it was not done"
        )
    if action.risk in GRAVE:
        check_proof(permit.question, asked.hash, permit.given, word.proof, now_us)
