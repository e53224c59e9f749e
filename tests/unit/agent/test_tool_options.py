"""`cache=`, `to=` with several names, `secrets=`: what they let through, and what they refuse."""

import asyncio
import json
from typing import Any

import pytest
from tests.unit.agent.commanded import FakeFirm
from tests.unit.kernel.engine import engine

from firm.agent import remembered
from firm.agent.remembered import Remembered, key_of
from firm.agent.tool import invoke_json, tool, tool_of
from firm.errors import PolicyDenied, UsageError
from firm.kernel import workflow
from firm.kernel.context import opened
from firm.kernel.journal import Kind
from firm.kernel.value import codec_for
from firm.policy.broker import Broker
from firm.policy.capability import Capability, Charter
from firm.policy.redact import Redactor
from firm.policy.rule import Rule
from firm.policy.tryout import Example, action_of
from firm.trace import spans_of
from firm.trace.span import CACHE_HIT

DONE: list[Any] = []


@pytest.fixture(autouse=True)
def _clean() -> None:
    DONE.clear()


def run(main: Any) -> None:
    asyncio.run(asyncio.wait_for(main, 20))


# --- cache ---------------------------------------------------------------------------------------------------------


@workflow
async def calls(name: str, count: int, plain: dict[str, Any]) -> list[Any]:
    return [await invoke_json(TOOLS[name], json.dumps(plain)) for _ in range(count)]


def remembering() -> Any:
    @tool(risk="pure", cache=True)
    async def spell(word: str, twice: bool = False) -> list[str]:
        DONE.append(word)
        return [*word] * (1 + twice)

    return spell


TOOLS: dict[str, Any] = {}


def test_the_same_arguments_give_the_remembered_result_and_the_hit_stands_in_the_trace() -> None:
    async def main() -> None:
        TOOLS["spell"] = remembering()
        async with engine(firm=FakeFirm()) as one:
            assert await one.run(calls, "spell", 3, {"word": "ab"}) == [["a", "b"]] * 3
            assert await one.run(calls, "spell", 1, {"word": "ab", "twice": True}, id="run-2") == [
                ["a", "b"] * 2
            ]
            assert await one.run(calls, "spell", 1, {"word": "ab"}, id="run-3") == [["a", "b"]]
            assert DONE == ["ab", "ab"]
            spans = [kept.span for kept in await spans_of(one.journal, "run-1")]
            hits = [span for span in spans if any(moment.name == CACHE_HIT for moment in span.moments)]
            assert [span.name for span in hits] == ["execute_tool spell"] * 2
            events = await one.journal.read("run-1")
            assert [event.kind for event in events].count(Kind.DONE) == 3  # each call has a result of its own

    run(main())


def test_a_remembered_result_cannot_be_changed_for_the_next_one() -> None:
    async def main() -> None:
        opened.set(FakeFirm())
        spell = remembering()
        first = await spell("ab")
        first.append("spoiled")
        assert await spell("ab") == ["a", "b"] and DONE == ["ab"]

    run(main())


def test_a_rule_that_forbids_a_call_forbids_the_remembered_result_too() -> None:
    async def main() -> None:
        firm = FakeFirm()
        TOOLS["spell"] = remembering()
        async with engine(firm=firm) as one:
            await one.run(calls, "spell", 1, {"word": "ab"})
            firm.rule(Rule("deny", tool="spell"))
            with pytest.raises(PolicyDenied):
                await one.run(calls, "spell", 1, {"word": "ab"}, id="run-2")

    run(main())


def test_failures_are_not_remembered() -> None:
    @tool(risk="pure", cache=True)
    async def fails(word: str) -> str:
        DONE.append(word)
        if len(DONE) < 2:
            raise ValueError("not yet")
        return word

    async def main() -> None:
        opened.set(FakeFirm())
        with pytest.raises(ValueError, match="not yet"):
            await fails("a")
        assert await fails("a") == await fails("a") == "a" and len(DONE) == 2

    run(main())


