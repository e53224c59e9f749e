"""What can go wrong with weights and with the server that runs them.

One rule: each message names the weights and the remedy.
"""

from firm.errors import RetryableError, TerminalError, UsageError


class WeightsError(TerminalError):
    """The weights are not there, or not what the catalogue says."""


class NotPulled(WeightsError):
    """The weights are not on this machine yet: `firm models pull NAME`."""


class WrongHash(WeightsError):
    """A file is not the one that the catalogue names; it was deleted, or not taken in.

    Args:
        message: what happened.
        expected: sha256 that the catalogue has, 64 hexadecimal digits.
        got: sha256 of the file.
    """

    def __init__(self, message: str, expected: str = "", got: str = "") -> None:
        super().__init__(message, expected, got)
        self.expected, self.got = expected, got

    def __str__(self) -> str:
        return str(self.args[0])


class NoRoom(TerminalError):
    """The disk has no room for the weights.

    Args:
        message: what happened.
        needed: bytes that are still to be written.
        free: bytes that the disk has.
    """

    def __init__(self, message: str, needed: int = 0, free: int = 0) -> None:
        super().__init__(message, needed, free)
        self.needed, self.free = needed, free

    def __str__(self) -> str:
        return str(self.args[0])


class OutOfReach(RetryableError):
    """No source of the weights could be reached; what came so far is kept, and the next pull goes on from there."""


class NotInstalled(UsageError):
    """A library that only the embedded model needs is not installed: `pip install 'firm[local]'`."""


class ServerFailed(TerminalError):
    """The server of the embedded model ended while it started; the message has the end of its log."""


class ServerSlow(RetryableError):
    """The server of the embedded model was not ready in time."""


RAISED = (WeightsError, NotPulled, WrongHash, NoRoom, OutOfReach, NotInstalled, ServerFailed, ServerSlow)
"""All of them, for `@step(raises=…)`."""
