"""Whether a note is short."""

from firm.org.artifact import Artifact
from firm.org.assignment import Assignment


def short(assignment: Assignment, artifact: Artifact) -> bool:
    """At most 600 characters."""
    return 0 < len(artifact.text) <= 600
