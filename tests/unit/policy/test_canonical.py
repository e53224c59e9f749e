"""Canonical JSON against the examples of RFC 8785, and the hash of an action."""

import struct
from typing import Any

import pytest

from firm.errors import UsageError
from firm.policy.action import Action
from firm.policy.canonical import MAX_DEPTH, action_hash, canonical, canonical_action, number

APPENDIX_B = """
0000000000000000 0
8000000000000000 0
0000000000000001 5e-324
8000000000000001 -5e-324
7fefffffffffffff 1.7976931348623157e+308
ffefffffffffffff -1.7976931348623157e+308
4340000000000000 9007199254740992
c340000000000000 -9007199254740992
4430000000000000 295147905179352830000
44b52d02c7e14af5 9.999999999999997e+22
44b52d02c7e14af6 1e+23
44b52d02c7e14af7 1.0000000000000001e+23
444b1ae4d6e2ef4e 999999999999999700000
444b1ae4d6e2ef4f 999999999999999900000
444b1ae4d6e2ef50 1e+21
3eb0c6f7a0b5ed8c 9.999999999999997e-7
3eb0c6f7a0b5ed8d 0.000001
41b3de4355555553 333333333.3333332
41b3de4355555554 333333333.33333325
41b3de4355555555 333333333.3333333
41b3de4355555556 333333333.3333334
41b3de4355555557 333333333.33333343
becbf647612f3696 -0.0000033333333333333333
43143ff3c1cb0959 1424953923781206.2
"""


@pytest.mark.parametrize("line", APPENDIX_B.split("\n")[1:-1])
def test_numbers_are_written_as_in_appendix_b(line: str) -> None:
    bits, text = line.split()
    assert number(struct.unpack(">d", bytes.fromhex(bits))[0]) == text


@pytest.mark.parametrize("bits", ["7fffffffffffffff", "7ff0000000000000", "fff0000000000000"])
def test_what_is_no_number_is_refused(bits: str) -> None:
    with pytest.raises(UsageError, match="finite"):
        number(struct.unpack(">d", bytes.fromhex(bits))[0])


def test_the_example_of_section_3_2_3() -> None:
    value = {
        "\u20ac": "Euro Sign", "\r": "Carriage Return", "\ufb33": "Hebrew Letter Dalet With Dagesh", "1": "One",
        "\U0001f600": "Emoji: Grinning Face", "\u0080": "Control", "\u00f6": "Latin Small Letter O With Diaeresis",
    }  # fmt: skip
    order = ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]
    body = canonical(value).decode()
    places = [body.index(value[key]) for key in order]
    assert places == sorted(places)
    assert body.startswith('{"\\r":"Carriage Return","1":"One"')


def test_the_example_of_section_3_2_4() -> None:
    value = {
        "numbers": [333333333.33333329, 1e30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": "\u20ac$\u000f\nA'\u0042\u0022\u005c\\\"\u002f",
        "literals": [None, True, False],
    }
    wanted = (
        '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
        '"string":"\u20ac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )
    assert canonical(value) == wanted.encode()


def test_large_whole_numbers_are_not_rounded() -> None:
    assert canonical(2**53) == b"9007199254740992"
    assert canonical(2**53 + 1) == b"9007199254740993e0"
    assert canonical(1152921504606847000) != canonical(2.0**60)


def nested(depth: int) -> Any:
    value: Any = 0
    for _ in range(depth):
        value = [value]
    return value


def test_depth_has_a_limit() -> None:
    assert canonical(nested(MAX_DEPTH))
    with pytest.raises(UsageError, match="flatter"):
        canonical(nested(MAX_DEPTH + 1))
    with pytest.raises(UsageError, match="flatter"):
        canonical(nested(100_000))


@pytest.mark.parametrize(
    "value",
    [b"bytes", {1: "one"}, {"a": {None: 1}}, {1, 2}, object(), "\ud800", {"\udc00": 1}, 1 << 5000, 1j],
)
def test_what_json_cannot_say_exactly_is_refused(value: Any) -> None:
    with pytest.raises(UsageError):
        canonical(value)


PAY = Action("pay", "spend", {"to": "shop", "usd": 5}, to="shop", usd_micro=5_000_000, agent="ann", run="r-1")


@pytest.mark.parametrize(
    "other",
    [
        Action(
            "pay",
            "spend",
            {"to": "sh\u043ep", "usd": 5},
            to="shop",
            usd_micro=5_000_000,
            agent="ann",
            run="r-1",
        ),
        Action(
            "pay", "spend", {"to": "shop", "usd": 6}, to="shop", usd_micro=5_000_000, agent="ann", run="r-1"
        ),
        Action(
            "pay", "spend", {"to": "shop", "usd": 5}, to="shop", usd_micro=5_000_000, agent="ann", run="r-2"
        ),
        Action(
            "pay", "spend", {"to": "shop", "usd": 5}, to="shop", usd_micro=5_000_000, agent="bob", run="r-1"
        ),
        Action(
            "pay", "spend", {"to": "shop", "usd": 5}, to="shop", usd_micro=5_000_001, agent="ann", run="r-1"
        ),
        Action(
            "pay", "send", {"to": "shop", "usd": 5}, to="shop", usd_micro=5_000_000, agent="ann", run="r-1"
        ),
    ],
)
def test_another_action_has_another_hash(other: Action) -> None:
    assert action_hash(PAY) != action_hash(other)


def test_the_hash_of_an_action_stays_the_same_in_later_versions() -> None:
    assert canonical_action(PAY, place=3, effect="once", until_us=7).decode() == (
        '{"agent":"ann","args":{"to":"shop","usd":5},"effect":"once","host":"","marks":[],"place":3,"risk":"spend",'
        '"run":"r-1","to":["shop"],"tool":"pay","until_us":7,"usd_micro":5000000}'
    )
    assert action_hash(PAY, place=3, effect="once", until_us=7) == (
        "981a0fcf0251690c388f042d5ea7d2670bfb116cec692d8178e8faf84d9d17cc"
    )


def test_the_way_a_destination_is_given_does_not_matter() -> None:
    one, other = (Action("pay", to=to, marks=("a",)) for to in ("shop", ("shop",)))
    assert action_hash(one) == action_hash(other)


def test_what_cannot_be_hashed_names_the_tool() -> None:
    with pytest.raises(UsageError, match="arguments of 'pay' cannot be written exactly: nan"):
        canonical_action(Action("pay", args={"usd": float("nan")}))
