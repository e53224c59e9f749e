"""Every request is admitted before it leaves and paid when it is over, whatever becomes of it."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

import msgspec
import pytest
from tests.unit.model.tills import PaperTill

from firm.errors import BudgetExceeded, UsageError
from firm.ledger import price as prices
from firm.ledger.gpu import Pool
from firm.model import (
    Abilities,
    BadReply,
    Delta,
    Entry,
    Message,
    Model,
    Models,
    ModelUnavailable,
    NotAble,
    Reply,
    Request,
    Sampling,
    ScriptedModel,
    Text,
    Tool,
    UnknownPrice,
    Watch,
    chat,
)
from firm.model.bound import most_read
from firm.model.endpoint import MIN_SAMPLES
from firm.model.paid import LATE, UNKNOWN_COST, Paid, is_free
from firm.model.record import Log
from firm.model.vectors import Vectors
from firm.model.wire.fault import Fault, Kind
from firm.trace import attribute
from firm.units import Usage
from firm.units.amount import Amount

T = TypeVar("T")
PRICED = Model(
    "https://models.example/v1", "m", usd_per_mtok={"input": 2.0, "output": 10.0, "cache_read": 0.5}
)
LISTED = Model("https://api.openai.com/v1", "gpt-5")
GPUS = Model("http://gpu-1:8000/v1", "m", usd_per_gpu_hour=3.6, gpus=2)
REQUEST = Request((Message("user", "How high is the moon?"),), max_tokens=100)
ABLE = Abilities(probed=True)


class Remote(ScriptedModel):
    """Answers by rule, as if it were at another address."""

    def __init__(self, answers: Any, model: Model = PRICED) -> None:
        super().__init__(answers)
        self.model = model


def paid(backend: ScriptedModel, till: PaperTill | None, **options: Any) -> Paid:
    return Paid(backend, "m", till, **{"deadline_s": 600.0, "pools": {}, "server": True} | options)


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


def answered(usage: Usage, text: str = "384,400 km", stop: str = "stop") -> Reply:
    return Reply((Text(text),), usage, stop)


# --- what is reserved, and what is paid ------------------------------------------------------------------------


def test_a_request_reserves_its_maximum_and_pays_what_it_used() -> None:
    till = PaperTill()
    usage = Usage(20, 8, 0, 30, 5)
    reply = run(paid(Remote([answered(usage)]), till).say(REQUEST, ABLE, None))
    fare = till.only.fare
    read = most_read(REQUEST, PRICED)
    assert (fare.name, fare.model, fare.operation) == ("m", PRICED, "chat")
    assert fare.most == Amount(read * 2 + 100 * 10, input=read, output=100, calls=1)
    assert till.only.used == Amount(20 * 2 + 4 + 35 * 10, 20, 8, 0, 30, 5, calls=1)
    assert till.only.saved_usd_micro == 8 * 2 - 4
    assert (reply.cost_usd, reply.priced) == (394 / 1e6, True)


def test_a_price_of_the_list_is_taken_with_its_date_and_tier() -> None:
    till = PaperTill()
    model = msgspec.structs.replace(LISTED, tier="priority")
    backend = Remote([answered(Usage(1000, output=100))] * 2, model)
    run(paid(backend, till).say(REQUEST, ABLE, None))
    assert till.only.used.usd_micro == 1000 * 5 // 2 + 100 * 20
    run(paid(backend, till).say(msgspec.structs.replace(REQUEST, tier="batch"), ABLE, None))
    assert till.papers[1].used.usd_micro == 625 + 100 * 5


def test_own_gpus_cost_the_time_for_which_they_were_busy_and_at_most_their_deadline() -> None:
    till = PaperTill()
    clock = iter(range(0, 10**12, 250_000_000))
    pools = {GPUS.address: Pool(2, lambda: next(clock))}
    model = msgspec.structs.replace(GPUS, deadline_s=30.0)
    reply = run(
        paid(Remote([answered(Usage(5, output=7))], model), till, pools=pools).say(REQUEST, ABLE, None)
    )
    assert till.only.fare.most.gpu_ms == 60_000
    assert till.only.fare.most.usd_micro == 60_000
    assert till.only.used == Amount(500, 5, output=7, gpu_ms=500, calls=1)
    assert (reply.cost_usd, reply.priced, reply.gpu_s) == (0.0005, True, 0.5)


def test_what_took_longer_than_its_deadline_is_paid_up_to_there() -> None:
    till = PaperTill()
    clock = iter([0, 10**15])
    pools = {GPUS.address: Pool(2, lambda: next(clock))}
    run(paid(Remote([answered(Usage(5, output=7))], GPUS), till, pools=pools).say(REQUEST, ABLE, None))
    assert till.only.used.gpu_ms == till.only.fare.most.gpu_ms == 1_200_000
    assert till.only.used.usd_micro == till.only.fare.most.usd_micro


def test_own_compute_without_a_price_is_counted_and_unpriced() -> None:
    till = PaperTill()
    model = Model("http://gpu-1:8000/v1", "m")
    reply = run(paid(Remote([answered(Usage(5, output=7))], model), till).say(REQUEST, ABLE, None))
    assert (till.only.fare.most.usd_micro, till.only.fare.most.gpu_ms) == (0, 600_000)
    assert (till.only.used.input, till.only.used.output, till.only.used.usd_micro) == (5, 7, 0)
    assert (reply.priced, reply.cost_usd) == (False, 0.0)


def test_what_is_no_server_counts_time_of_this_machine() -> None:
    till = PaperTill()
    run(paid(ScriptedModel(["hi"]), till, server=False).say(REQUEST, ABLE, None))
    most, used = till.only.fare.most, till.only.used
    assert (most.usd_micro, most.gpu_ms, most.cpu_ms) == (0, 0, 600_000)
    assert used.input > 0 and used.gpu_ms == 0 and used.cpu_ms < 600_000


def test_a_server_that_does_not_say_what_it_used_is_paid_its_maximum() -> None:
    till = PaperTill()
    run(paid(Remote([answered(Usage())]), till).say(REQUEST, ABLE, None))
    assert till.only.used == till.only.fare.most
    own = PaperTill()
    backend = Remote([answered(Usage())], Model("http://gpu-1:8000/v1", "m"))
    run(paid(backend, own).say(REQUEST, ABLE, None))
    assert own.only.used.tokens == own.only.fare.most.tokens


def test_vectors_are_paid_for_by_what_they_read() -> None:
    class Vectorial(Remote):
        async def embed(self, texts: Sequence[str]) -> Vectors:
            return Vectors(usage=Usage(7))

    till = PaperTill()
    embed = paid(Vectorial([], PRICED), till).embed
    assert embed is not None
    run(embed(["one", "two"]))
    assert (till.only.fare.operation, till.only.fare.most.output) == ("embed", 0)
    assert till.only.used == Amount(14, 7, calls=1)
    assert paid(ScriptedModel([]), till).embed is None


def test_without_a_till_nothing_is_asked_and_the_price_is_told_all_the_same() -> None:
    backend = paid(Remote([answered(Usage(10, output=10))]), None)
    reply = run(backend.say(REQUEST, ABLE, None))
    assert (reply.cost_usd, reply.priced) == (120 / 1e6, True)


def test_without_a_till_what_costs_nothing_that_is_known_is_not_wrapped() -> None:
    scripted = ScriptedModel([])
    assert Models()._paid(scripted, "m") is scripted
    assert Models(till=PaperTill())._paid(scripted, "m") is not scripted


# --- prices that nobody knows ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "model",
    [
        Model("https://api.openai.com/v1", "gpt-5-ultra"),
        Model("https://somewhere.example/v1", "gpt-5"),
        Model("https://api.openai.com/v1", "text-embedding-3-small"),
    ],
)
def test_a_hosted_model_without_a_price_is_not_asked(model: Model) -> None:
    till, backend = PaperTill(), Remote(["hi"], model)
    with pytest.raises(UnknownPrice) as error:
        run(paid(backend, till).say(REQUEST, ABLE, None))
    assert "add to [models.m] in firm.toml: usd_per_mtok = { input = …, output = … }" in str(error.value)
    assert (backend.requests, till.papers) == ([], [])
    assert not run(paid(backend, None).say(REQUEST, ABLE, None)).priced


def test_without_the_price_list_the_message_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    prices._found.cache_clear()
    monkeypatch.setitem(__import__("sys").modules, "genai_prices", None)
    with pytest.raises(UnknownPrice, match=r"pip install 'firm\[prices\]'.*usd_per_mtok"):
        run(paid(Remote(["hi"], LISTED), PaperTill()).say(REQUEST, ABLE, None))
    assert not run(paid(Remote(["hi"], LISTED), None).say(REQUEST, ABLE, None)).priced


def test_of_a_model_that_was_given_as_itself_no_section_is_named() -> None:
    async def use() -> None:
        async with Models(till=PaperTill()):
            await chat("hi", model=Model("https://somewhere.example/v1", "m"))

    with pytest.raises(UnknownPrice, match=r"give Model\(…, usd_per_mtok="):
        run(use())


# --- what failed -----------------------------------------------------------------------------------------------

VOID = (Kind.KEY, Kind.MODEL, Kind.CONTEXT, Kind.REQUEST, Kind.FUNDS, Kind.RATE, Kind.OVERLOAD, Kind.SERVER)


@pytest.mark.parametrize("kind", Kind)
def test_each_kind_of_fault_is_void_or_lost(kind: Kind) -> None:
    till = PaperTill()
    with pytest.raises(Fault):
        run(paid(Remote([Fault(kind, "no, sk-secret")]), till).say(REQUEST, ABLE, None))
    expected = "lost" if kind in UNKNOWN_COST else "void"
    assert till.ends == [expected]
    assert (expected == "void") == (kind in VOID or kind in (Kind.CONNECT, Kind.FILTER))
    assert "sk-secret" not in str(till.only.ends)


@pytest.mark.parametrize("status", sorted(LATE))
def test_a_go_between_that_gave_up_leaves_it_open_what_it_took(status: int) -> None:
    assert not is_free(Fault(Kind.SERVER, "late", status=status))
    assert is_free(Fault(Kind.SERVER, "no", status=500))


def test_an_error_after_the_first_token_is_lost_and_one_with_usage_is_paid() -> None:
    begun = Fault(Kind.SERVER, "broke off")
    begun.begun = True
    known = Fault(Kind.FILTER, "withheld")
    known.begun, known.usage = True, Usage(20, output=3)
    till = PaperTill()
    for fault in (begun, known):
        with pytest.raises(Fault):
            run(paid(Remote([fault]), till).say(REQUEST, ABLE, None))
    assert till.ends == ["lost", "settled"]
    assert till.papers[1].used == Amount(70, 20, output=3, calls=1)


@pytest.mark.parametrize(
    ("error", "end"),
    [
        (NotAble("no eyes"), "void"),
        (UsageError("a session that cannot be a header"), "void"),
        (ValueError("a watcher's own"), "lost"),
    ],
)
def test_what_never_left_is_void_and_what_nobody_knows_is_lost(error: Exception, end: str) -> None:
    till = PaperTill()
    with pytest.raises(type(error)):
        run(paid(Remote([error]), till).say(REQUEST, ABLE, None))
    assert till.ends == [end]


def test_one_that_was_cancelled_in_the_middle_is_lost_and_one_that_was_not_admitted_has_no_ticket() -> None:
    async def use() -> PaperTill:
        till, begun = PaperTill(), asyncio.Event()

        async def answer(request: Request) -> str:
            begun.set()
            await asyncio.Event().wait()
            return "never"

        call = asyncio.ensure_future(paid(Remote(answer), till).say(REQUEST, ABLE, None))
        await begun.wait()
        call.cancel()
        await asyncio.wait([call])
        till.gate = asyncio.Event()
        waiting = asyncio.ensure_future(paid(Remote(answer), till).say(REQUEST, ABLE, None))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
        return till

    till = run(use())
    assert (till.ends, till.only.ends) == (["lost"], [("lost", "cancelled")])


# --- through the router ----------------------------------------------------------------------------------------


def use(models: dict[str, Any], till: PaperTill, work: Any, **options: Any) -> Any:
    async def inside() -> Any:
        async with Models(models, till=till, **options) as made:
            return await work(made)

    return run(inside())


def test_each_retry_has_a_ticket_of_its_own() -> None:
    till = PaperTill()
    backend = Remote([Fault(Kind.CONNECT, "no"), answered(Usage(1, output=1))])
    use({"default": backend}, till, lambda models: models.call(Request(REQUEST.messages)))
    assert till.ends == ["void", "settled"]


def test_a_fallback_is_paid_for_at_its_own_price() -> None:
    till = PaperTill()
    models = {
        "default": Entry((Remote([Fault(Kind.FUNDS, "empty")]),), ("own",)),
        "own": ScriptedModel(["hi"]),
    }
    use(models, till, lambda models: models.call(Request(REQUEST.messages)))
    assert till.ends == ["void", "settled"]
    assert [paper.fare.name for paper in till.papers] == ["default", "own"]


def test_a_call_that_cannot_be_paid_is_not_repeated_and_no_other_model_is_asked() -> None:
    till = PaperTill(places=0)
    first, second = Remote(["hi"]), ScriptedModel(["hi"])
    with pytest.raises(BudgetExceeded, match="the till is empty"):
        use(
            {"default": Entry((first,), ("own",)), "own": second},
            till,
            lambda models: models.call(Request(REQUEST.messages)),
        )
    assert (first.requests, second.requests) == ([], [])


def test_a_bad_reply_was_paid_for_and_so_is_its_repair() -> None:
    till = PaperTill()
    backend = Remote([answered(Usage(10, output=10), "no JSON")] * 2)
    with pytest.raises(BadReply):
        use({"default": backend}, till, lambda models: chat("hi", schema=list[int]))
    assert till.ends == ["settled", "settled"]


def test_every_request_of_a_probe_is_paid_for() -> None:
    till = PaperTill()
    backend = Remote(lambda request: answered(Usage(10, output=10)))
    backend.abilities = Abilities()
    tool = Tool("look")
    use({"default": backend}, till, lambda models: chat("hi", tools=[tool]))
    assert len(till.papers) == len(backend.requests) > 3
    assert set(till.ends) == {"settled"}


def test_a_probe_that_cannot_be_paid_ends_the_call_and_leaves_nothing_open() -> None:
    till = PaperTill(places=2)
    backend = Remote(lambda request: answered(Usage(10, output=10)))
    backend.abilities = Abilities()
    with pytest.raises(BudgetExceeded):
        use({"default": backend}, till, lambda models: chat("hi", sampling=Sampling(logprobs=1)))
    assert till.ends == ["settled", "settled"]


def test_the_slower_of_two_is_lost_and_a_second_that_cannot_be_paid_is_not_made() -> None:
    async def work(models: Models, places: int) -> PaperTill:
        till = models._till
        assert isinstance(till, PaperTill)
        await models.call(Request(REQUEST.messages))
        [endpoint] = models.router.routes["default"].endpoints
        endpoint.times_s.extend([0.001] * MIN_SAMPLES)
        till.places = places
        await models.call(Request(REQUEST.messages))
        return till

    async def answer(request: Request) -> Reply:
        if len(backend.requests) == 2:
            await (asyncio.Event().wait() if second_may else asyncio.sleep(0.05))
        return answered(Usage(1, output=1))

    second_may, backend = True, Remote(answer)
    till = use({"default": Entry((backend,), hedge=True)}, PaperTill(), lambda models: work(models, 10))
    assert till.ends == ["settled", "lost", "settled"]
    second_may, backend = False, Remote(answer)
    till = use({"default": Entry((backend,), hedge=True)}, PaperTill(), lambda models: work(models, 2))
    assert till.ends == ["settled", "settled"]


def test_waiting_for_money_is_no_slowness_of_the_server_and_is_told() -> None:
    async def work(models: Models) -> tuple[Reply, float]:
        till = models._till
        assert isinstance(till, PaperTill)
        till.gate = asyncio.Event()
        call = asyncio.ensure_future(models.call(Request(REQUEST.messages)))
        asyncio.get_running_loop().call_later(0.1, till.gate.set)
        reply = await call
        [endpoint] = models.router.routes["default"].endpoints
        return reply, endpoint.times_s[0]

    reply, took_s = use({"default": Remote(["hi"])}, PaperTill(), work)
    assert took_s < 0.05
    assert (
        reply.timing.queue_s > 0.08
    )  # the gate opens after 0.1 s, and the call came to it a moment after that began
    assert reply.timing.total_s > 0.08


def test_a_span_says_what_a_call_cost_and_how_long_gpus_were_busy() -> None:
    reply = answered(Usage(1, output=1))
    reply.priced, reply.cost_usd, reply.gpu_s = True, 0.25, 1.5
    found = Log(REQUEST).answered(reply).attributes
    assert (found[attribute.COST_USD], found[attribute.GPU_S]) == (0.25, 1.5)


# --- secrets ---------------------------------------------------------------------------------------------------


def test_a_key_that_is_kept_as_a_secret_is_asked_for_with_its_host() -> None:
    asked = []

    def secrets(name: str, host: str) -> str:
        asked.append((name, host))
        return "sk-the-secret"

    model = msgspec.structs.replace(PRICED, key="secret:big")
    backend = Models(secrets=secrets).server(model, "big")
    assert getattr(backend, "key", "") == "sk-the-secret"
    assert asked == [("big", "models.example")]
    with pytest.raises(UsageError, match="'secret:big' cannot be read outside a firm"):
        Models().server(model, "big")


def test_what_a_server_says_is_redacted_before_it_is_told() -> None:
    class Telling(Remote):
        key = "sk-own-key-0123456789"

    backend = Telling(lambda request: Fault(Kind.REQUEST, "bad sk-own-key-0123456789 and hidden-word"), GPUS)
    models = Models(
        {"default": backend}, redact=lambda text: text.replace("hidden-word", "[secret]"), till=PaperTill()
    )

    async def work() -> None:
        await models.call(Request(REQUEST.messages))

    with pytest.raises(Exception, match=r"bad \[key\] and \[secret\]") as error:
        run(work())
    assert "hidden-word" not in repr(error.value)
    [span] = models.recorder.recent()
    assert "hidden-word" not in repr(span) and "0123456789" not in repr(span)


def test_a_stream_that_is_watched_is_paid_for_too() -> None:
    pieces: list[Delta] = []
    till = PaperTill()

    class Streaming(Remote):
        async def say(self, request: Request, abilities: Abilities, watch: Watch | None) -> Reply:
            assert watch is not None
            return await super().say(request, abilities, watch)

    use({"default": Streaming(["hello"])}, till, lambda models: models.call(REQUEST_DEFAULT, pieces.append))
    assert till.ends == ["settled"] and "".join(piece.text for piece in pieces) == "hello"


REQUEST_DEFAULT = Request(REQUEST.messages)


def test_after_all_repetitions_every_ticket_has_its_end() -> None:
    till = PaperTill()
    backend = Remote(lambda request: Fault(Kind.JUNK, "what"))
    with pytest.raises((ModelUnavailable, BadReply)):
        use({"default": backend}, till, lambda models: models.call(REQUEST_DEFAULT))
    assert len(till.ends) == len(backend.requests) == 4
    assert set(till.ends) == {"lost"}
