"""What will be sent for one request, and when: data, carried out by a connection."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, auto


class End(Enum):
    """What becomes of the connection after the last part."""

    KEEP = auto()
    CLOSE = auto()
    RESET = auto()
    HANG = auto()


@dataclass(slots=True)
class Plan:
    """See the module."""

    status: int = 200
    """0: nothing is sent at all."""
    parts: Sequence[bytes] = ()
    headers: dict[str, str] = field(default_factory=dict)
    kind: str = "application/json"
    """Content type."""
    chunked: bool = False
    delay_s: float = 0.0
    """Before the head."""
    first_s: float = 0.0
    """Between the head and the first part."""
    gap_s: float = 0.0
    """Between two parts."""
    end: End = End.KEEP
    missing_bytes: int = 0
    """Bytes that the head promises and that are not sent."""

    def slice(self, size_bytes: int) -> None:
        """Cut the body anew, without regard to what stands in it."""
        body = b"".join(self.parts)
        self.parts = [body[at : at + size_bytes] for at in range(0, len(body), size_bytes)]

    def halve(self, end: End) -> None:
        """Keep the first half of the parts, or of the only one; then `end`."""
        if len(self.parts) > 1:
            self.parts = self.parts[: len(self.parts) // 2]
        else:
            body = b"".join(self.parts)
            self.parts = [body[: len(body) // 2]]
            self.missing_bytes = len(body) - len(body) // 2
        self.end = end