@pytest.mark.parametrize("value", ["\ud800", 2**70])
def test_what_has_no_key_is_worked_out_each_time(value: Any) -> None:
    assert key_of({"value": value}, {"value": value}) is None
    assert key_of({"value": 1}, {"value": 1}) != key_of({"value": True}, {"value": True})
    assert key_of({"value": 1}, {"value": 1}) != key_of({"value": 1.0}, {"value": 1.0})


def test_memory_is_bounded_by_count_and_by_bytes_and_the_oldest_goes_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(remembered, "MAX_RESULTS", 3)
    monkeypatch.setattr(remembered, "MAX_BYTES", 400)
    monkeypatch.setattr(remembered, "MAX_RESULT_BYTES", 200)
    memory = Remembered(codec_for(str, "x"))
    for key in (b"a", b"b", b"c"):
        memory.add(key, key.decode())
    assert memory.find(b"a") == "a"
    memory.add(b"d", "d")
    with pytest.raises(KeyError):
        memory.find(b"b")
    memory.add(b"e", "x" * 150)
    memory.add(b"f", "x" * 150)
    memory.add(b"g", "x" * 150)
    assert len(memory) == 2 and memory.size_bytes <= 400
    memory.add(b"h", "x" * 250)  # too large to be worth it
    assert memory.find(b"g") == "x" * 150 and len(memory) == 2


@pytest.mark.parametrize(
    "options",
    [
        {"risk": "read"},
        {"risk": "write"},
        {"risk": None},
        {"risk": "pure", "effect": "keyed"},
        {"risk": "pure", "amount": "usd"},
    ],
)
def test_only_what_computes_may_be_remembered(options: dict[str, Any]) -> None:
    async def act(usd: float) -> float: ...

    with pytest.raises(UsageError, match="for what only computes"):
        tool(cache=True, **options)(act)


# --- to ------------------------------------------------------------------------------------------------------------


@tool(risk="send", effect="keyed", to=("recipients", "cc", "bcc"))
async def mail(recipients: list[str], cc: str = "", bcc: list[str] | None = None, body: str = "") -> str:
    DONE.append(recipients)
    return "sent"


TOOLS["mail"] = mail


@pytest.mark.parametrize("more", [{"cc": "eve@evil.org"}, {"bcc": ["ann@a.org", "eve@evil.org"]}])
def test_all_destinations_of_a_call_are_looked_at(more: dict[str, Any]) -> None:
    async def main() -> None:
        may = Charter(levels=((Capability("mail", to=("*@a.org",)),),)).encode()
        good = {"recipients": ["ann@a.org"], "cc": "bob@a.org"}
        async with engine(firm=FakeFirm(Rule("allow", tool="mail"))) as one:
            await one.worker.begin(calls, ("mail", 1, good), id="good", charter=may)
            assert await one.result(calls, "good") == ["sent"]
            await one.worker.begin(calls, ("mail", 1, good | more), id="bad", charter=may)
            with pytest.raises(PolicyDenied):
                await one.result(calls, "bad")
            assert DONE == [["ann@a.org"]]
        async with engine(firm=FakeFirm()) as one:
            await one.start(calls, "mail", 1, good | more)
            [question] = await one.until_asked()
            assert "to eve@evil.org" in question.text

    run(main())


def test_an_empty_destination_of_several_names_nobody_and_an_example_is_judged_alike() -> None:
    plain = {"recipients": ["ann@a.org", ""], "cc": "", "bcc": None, "body": ""}
    definition = tool_of(mail)
    assert definition.action(plain, "", "", ()).to == ("ann@a.org",)
    assert action_of(Example("mail", plain), {"mail": definition.facts}).to == ("ann@a.org",)
    with pytest.raises(UsageError, match="argument 'cc' of tool 'mail' is a destination; give text, got 7"):
        definition.action(plain | {"cc": 7}, "", "", ())


