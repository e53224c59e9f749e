"""When a capability or a mandate ends.

One rule: a time without a zone is refused, since it means another moment on another machine.
"""

from datetime import UTC, datetime, timedelta

from firm.errors import UsageError

NEVER_US = 2**63 - 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def until_us(text: str, what: str = "until") -> int:
    """Microseconds since 1970 of an ISO 8601 time with zone; `NEVER_US` for ''.

    Raises:
        UsageError: no such time, or no zone.
    """
    if text == "":
        return NEVER_US
    try:
        time = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        raise UsageError(f"{what}={text!r} is no time; give one such as 2027-01-31T18:00:00Z") from None
    if time.tzinfo is None:
        raise UsageError(f"{what}={text!r} has no zone; add Z for UTC, or an offset such as +02:00")
    return (time - _EPOCH) // timedelta(microseconds=1)
