"""What a simulation found.

One rule: a report is enough to see it again: the seed and the options stand on top.
"""

from dataclasses import dataclass, field

SHOWN_LINES = 60


@dataclass(slots=True)
class Report:
    """One simulated history; `print(report)` shows all that a person needs."""

    seed: int
    program: str
    options: str
    violations: list[str] = field(default_factory=list)
    """What did not hold, one sentence each; empty if all is well."""
    trace: list[str] = field(default_factory=list)
    """The last things that happened."""
    fingerprint: str = ""
    """The same for the same seed and options, in every process."""
    events: int = 0
    commits: int = 0
    executions: int = 0
    workers: int = 0
    """How many were started."""
    virtual_s: float = 0.0
    needed: tuple[str, ...] | None = None
    """The smallest set of fault kinds that was found to fail; None: not looked for."""

    @property
    def ok(self) -> bool:
        """Whether every invariant held."""
        return not self.violations

    def __str__(self) -> str:
        lines = [
            f"seed {self.seed}: {'all is well' if self.ok else f'{len(self.violations)} violation(s)'}",
            f"program  {self.program}",
            f"options  {self.options}",
            f"history  {self.virtual_s:.0f} virtual seconds, {self.workers} workers, {self.commits} commits, "
            f"{self.events} events, {self.executions} effects, fingerprint {self.fingerprint}",
        ]
        lines += [f"  - {text}" for text in self.violations]
        if self.needed is not None:
            lines.append(f"fails with only these faults: {', '.join(self.needed) or 'none at all'}")
        if not self.ok:
            lines += ["the last things that happened:", *self.trace[-SHOWN_LINES:]]
        return "\n".join(lines)
