"""The secret that a customer gets with his order, and the name of an order that is sent twice.

One rule: it is made from the order's id with a key of the firm's own and kept nowhere, so that nothing that is read
here gives it away but that key.
"""

import hashlib
import hmac
import os
import secrets
from pathlib import Path

from firm.errors import UsageError
from firm.ids import digest
from firm.org.trade.order import PREFIX

FILE = "order-key"
"""In `.firm/`."""
_BYTES = 32
MARK = "order-token-"
"""Begins each token, so that one in a log is known for what it is."""
LEAST_KEY_CHARS = 16
"""Of an Idempotency-Key: one that nobody guesses."""
MAX_KEY_CHARS = 200


def order_key_of(state: Path) -> bytes:
    """The firm's key for tokens; made at the first look.

    Args:
        state: The firm's `.firm/`.

    Raises:
        UsageError: it cannot be read or written.
    """
    path = state / FILE
    try:
        if not path.exists():
            temporary = path.with_name(f".{FILE}.{secrets.token_hex(8)}")
            fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(fd, "wb") as file:
                file.write(secrets.token_bytes(_BYTES))
                file.flush()
                os.fsync(file.fileno())
            try:
                os.link(temporary, path)  # the first one holds
            except FileExistsError:
                pass
            finally:
                temporary.unlink()
        key = path.read_bytes()
    except OSError as error:
        raise UsageError(f"the key of orders {str(path)!r} cannot be used: {error}; put that right") from None
    if len(key) != _BYTES:
        raise UsageError(f"the key of orders {str(path)!r} has {len(key)} bytes, not {_BYTES}; restore it")
    return key


def token_of(key: bytes, id: str) -> str:
    """The token of an order."""
    return MARK + hmac.new(key, f"firm/order\n{id}".encode(), hashlib.sha256).hexdigest()[:43]


def is_token(key: bytes, id: str, given: str) -> bool:
    """Whether this is the order's token; it takes the same time whatever was given."""
    return hmac.compare_digest(token_of(key, id).encode(), given.encode("utf-8", "surrogatepass"))


def new_id(again: str = "") -> str:
    """An id for an order.

    Args:
        again: What the customer calls this request: the same words give the same order. '': a new one.
    """
    if again:
        return PREFIX + digest("firm/order/again", again)[:16]
    return PREFIX + secrets.token_hex(8)
