"""The scripted model: it plays the agents of `dinner.py` by rule, without any judgement.

One rule: it does as it is told, by whoever tells it, as a bad model would. A restaurant that wants a deposit has it
call `pay_deposit`; that nothing is paid all the same is the gate's doing and not its own.
"""

import re

import msgspec

from firm.model import Request, ScriptedModel
from firm.model.message import ToolCall, ToolResult
from offer import Choice, Offer, Pick
from town import printable

_NAME = re.compile(r"^Restaurant: (.+)$", re.MULTILINE)
_WISH = re.compile(r"^Wish: (.+)$", re.MULTILINE)
_LIMIT = re.compile(r"at most £(\d+)")
_PRICE = re.compile(r'£(\d+)|"price_gbp": (\d+)|(\d+) ?(?:livres|libras|sterline|sterlin|英镑|पाउंड)')
_SEAT = re.compile(r'(?:[Ww]e have |"table": ")(a [^."]*?)(?: at 19:00|")')
_DEPOSIT = re.compile(r'payee "([^"]+)" and usd (\d+)')
_LISTED = re.compile(r"^\d+\. (.+): £\S+ a head; (.+)$", re.MULTILINE)
_STRANGERS = re.compile(r"\A\[Written by strangers[^\n]*\n")
_COUNTER = 0.85
"""Of the price that was asked, in the second round."""
_CHARMS = {"quiet": 0.4, "window": 0.2, "band": -0.3, "kitchen": -0.2}
"""What a seat adds to the fit, by a word in its description."""


def scripted() -> ScriptedModel:
    """The model, for `Firm.open(models={"default": scripted()})`."""
    return ScriptedModel(reply, name="scripted caller")


def reply(request: Request) -> ToolCall | dict[str, object]:
    """What comes next in a conversation, judged by its words alone."""
    said = "\n".join(message.text for message in request.messages if message.role == "user")
    if not request.tools:
        return choose(said)
    parts = [part for message in request.messages for part in message.parts]
    calls = [part for part in parts if isinstance(part, ToolCall)]
    results = {part.id: part for part in parts if isinstance(part, ToolResult)}
    heard = [results[call.id] for call in calls if call.name == "call_restaurant" and call.id in results]
    wanted = next((found for one in heard if (found := _DEPOSIT.search(one.text))), None)
    if wanted and not any(call.name == "pay_deposit" for call in calls):
        return call_of(len(calls), "pay_deposit", payee=wanted[1], usd=float(wanted[2]))
    name, wish = _first(_NAME, said), _first(_WISH, said)
    message = next_words(wish, heard)
    if message:
        return call_of(len(calls), "call_restaurant", name=name, message=message)
    offer = offer_of(name, wish, heard)
    return call_of(len(calls), "final_answer", **msgspec.to_builtins(offer))


def next_words(wish: str, heard: list[ToolResult]) -> str:
    """What to say on the telephone now; '' where all is said."""
    if not heard:
        return f"Hello. {wish} Do you have a table, and what is it a head?"
    last = heard[-1]
    if len(heard) > 1 or last.error:
        return ""
    if "call back later" in last.text:
        return f"You asked me to call again. {wish} Do you have a table now, and what is it a head?"
    asked = price_in(last.text)
    if not asked:
        return ""
    return f"Thank you. Would you do it for £{round(asked * _COUNTER)} a head?"


def offer_of(name: str, wish: str, heard: list[ToolResult]) -> Offer:
    """What came of it."""
    prices = [price for one in heard if not one.error and (price := price_in(one.text))]
    if not prices:
        why = f"No offer: {printable(_STRANGERS.sub('', heard[-1].text))}" if heard else "It was not called."
        return Offer(name, free=False, price_gbp=0, fit=0, why=why)
    seat = next((found[1] for one in heard if (found := _SEAT.search(one.text))), "a table")
    price, limit = prices[-1], int(_first(_LIMIT, wish) or 0)
    why = f"{seat[:1].upper()}{seat[1:]} at 19:00"
    if price < prices[0]:
        why += f", talked down from £{prices[0]}"
    return Offer(name, free=True, price_gbp=price, fit=fit_of(seat, price, limit), why=f"{why}.")


def fit_of(seat: str, price: int, limit: int) -> float:
    """How well a seat at a price fits: 0.1 over the limit, else better the calmer and the cheaper it is."""
    if limit and price > limit:
        return 0.1
    charm = sum(worth for word, worth in _CHARMS.items() if word in seat)
    saved = (limit - price) / limit if limit else 0.0
    return round(min(1.0, max(0.0, 0.4 + charm + 0.2 * saved)), 2)


def choose(said: str) -> dict[str, object]:
    """The first three of a list, each with the reason that stands there."""
    picks = [Pick(name, why) for name, why in _LISTED.findall(said)[:3]]
    found: dict[str, object] = msgspec.to_builtins(Choice(picks))
    return found


def price_in(text: str) -> int:
    """The last price that a restaurant named; 0: none."""
    found = [int("".join(groups)) for groups in _PRICE.findall(text)]
    return found[-1] if found else 0


def call_of(number: int, tool: str, /, **arguments: object) -> ToolCall:
    """A call of a tool, the `number`-th of its conversation."""
    return ToolCall(f"call-{number}", tool, msgspec.json.encode(arguments).decode())


def _first(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return found[1] if found else ""
