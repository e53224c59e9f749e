"""What can go wrong with a model, by what to do about it.

One rule: each message names endpoint, model and remedy. What may go away by itself was retried already when it is
raised here, and a caller may still try later.
"""

from firm.errors import RetryableError, TerminalError, UsageError


class ModelError(TerminalError):
    """The model cannot do what was asked; trying again changes nothing."""


class KeyRefused(ModelError):
    """The endpoint did not accept the key: set another one."""


class UnknownModel(ModelError):
    """Nobody knows a model of this name."""


class BadRequest(ModelError):
    """The endpoint refused the request as it stands."""


class ContextTooLong(ModelError):
    """The messages do not fit into the model's window: trim them.

    Args:
        message: what happened.
        asked: tokens that were asked for; 0: unknown.
        limit: tokens that fit; 0: unknown.
    """

    def __init__(self, message: str, asked: int = 0, limit: int = 0) -> None:
        super().__init__(message, asked, limit)
        self.asked, self.limit = asked, limit

    def __str__(self) -> str:
        return str(self.args[0])


class NotAble(ModelError):
    """The model lacks what the request needs, such as eyes for a picture."""


class UnknownPrice(ModelError):
    """Nobody knows what a hosted model costs, so it was not asked: say so in firm.toml (`usd_per_mtok`)."""


class BadReply(ModelError):
    """The reply is not what was asked for, after one attempt to have it repaired."""


class ReplyFiltered(ModelError):
    """The provider withheld the reply."""


class ModelUnavailable(RetryableError):
    """No endpoint of the model answered in the end: down, overloaded, or too slow."""


class RateLimited(ModelUnavailable):
    """Every endpoint of the model says that there were too many requests."""


class NoModel(UsageError):
    """No model was found at all; the message says what was looked for."""


RAISED = (
    KeyRefused,
    UnknownModel,
    BadRequest,
    ContextTooLong,
    NotAble,
    UnknownPrice,
    BadReply,
    ReplyFiltered,
    ModelError,
    ModelUnavailable,
    RateLimited,
    NoModel,
)
"""All of them, for `@step(raises=…)`."""
