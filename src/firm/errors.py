"""What can go wrong, sorted by who must act.

One rule: a message says what happened, the value with `!r`, and what to do next.
Signals that user code must not swallow derive from `BaseException`.
"""


class FirmError(Exception):
    """Anything that `firm` raises on purpose."""


class UsageError(FirmError):
    """The caller's code or input is wrong: change it."""


class RetryableError(FirmError):
    """It may work later. A step with a `Retry` is tried again, not before `retry_after_s` seconds."""

    def __init__(self, message: str = "", *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class NotSent(RetryableError):
    """Raised by a step with `effect="once"`: surely nothing happened outside, so trying again is safe."""


class ProcessDied(RetryableError):
    """The process of a step with `cpu=True` died in the middle: out of memory, or killed."""


class TerminalError(FirmError):
    """Trying again will not help."""


class BudgetExceeded(TerminalError):
    """The call could not be paid for; it was not made.

    Args:
        message: What happened.
        purse: Id of the purse that had no room; '' where it was none.
        measure: What there was not enough of: 'usd_micro', 'tokens', 'calls', 'gpu_ms', 'cpu_ms', 'time'; '' where that
            is not known.
    """

    def __init__(self, message: str = "", purse: str = "", measure: str = "") -> None:
        given = (message, purse, measure)
        super().__init__(*(given if measure else given[:2] if purse else given[:1]))
        self.message, self.purse, self.measure = message, purse, measure

    def __str__(self) -> str:
        return self.message


class ApprovalRejected(TerminalError):
    """The founder did not let it through.

    Args:
        message: What was refused, and why.
        words: What he answered instead of yes or no; '' where he refused.
    """

    def __init__(self, message: str = "", words: str = "") -> None:
        super().__init__(message, words)
        self.words = words

    def __str__(self) -> str:
        return str(self.args[0])


class PolicyDenied(TerminalError):
    """A rule forbids it."""


class NeedsApproval(TerminalError):
    """A call waits for the founder's word; the gate asks for it, workflow code does not see this.

    Args:
        action: Hash of the exact action.
        text: The action, as the founder will read it.
        why: Which rule asks.
        detail: What the gate needs to go on, as builtins.
    """

    def __init__(self, action: str, text: str = "", why: str = "", detail: object = None) -> None:
        super().__init__(action, text, why, detail)
        self.action, self.text, self.why, self.detail = action, text, why, detail

    def __str__(self) -> str:
        return f"{self.text} needs the founder's approval ({self.why}); start it in a run, where it can wait for that"


class LoopDetected(TerminalError):
    """Something went on without end (the same call, helpers, talk between runs), and the founder has stopped it."""


class NotIsolated(PolicyDenied):
    """Code needs more isolation than this machine has."""


class LimitReached(TerminalError):
    """An agent came to a limit before it had an answer.

    Args:
        message: What happened, and what to do.
        limit: 'turns', 'money', 'calls', 'tokens', 'time', 'progress', 'output' or 'context'.
        reached: What was reached so far, as builtins: the last words, notes, what is open.
    """

    def __init__(self, message: str = "", limit: str = "", reached: object = None) -> None:
        super().__init__(message, limit, reached)
        self.limit, self.reached = limit, reached

    def __str__(self) -> str:
        return str(self.args[0])


class Blocked(TerminalError):
    """Whoever holds a role cannot go on without something that he was not given.

    Args:
        on: Name of the artifact, of the role or of the thing that is missing.
        why: What it is needed for.
    """

    def __init__(self, on: str, why: str = "") -> None:
        super().__init__(on, why)
        self.on, self.why = on, why

    def __str__(self) -> str:
        return f"it cannot go on without {self.on!r}" + (f": {self.why}" if self.why else "")


class DeadlineExceeded(TerminalError):
    """Time ran out before an answer came."""


class RunCancelled(TerminalError):
    """The run whose result was awaited was cancelled."""


class RunStuck(TerminalError):
    """The run whose result was awaited needs a person; see `firm inbox`."""


class StepFailed(TerminalError):
    """A step raised a class that is not rebuilt here: name it in `@step(raises=(...,))` to get it as itself.

    Args:
        type_name: `module:qualname` of what was raised.
        detail: its message.
        traceback: where, as text.
    """

    def __init__(self, type_name: str, detail: str = "", traceback: str = "") -> None:
        super().__init__(type_name, detail, traceback)
        self.type_name = type_name
        self.message = detail
        self.traceback = traceback

    def __str__(self) -> str:
        return f"{self.type_name}: {self.message}"


class ReplayDiverged(FirmError):
    """The code no longer does what the journal says it did.

    Args:
        run: id of the run.
        place: number of the call at which they part.
        expected: what the journal has.
        got: what the code did.
    """

    def __init__(self, run: str, place: int, expected: str, got: str) -> None:
        super().__init__(run, place, expected, got)
        self.run, self.place, self.expected, self.got = run, place, expected, got

    def __str__(self) -> str:
        return (
            f"run {self.run!r} replays differently at call {self.place}: the journal has "
            f"{self.expected}, the code made {self.got}; put the code right and `firm resume {self.run}`"
        )


class JournalError(FirmError):
    """The journal could not be read or written."""


class JournalNewer(JournalError):
    """The journal was written by a newer `firm`: update this program."""


class JournalCorrupt(JournalError):
    """The journal's chain of hashes is broken: restore a backup."""


class DiskFull(JournalError):
    """No room on the disk: free some; the engine goes on by itself."""


class HomeLocked(FirmError):
    """Another process owns this home."""


class InternalError(FirmError):
    """A bug of `firm`."""
