"""Whoever is not allowed cannot dress up as someone who is: arguments are bent in every way, and none gets through.

One rule: a destination that the founder named is exactly the text that he wrote; whatever reads alike, sorts alike or
is normalised to it is someone else.
"""

import unicodedata
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from firm.policy.action import UNTRUSTED, Action
from firm.policy.capability import Capability, Charter
from firm.policy.judge import judge
from firm.policy.match import host_of
from firm.policy.rule import Rule
from firm.policy.rulebook import Rulebook

NAMED = "ana.oliveira@example.com"
STRANGER = "ana.oliveira@evil.example"
NOW = 1_700_000_000_000_000
LOOKALIKES = str.maketrans("aeioclpxy", "аеіосӏрху")
INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff\u00ad\u202e\u2066\u180e\u0301\x00\x7f"
EDGES = [".", "。", " ", "\n", "\t", "\r\n", "\x00", "/", "#", "?", ";", ",", "%20", "*", "\\"]

Bend = Callable[[str], str]


def lookalike(text: str, at: int) -> str:
    """One letter that reads alike."""
    return text[:at] + text[at : at + 1].translate(LOOKALIKES) + text[at + 1 :]


def wide(text: str) -> str:
    """The same letters, full width: NFKC brings them back."""
    return "".join(chr(ord(letter) + 0xFEE0) if "!" <= letter <= "~" else letter for letter in text)


PLACES = st.integers(0, len(NAMED))
BENDS: st.SearchStrategy[Bend] = st.one_of(
    st.sampled_from([str.upper, str.title, str.swapcase, str.casefold, str.capitalize, wide]),
    st.sampled_from(["NFC", "NFD", "NFKC", "NFKD"]).map(
        lambda form: lambda text: unicodedata.normalize(form, text)  # type: ignore[arg-type]
    ),
    PLACES.map(lambda at: lambda text: lookalike(text, at)),
    st.tuples(PLACES, st.sampled_from(INVISIBLE)).map(
        lambda drawn: lambda text: text[: drawn[0]] + drawn[1] + text[drawn[0] :]
    ),
    st.sampled_from(EDGES).map(lambda edge: lambda text: text + edge),
    st.sampled_from(EDGES).map(lambda edge: lambda text: edge + text),
    st.sampled_from(["{0}, {1}", "{1},{0}", "{0}\n{1}", "{0} <{1}>", "{1}@{0}", "{0}?to={1}", "{0}\x00{1}",
                     "mailto:{1}?cc={0}", "[{0}]", '"{0}" {1}', "{0}+{1}", "*{1}", "[a]{1}"]).map(
        lambda frame: lambda text: frame.format(NAMED, text)
    ),
)  # fmt: skip


@st.composite
def disguises(draw: st.DrawFn) -> str:
    """A stranger's address or the named one, bent up to four times; never the named one itself."""
    text = draw(st.sampled_from([STRANGER, NAMED]))
    for bend in draw(st.lists(BENDS, min_size=1, max_size=4)):
        text = bend(text)
    return STRANGER if text == NAMED else text


CARELESS: list[Bend] = [
    str.casefold,
    str.strip,
    lambda text: text.rstrip("."),
    lambda text: unicodedata.normalize("NFKC", text),
    lambda text: "".join(letter for letter in text if letter.isprintable()),
]
"""Ways to compare that would let somebody through."""


@pytest.mark.parametrize("careless", CARELESS)
def test_the_disguises_would_deceive_whoever_compares_carelessly(careless: Bend) -> None:
    search = settings(max_examples=20_000, derandomize=True, database=None, phases=[Phase.generate])
    found = find(disguises(), lambda text: careless(text) == NAMED, settings=search)
    assert found != NAMED


def charter(*, asks: bool) -> Charter:
    """Mail to the named one, without copies; to others a question, or nothing."""
    named = Capability(tool="mail", to=(NAMED,), where={"copies": [], "subject": ["Hello", "Goodbye"]})
    return Charter(levels=((named, Capability(tool="mail")) if asks else (named,),))


def word(to: tuple[str, ...], args: dict[str, Any], *, asks: bool = True, tainted: bool = True) -> str:
    """What becomes of a mail."""
    marks = (UNTRUSTED,) if tainted else ()
    action = Action("mail", "send", {"copies": None, "subject": "Hello", **args}, to=to, marks=marks)
    return judge(action, charter(asks=asks), Rulebook(), NOW).then


@pytest.mark.parametrize("tainted", [False, True])
def test_the_named_destination_needs_no_question(tainted: bool) -> None:
    assert word((NAMED,), {}, tainted=tainted) == "allow"


@settings(max_examples=400, deadline=None)
@given(disguises(), st.booleans())
def test_no_disguise_is_taken_for_the_named_destination(disguise: str, tainted: bool) -> None:
    assert word((disguise,), {}, tainted=tainted) == "ask"
    assert word((disguise,), {}, asks=False, tainted=tainted) == "deny"


@settings(max_examples=200, deadline=None)
@given(disguises(), st.permutations([0, 1, 2]))
def test_no_disguise_hides_among_named_destinations(disguise: str, order: list[int]) -> None:
    among = [NAMED, disguise, NAMED]
    to = tuple(among[place] for place in order)
    assert word(to, {}) == "ask"
    assert word(to, {}, asks=False) == "deny"


WRAPPINGS: list[Callable[[object], object]] = [
    lambda value: value,
    lambda value: [value],
    lambda value: [[value]],
    lambda value: {"0": value},
    lambda value: [None, value],
    lambda value: ["", {"a": [value]}],
]


@settings(max_examples=200, deadline=None)
@given(disguises() | st.just(NAMED), st.sampled_from(WRAPPINGS))
def test_an_argument_that_must_be_left_out_is_not_filled_in_any_wrapping(
    value: str, wrap: Callable[[object], object]
) -> None:
    assert word((NAMED,), {"copies": wrap(value)}) == "ask"
    assert word((NAMED,), {"copies": wrap(value)}, asks=False) == "deny"


@settings(max_examples=200, deadline=None)
@given(st.lists(BENDS, min_size=1, max_size=3), st.sampled_from(WRAPPINGS))
def test_content_that_was_dictated_cannot_be_bent(
    bends: list[Bend], wrap: Callable[[object], object]
) -> None:
    subject = "Hello"
    for bend in bends:
        subject = bend(subject)
    expected = "allow" if subject in {"Hello", "Goodbye"} and wrap in WRAPPINGS[:3] else "ask"
    assert word((NAMED,), {"subject": wrap(subject)}) == expected


SAME_HOST: st.SearchStrategy[Bend] = st.sampled_from(
    [str.upper, str.title, wide, lambda host: host.replace(".", "。"), lambda host: host.replace(".", "｡")]
)


@settings(max_examples=100, deadline=None)
@given(st.lists(SAME_HOST, max_size=3), st.sampled_from(["evil.example", "evil.example."]))
def test_a_denied_host_stays_denied_however_it_is_written(bends: list[Bend], host: str) -> None:
    for bend in bends:
        host = bend(host)
    book = Rulebook(rules=(Rule(then="allow", tool="get"), Rule(then="deny", host="evil.example")))
    action = Action("get", "send", {"url": f"https://{host}/"}, to=(f"https://{host}/",), host=host_of(host))
    assert judge(action, Charter(), book, NOW).then == "deny"
