"""What a search has to tell: the data that the report shows and the summary is asked of."""

import msgspec

from aero import Candidate


class Mark(msgspec.Struct, frozen=True):
    """The best after one round."""

    number: int
    score: float
    glide: float
    feasible: bool
    aim: str


class Story(msgspec.Struct, frozen=True):
    """What the report tells."""

    plate: Candidate
    """Where the search began, by the judge's network."""
    best: Candidate
    """What it found, by the same network."""
    aim: str
    marks: list[Mark]
    hands: int
    seed: int
    language: str = "en"
    """One of `words.LANGUAGES`."""

    @property
    def record(self) -> dict[str, int]:
        """The figures on the first screen of the report, rounded as they are shown there."""
        return {
            "before": round(self.plate.glide),
            "after": round(self.best.glide),
            "hands": self.hands,
            "rounds": len(self.marks),
        }


class Summary(msgspec.Struct, frozen=True):
    """A paragraph by a model, or why there is none."""

    text: str = ""
    """As the model wrote it: not to be trusted, not even to be text."""
    model: str = ""
    """The name of the model that wrote it."""
    host: str = ""
    """Where it ran; empty: on this machine."""
    why_not: str = ""
    """Why there is no text."""