def test_one_name_in_a_tuple_is_as_the_name_by_itself() -> None:
    async def act(who: str) -> None: ...

    assert tool_of(tool(to=("who",))(act)).facts == tool_of(tool(to="who")(act)).facts
    assert tool_of(tool(to=("who",))(act)).facts.to == "who"


@pytest.mark.parametrize("to", [("who", "nobody"), ("who", "who"), ("",), 7, ("who", 7)])
def test_destinations_that_cannot_be_are_refused_at_decoration(to: Any) -> None:
    async def act(who: str) -> None: ...

    with pytest.raises(UsageError, match="to="):
        tool(to=to)(act)


# --- secrets -------------------------------------------------------------------------------------------------------


class Vault:
    """Secrets that all hosts may have."""

    def get(self, name: str, host: str) -> str:
        return f"hush-hush-{name}"


@tool(risk="read", host="url", secrets=("stripe",))
async def ask_bank(url: str, key: str) -> str:
    DONE.append(key)
    return "asked"


@tool(risk="read", host="url", secrets=())
async def ask_nobody(url: str, key: str) -> str:
    DONE.append(key)
    return "asked"


@tool(risk="read", host="url")
async def ask_any(url: str, key: str) -> str:
    DONE.append(key)
    return "asked"


@tool(risk="read")
async def echo() -> str:
    return f"the page says {DONE[-1]}"


TOOLS |= {one.tool.name: one for one in (ask_bank, ask_nobody, ask_any)}  # type: ignore[attr-defined]


def _commanded() -> FakeFirm:
    firm = FakeFirm()
    firm.change(broker=Broker(Vault(), Redactor()))  # type: ignore[arg-type]
    return firm


@pytest.mark.parametrize("name", ["ask_bank", "ask_nobody", "ask_any"])
def test_only_secrets_that_are_named_are_put_into_a_call(name: str) -> None:
    async def main() -> None:
        allowed = {"ask_bank": {"stripe"}, "ask_nobody": set(), "ask_any": {"stripe", "github"}}[name]
        async with engine(firm=_commanded()) as one:
            assert await one.run(calls, name, 1, {"url": "https://a.org", "key": "none"}) == ["asked"]
            for secret in ("stripe", "github"):
                plain = {"url": "https://a.org", "key": f"Bearer {{{{secret:{secret}}}}}"}
                if secret in allowed:
                    assert await one.run(calls, name, 1, plain, id=secret) == ["asked"]
                    assert DONE[-1] == f"Bearer hush-hush-{secret}"
                    continue
                before = len(DONE)
                with pytest.raises(PolicyDenied, match=f"secret '{secret}' is not for tool '{name}'"):
                    await one.run(calls, name, 1, plain, id=secret)
                assert len(DONE) == before

    run(main())


@workflow
async def sends_and_reads() -> str:
    await ask_any("https://a.org", "secret:stripe")
    return await echo()


def test_a_plain_read_that_brings_a_secret_back_is_struck_out_too() -> None:
    async def main() -> None:
        async with engine(firm=_commanded()) as one:
            assert await one.run(sends_and_reads) == "the page says [secret:stripe]"
            assert not any(b"hush-hush" in event.body for event in await one.journal.read("run-1"))

    run(main())


@pytest.mark.parametrize(
    ("secrets", "words"),
    [
        ("stripe", "give a tuple"),
        (("a b",), "cannot be the name"),
        (("s", "s"), "twice"),
        ((7,), "give a tuple"),
    ],
)
def test_names_of_secrets_that_cannot_be_are_refused(secrets: Any, words: str) -> None:
    async def act(url: str) -> None: ...

    with pytest.raises(UsageError, match=words):
        tool(risk="read", host="url", secrets=secrets)(act)


def test_secrets_need_a_host() -> None:
    async def act(url: str) -> None: ...

    with pytest.raises(UsageError, match="secrets= needs host="):
        tool(risk="read", secrets=("stripe",))(act)
