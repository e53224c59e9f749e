"""What a pure tool came to before: the results of one tool in this process, by its arguments.

One rule: a result is kept as bytes, so that nobody changes it for the next; the one that was used longest ago goes
first, by count and by bytes.
"""

import hashlib
import threading
from collections import OrderedDict
from typing import Any

import msgspec

from firm.kernel.value import Codec

MAX_RESULTS = 1_000
"""Results of one tool that are remembered."""
MAX_BYTES = 16 * 1024 * 1024
"""Of the remembered results of one tool together, with the arguments by which they are found."""
MAX_RESULT_BYTES = 1024 * 1024
"""A larger result is not remembered."""


class Remembered:
    """The results of one tool.

    Args:
        codec: Of its result.
    """

    __slots__ = ("_bytes", "_codec", "_lock", "_results")

    def __init__(self, codec: Codec) -> None:
        self._codec = codec
        self._results: OrderedDict[bytes, bytes] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._results)

    @property
    def size_bytes(self) -> int:
        """Of what is kept."""
        return self._bytes

    def find(self, key: bytes) -> Any:
        """The result for these arguments, a new object each time.

        Raises:
            KeyError: it is not known.
        """
        with self._lock:
            body = self._results[key]
            self._results.move_to_end(key)
        return self._codec.decode(body)

    def add(self, key: bytes, value: Any) -> None:
        """Remember a result.

        Raises:
            UsageError: it cannot be stored.
        """
        body = self._codec.encode(value)
        if len(body) > MAX_RESULT_BYTES:
            return
        with self._lock:
            self._drop(key)
            self._results[key] = body
            self._bytes += len(key) + len(body)
            while len(self._results) > MAX_RESULTS or self._bytes > MAX_BYTES:
                self._drop(next(iter(self._results)))

    def _drop(self, key: bytes) -> None:
        body = self._results.pop(key, None)
        if body is not None:
            self._bytes -= len(key) + len(body)


_encode = msgspec.msgpack.Encoder(order="deterministic").encode


def key_of(plain: dict[str, Any], values: dict[str, Any]) -> bytes | None:
    """What makes a call the same as another; None where that cannot be told.

    Args:
        plain: Its arguments as builtins.
        values: The same as the function gets them; their classes count too.
    """
    try:
        body = _encode((plain, [type(value).__qualname__ for value in values.values()]))
    except (
        TypeError,
        ValueError,
        OverflowError,
        RecursionError,
    ):  # numbers and text that MessagePack has not
        return None
    return hashlib.sha256(body).digest()
