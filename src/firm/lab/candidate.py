"""A candidate as it is kept: an immutable row, many of which stand in one block.

One rule: a row says all that is needed to make and to score the candidate again, and nothing in it ever changes. A
block is written in the transaction in which the result of its burst is recorded, and the result carries its hash.
"""

import hashlib
from enum import IntEnum

import msgspec

BOOK = "lab"
"""The book of the blocks; key: `own_key(run, f"block.{number:09d}")`."""
IN_BLOCK = 1 << 20
"""A candidate's id is the number of its block times this, plus its place in it."""


class Status(IntEnum):
    """What became of a candidate."""

    VALID = 0
    """The last stage scored it, and every constraint is met."""
    STOPPED = 1
    """A cheaper stage scored it and the gate let others pass."""
    INVALID = 2
    """A constraint is missed, or the scorer refused it."""
    TWIN = 3
    """The same artifact was scored before."""
    FAILED = 4
    """The scorer raised, or gave something that is no finite number."""
    KILLED = 5
    """A limit of time, memory or processes ended it."""
    UNREADABLE = 6
    """Wrong shape, no JSON, not finite, or a program that does not parse."""


class Judged(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What one stage said of one candidate."""

    value: float | None
    """None: it had no value."""
    slack: float = 0.0
    """The least of its constraints: 0 and more is met."""
    cpu_us: int = 0


class Candidate(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One row."""

    hash: bytes
    """16 bytes, see `artifact.digest`."""
    artifact: bytes
    """As `Kind.pack` makes it; empty where it is a twin."""
    parents: tuple[int, ...]
    """Ids of what it was made from."""
    status: Status
    stages: tuple[Judged, ...]
    """As far as it came."""
    why: str = ""
    """Where it is not valid: what was broken, shortened."""
    audit: bool = False
    """The gate stopped it, and chance let it go on: it measures the cheaper stage."""


class Block(msgspec.Struct, array_like=True, frozen=True):
    """What one burst made: its order's identity and its candidates in the order of their making."""

    number: int
    arm: str
    island: int
    counter: int
    """Bursts of this island before it."""
    seed: int
    """Of all its chance."""
    evaluator: str
    """Hash of everything that scored it."""
    model: str
    effort: str
    cpu_us: int
    candidates: tuple[Candidate, ...]

    def encode(self) -> bytes:
        """Bytes for the book."""
        return msgspec.msgpack.encode(self)

    @staticmethod
    def decode(data: bytes) -> "Block":
        """From the book."""
        return _block.decode(data)


_block = msgspec.msgpack.Decoder(Block)


def block_hash(data: bytes) -> str:
    """32 hexadecimal digits over an encoded block."""
    return hashlib.sha256(data).hexdigest()[:32]


def block_key(number: int) -> str:
    """Key of a block, inside its run."""
    return f"block.{number:09d}"


def id_of(block: int, place: int) -> int:
    """A candidate's id."""
    return block * IN_BLOCK + place


class Elite(msgspec.Struct, array_like=True, frozen=True):
    """A candidate that is worth carrying around: what proposers start from, and what the archive holds."""

    id: int
    artifact: bytes
    value: float
    """Of the objective, in its own direction, by the stage that stands in `depth`."""
    depth: int
    """Index of the last stage that scored it."""
    valid: bool = True
    descriptors: tuple[float, ...] = ()
    others: dict[str, float] = {}
    values: tuple[float | None, ...] = ()
    """Of all stages so far."""
    parents: tuple[int, ...] = ()
    arm: str = ""
