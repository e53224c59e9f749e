"""What a founder reads when a budget is used up.

One rule: it says the limit, what is spent and reserved, what the call may take, and which setting to change.
"""

from firm.errors import BudgetExceeded
from firm.ledger.period import ENDLESS, moment, name_of
from firm.ledger.pocket import Meter

_REMEDIES = {
    "firm": "raise it under [budget] in firm.toml",
    "unit": "raise the unit's budget in firm.toml",
    "agent": "raise the agent's budget",
    "goal": "raise the goal's budget",
    "run": "begin it with a larger budget",
    "capability": "widen the capability's usd or calls",
    "mandate": "raise the mandate's usd in firm.toml",
}


def show(measure: str, value: int) -> str:
    """A count with its unit: '0.25 USD', '12,000 tokens'."""
    if measure == "usd_micro":
        text = f"{value / 1e6:.6f}".rstrip("0")
        whole, _, rest = text.partition(".")
        return f"{int(whole):,}.{rest.ljust(2, '0')} USD" if value >= 0 else f"-{show(measure, -value)}"
    if measure in ("gpu_ms", "cpu_ms"):
        return f"{value / 1000:,.3f} s of {measure[:3].upper()}"
    return f"{value:,} {measure if value != 1 or measure == 'tokens' else 'call'}"


def refusal(meter: Meter, want: int) -> BudgetExceeded:
    """The error for a call that could not be paid even if all that is reserved came back."""
    measure, per = meter.limit.measure, meter.limit.per
    remedy = _REMEDIES.get(meter.purse.partition("/")[0], "raise its limit")
    if meter.purse.startswith("run/") and meter.purse.endswith("/own"):
        remedy = _REMEDIES["agent"]
    wait = "" if meter.end_us == ENDLESS else f", or wait until {moment(meter.end_us)}"
    return BudgetExceeded(
        f"the budget of {meter.purse!r} does not allow this call: at most {show(measure, meter.most)} "
        f"{name_of(per, meter.start_us)}; {show(measure, meter.spent)} spent, "
        f"{show(measure, meter.reserved)} reserved; "
        f"the call may take up to {show(measure, want)}; {remedy}{wait}",
        meter.purse,
        measure,
    )


def stopped(purse: str, why: str) -> BudgetExceeded:
    """The error for a purse that the founder has closed."""
    return BudgetExceeded(f"the purse {purse!r} is closed: {why}; clear it to let calls through again", purse)
