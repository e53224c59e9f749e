"""Signals that unwind workflow code; user code must not swallow them, so they are no `Exception`."""


class Evicted(BaseException):
    """The run leaves memory. It is not cancelled: it will be replayed up to here when it wakes (rule K6)."""


class Held(BaseException):
    """An attempt of a step puts it back as if it had not begun: it waits, at no cost, until `Worker.free(key)`."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


class ContinueAs(BaseException):
    """The run goes on as a new generation with these arguments (rule K9)."""

    def __init__(self, args: tuple[object, ...], kwargs: dict[str, object]) -> None:
        super().__init__()
        self.arguments = args
        self.named = kwargs
