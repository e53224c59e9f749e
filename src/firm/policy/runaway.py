"""Runaways: runs that wake themselves for nothing, that answer each other without end, trees of helpers that grow.

One rule: plain workflow code may begin and send as much as it likes; what is looked at is what goes round with nothing
new from outside, and what agents begin. The same call again and again is found by `firm.policy.loop`, a storm of
refusals by `firm.model.storm`.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from firm.kernel.call import Ask, Send
from firm.policy.approval import when
from firm.policy.brake import Brakes
from firm.policy.gate import Limits, may_loop
from firm.policy.loop import STATE, Loops, loops_of

if TYPE_CHECKING:
    from firm.kernel.call import Call
    from firm.kernel.pace import Pace
    from firm.kernel.run import Run

AGENT = "policy.agent"
"""In `Run.state`: name of the agent whose loop this run is; plain workflow code sets none."""
THINKS = "policy.thinks"
"""In `Run.state`: the run has begun an agent."""
PLAIN = 10
"""A run that asks no model and calls no tool may go round so many times as often: it costs next to nothing."""
MAX_RUNS = 100_000
"""Runs begun by agents that are remembered; the one begun longest ago is forgotten first."""


def is_agent(run: "Run", name: str) -> None:
    """Say that a run is the loop of an agent; in workflow code, before it begins anything."""
    run.state[AGENT] = name


def thinks(run: "Run") -> None:
    """Say that a run begins an agent; in workflow code."""
    run.state[THINKS] = True


class Tree:
    """The runs that one agent has begun, with those of its helpers."""

    __slots__ = ("count", "since_us", "top")

    def __init__(self, top: str, since_us: int) -> None:
        self.top = top
        self.count = 0
        self.since_us = since_us


class Runaways:
    """Looks at calls before they begin; the `Brake` of the kernel.

    What runs do with timers and messages is counted in their journals, helpers since the firm was opened.
    """

    __slots__ = ("_below", "_brakes", "_limits", "_told", "_trees")

    def __init__(self, limits: Callable[[], Limits], brakes: Brakes) -> None:
        self._limits = limits
        self._brakes = brakes
        self._below: dict[str, tuple[Tree, tuple[str, ...]]] = {}
        """Helper -> its tree, and the agents above it, the outermost first."""
        self._trees: dict[str, Tree] = {}
        self._told: dict[str, int] = {}
        """Brake of a run that was told to stop -> how often it had woken itself by then."""

    # --- a run that wakes itself, two that answer each other -------------------------------------------------------

    def look(self, run: "Run", call: "Call | None") -> str | Exception:
        """Whether a call of a run that has a pace may begin."""
        pace = run.pace
        assert pace is not None
        what = None if call is None else call.what
        if run.cancelled or isinstance(what, Ask) or (call is not None and call.intent):
            return ""  # it cleans up, asks already, or has begun
        limits, times = self._limits(), 1 if _thinking(run) else PLAIN
        if isinstance(what, Send) and (one := pace.exchanges.get(what.to)) is not None and one.count:
            key = f"exchange of {run.id} with {what.to}"
            if self._over(key, one.count, times * limits.exchanges):
                text = (
                    f"run {run.id!r} has answered run {what.to!r} {one.count:,} times since {when(one.since_us)}, "
                    "and nothing came from outside"
                )
                return self._brakes.shut(key, text, run=run.id)
        if pace.wakes and self._over(f"wakes of {run.id}", pace.wakes, times * limits.wakes):
            return self._awake(run, pace)
        return ""

    def _awake(self, run: "Run", pace: "Pace") -> str | Exception:
        """Of a run that wakes itself; once it was told to stop it may clean up until it wakes itself again."""
        key = f"wakes of {run.id}"
        if self._told.get(key) == pace.wakes:
            return ""
        text = (
            f"run {run.id!r} has woken itself {pace.wakes:,} times since {when(pace.since_us)}, and nothing new came "
            "of it"
        )
        verdict = self._brakes.shut(key, text, run=run.id)
        if isinstance(verdict, Exception):
            self._told[key] = pace.wakes
        return verdict

    def _over(self, key: str, count: int, limit: int) -> bool:
        """Whether it is too often; each time that the founder lets it go on it may be as often again as before."""
        return limit > 0 and count >= limit << min(self._brakes.go_ons(key), 40)

    # --- helpers without end ---------------------------------------------------------------------------------------

    def begins(self, run: "Run", call: "Call") -> str | Exception:
        """Whether a child run may begin."""
        agent = run.state_of(AGENT)
        if agent is None:
            return ""
        limits = self._limits()
        if may_loop(run, limits) and (verdict := self._same(run, call, limits)):
            return verdict
        tree, above = self._place(run)
        chain = (*above, agent)
        key = f"helpers of {tree.top}"
        if self._over(key, tree.count, limits.helpers):
            text = (
                f"agent {chain[0]!r} of run {tree.top!r} and its helpers have begun {tree.count:,} runs since "
                f"{when(tree.since_us)}"
            )
            return self._brakes.shut(key, text, run=tree.top)
        deep = f"depth of {tree.top}"
        if self._over(deep, len(chain), limits.helper_depth):
            shown = " → ".join(chain if len(chain) <= 6 else (*chain[:3], "…", *chain[-3:]))
            text = f"agents call each other {len(chain)} deep in run {tree.top!r}: {shown}"
            return self._brakes.shut(deep, text, run=tree.top)
        verdict = self._brakes.state(key) or self._brakes.state(deep)
        if not verdict:
            tree.count += 1
            self._below[run.children[call.place]] = tree, chain
            if len(self._below) > MAX_RUNS:
                del self._below[next(iter(self._below))]
        return verdict

    def left(self, key: str) -> None:
        """Nothing is held by this brake any more: what asked about it is moot."""
        self._brakes.over(key)

    def _same(self, run: "Run", call: "Call", limits: Limits) -> str | Exception:
        """Whether it is this helper, with this task, that came to the same answer again and again."""
        count = loops_of(run).count((call.name, call.input))
        key = f"calls of {call.name} by {run.id}"
        if not self._over(key, count, limits.same_call):
            return ""
        text = (
            f"run {run.id!r} calls agent {call.name!r} with the same task again and again: {count} times it came to "
            "the same answer"
        )
        return self._brakes.shut(key, text, run=run.id)

    def _place(self, run: "Run") -> tuple[Tree, tuple[str, ...]]:
        """The tree that a run of an agent belongs to, and the agents above it."""
        found = self._below.get(run.id)
        if found is not None:
            return found
        tree = self._trees.get(run.id)
        if tree is None:
            tree = self._trees[run.id] = Tree(run.id, run.loop.now_us)
            if len(self._trees) > MAX_RUNS:
                del self._trees[next(iter(self._trees))]
        return tree, ()


def _thinking(run: "Run") -> bool:
    loops: Loops | None = run.state_of(STATE)
    return run.state_of(THINKS) is not None or (loops is not None and loops.ends > 0)
