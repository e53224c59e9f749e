"""A small firm that sells wing sections, and a stand-in for the work on an order."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec

from firm import Firm
from firm.kernel import step, workflow
from firm.model.request import Request
from firm.model.scripted import ScriptedModel
from firm.org.artifact import Artifact
from firm.org.mission import Mission, Outcome, TaskEnd
from firm.org.plan import Done, Plan, Task
from firm.org.trade.order import BOOK, RESTS, TOPIC, Order, OrderRecord, order_key, orders_in
from firm.org.trade.taking import take

PRODUCT = """
says = "A wing section for a small aeroplane."
says_zh = "小型飞机的翼型。"
words = ["wing section", "airfoil", "翼型"]
floor_usd = 0.5
assumptions = ["Two-dimensional flow."]
assumptions_zh = ["二维流动。"]

[estimate]
cpu_s = 120
usd = 0.01
tokens = 4000

[[fields]]
name = "thickness"
kind = "number"
says = "thickness of the section"
words = ["thick", "厚度", "厚"]
unit = "%"
least = 6
most = 25
ask = "How thick may it be, in % of its chord?"
ask_zh = "相对厚度是多少（弦长的百分之几）？"

[[fields]]
name = "reynolds"
kind = "number"
says = "Reynolds number"
words = ["re", "雷诺数"]
least = 5e4
most = 1e7
default = 1e6

[[fields]]
name = "use"
kind = "choice"
says = "what flies with it"
choices = { glider = ["sailplane", "滑翔机"], drone = ["uav", "无人机"] }
ask = "What is it for: glider or drone?"
ask_zh = "用于滑翔机还是无人机？"
"""
SETTINGS = """
name = "Wing works"

[engine]
idle_s = 0.05

[org]
usd_per_core_hour = 3.0
markup = 0.25
"""
WORDS = "I need an airfoil 12 % thick for a glider, please."


def make(folder: Path) -> Path:
    """The firm's folder."""
    (folder / "products").mkdir(parents=True)
    (folder / "products" / "wing-section.toml").write_text(PRODUCT, "utf-8")
    (folder / "firm.toml").write_text(SETTINGS, "utf-8")
    return folder


def outcome_of(mission: Mission, run: str, **changes: Any) -> Outcome:
    """A mission that was carried out by a program in two seconds of a processor."""
    made = Artifact(
        name="section", data={"name": "s1", "cpu_s": 60.0}, maker="explorer", how="program", task="explore"
    )
    task = Task(
        id="explore", says="Search.", role="explorer", makes="section", done=Done(says="there"), deliver=True
    )
    end = TaskEnd(id="explore", status="accepted", artifact=made)
    outcome = Outcome(
        run=run,
        mission=mission.text,
        ending="reached",
        plan=Plan(goals=(), tasks=(task,)),
        tasks=(end,),
        order=mission.order,
    )
    return msgspec.structs.replace(outcome, **changes)


@step
async def work(mission: Mission, run: str) -> Outcome:
    """Stand-in for all that is done."""
    return outcome_of(mission, run)


@workflow
async def carried_out(mission: Mission) -> Outcome:
    """Stand-in for `firm.org.carry.carry_out`."""
    from firm.kernel import current_run

    return await work(mission, current_run().id)


def silent() -> ScriptedModel:
    """A model that gives nothing of use."""
    return ScriptedModel(lambda _: "no idea")


def reader(product: str = "wing-section", **values: Any) -> ScriptedModel:
    """A model that always reads the same."""

    def answer(request: Request) -> dict[str, Any]:
        asked = request.schema["properties"]["values"]["properties"] if request.schema else {}
        return {"product": product, "values": dict.fromkeys(asked) | values}

    return ScriptedModel(answer)


async def ordered(firm: Firm, text: str, id: str = "order-1", **more: Any) -> OrderRecord:
    """Order, and wait until it rests."""
    await firm.start(take, Order(text=text, **more), id=id)
    return await rested(firm, id)


async def rested(firm: Firm, id: str, *, after: int = -1) -> OrderRecord:
    """How an order stands when it rests; with `after`, when it was written again since that moment."""
    async with asyncio.timeout(20):
        while True:
            record = await record_of(firm, id)
            if record is not None and record.state in RESTS and record.at_us > after:
                return record
            await asyncio.sleep(0.005)


async def record_of(firm: Firm, id: str) -> OrderRecord | None:
    """How an order stands."""
    found = orders_in(await firm.rows(BOOK, prefix=order_key(id)))
    return next((one for one in found if one.id == id), None)


async def say(firm: Firm, record: OrderRecord, **word: Any) -> OrderRecord:
    """Say something as the customer, and wait until the order rests again."""
    await firm.send(record.id, TOPIC, word)
    return await rested(firm, record.id, after=record.at_us)
