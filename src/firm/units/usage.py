"""Tokens that a call used, in buckets that do not overlap."""

from typing import Self

import msgspec


class Usage(msgspec.Struct, frozen=True, array_like=True):
    """Tokens of one call or of many; each bucket at least 0.

    The first five do not overlap: their sum is all that was processed. (Providers differ: some count cached tokens
    as input, some count reasoning as output. The wire takes that apart.)
    """

    input: int = 0
    """Read anew."""
    cache_read: int = 0
    """Read from the provider's prompt cache."""
    cache_write: int = 0
    """Read, and written to the provider's prompt cache."""
    output: int = 0
    """Written for the caller to see."""
    reasoning: int = 0
    """Written for the model itself."""
    audio: int = 0
    """Of these, tokens of sound, in or out."""
    image: int = 0
    """Of these, tokens of pictures, in or out."""

    @property
    def read(self) -> int:
        """All tokens that the model read."""
        return self.input + self.cache_read + self.cache_write

    @property
    def written(self) -> int:
        """All tokens that the model wrote."""
        return self.output + self.reasoning

    @property
    def total(self) -> int:
        """All tokens."""
        return self.input + self.cache_read + self.cache_write + self.output + self.reasoning

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.input + other.input,
            self.cache_read + other.cache_read,
            self.cache_write + other.cache_write,
            self.output + other.output,
            self.reasoning + other.reasoning,
            self.audio + other.audio,
            self.image + other.image,
        )

    @classmethod
    def sum(cls, usages: "list[Usage]") -> Self:
        """All of them together."""
        columns = [0] * len(cls.__struct_fields__)
        for usage in usages:
            for number, field in enumerate(cls.__struct_fields__):
                columns[number] += getattr(usage, field)
        return cls(*columns)
