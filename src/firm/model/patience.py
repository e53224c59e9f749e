"""How long to wait for a model."""

import msgspec


class Patience(msgspec.Struct, frozen=True):
    """How long to wait, in seconds; each above 0."""

    connect_s: float = 10.0
    """For the connection."""
    first_token_s: float = 120.0
    """From sending to the first token of a stream. Models of one's own may have to be loaded first."""
    between_tokens_s: float = 60.0
    """From one token of a stream to the next; it may take a quarter longer to be noticed."""
    total_s: float = 600.0
    """For everything."""
