"""A check that a program of the firm's folder makes.

One rule: a program that cannot judge accepts nothing; what it raised is the reason.
"""

import asyncio
import inspect
from collections.abc import Callable
from typing import Any

from firm.errors import UsageError
from firm.org.artifact import Artifact, Verdict
from firm.org.assignment import Assignment
from firm.org.words import words


def judge(
    reference: str, function: Callable[..., Any], assignment: Assignment, artifact: Artifact
) -> Verdict:
    """What a program says of an artifact: a Verdict, True or False, or a text: why it refuses, '' where it does not.

    Raises:
        UsageError: it says something else.
    """
    say = words(assignment.language, "firm.org.check.chinese")
    try:
        said = function(assignment, artifact)
        if inspect.isawaitable(said):
            said = asyncio.run(_awaited(said))
    except AssertionError as error:
        said = str(error) or False
    except Exception as error:
        said = say("it could not be judged: {why}", why=f"{type(error).__name__}: {error}"[:500])
    if isinstance(said, Verdict):
        given, good = said, said.accept
    elif isinstance(said, bool | str):
        good = said is True or said == ""
        given = Verdict(accept=good, by=reference, reasons=(said,) if isinstance(said, str) and said else ())
    else:
        raise UsageError(
            f"the check {reference!r} gave {said!r:.100}; give a Verdict, True or False, or a text: why not"
        )
    reasons = () if good else given.reasons or (say("it did not pass {check}", check=reference),)
    evidence = given.evidence or (f"{reference}: {say('passed') if good else say('did not pass')}",)
    return Verdict(
        accept=good, by=reference, how="program", reasons=reasons, evidence=evidence, digest=artifact.digest
    )


async def _awaited(said: Any) -> Any:
    return await said
