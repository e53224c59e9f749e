"""A section that was found: what explorer and critic hand to each other.

One rule: it says whose word its figure is.
"""

import msgspec

FROM_HANDS, FROM_SEARCH, FROM_STURDIER, RUNNER_UP = "hands", "search", "sturdier search", "runner-up"
"""Where candidates come from."""


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A section that the critic is to look at."""

    id: str
    source: str
    section: list[float]
    glide: float
    """Lift over drag, as whoever found it believes."""
    believed_by: str
    thickness: float
    holdout: float | None = None
    """In air that the search had not seen; None: not asked."""
