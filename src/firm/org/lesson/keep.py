"""Lessons through review: each is put to the founder, and what is kept goes into the role's file.

One rule: a file is written in a step and read again at once; one that could not be read any more is put back.
"""

import asyncio
import os
from pathlib import Path

from firm.errors import UsageError
from firm.kernel.api import ask, gather
from firm.kernel.definition import step
from firm.org.house import folder, house
from firm.org.lesson.draw import Lesson, draw
from firm.org.mission import Outcome
from firm.org.staff import Staff
from firm.org.words import words
from firm.store.folder import write_whole

KEEP, DROP = "keep", "drop"


async def learn(outcome: Outcome, staff: Staff) -> tuple[str, ...]:
    """Put the lessons of a mission to the founder; those that he keeps, as they now stand in the roles' files.

    Args:
        outcome: How it ended.
        staff: Whose roles they are for; all of one unit.
    """
    found = draw(outcome, staff)
    if not found:
        return ()
    answer_s = await answer_span_s()
    said = await gather(*(_asked(one, outcome, answer_s) for one in found))
    kept = []
    for lesson, answer in zip(found, said, strict=True):
        if answer == KEEP and await keep(lesson, staff.unit):
            kept.append(lesson.says)
    return tuple(kept)


async def _asked(lesson: Lesson, outcome: Outcome, answer_s: float) -> object:
    say = words(outcome.language, "firm.org.lesson.chinese")
    lines = [say("Shall {role} keep this lesson?", role=lesson.role), f"“{lesson.says}”"]
    lines.append(say("It comes from task {task} of {run}.", task=lesson.task, run=outcome.run))
    if lesson.untrusted:
        lines.append(
            say("It quotes words that may come from strangers: keep it only if it is an honest lesson.")
        )
    waiting = say("nothing waits for it")
    return await ask("\n".join(lines), options=[KEEP, DROP], default=DROP, deadline=answer_s, waiting=waiting)


@step
async def answer_span_s() -> float:
    """How long the founder has, as firm.toml says."""
    return house().config.org.answer_s


@step
async def keep(lesson: Lesson, unit: str) -> bool:
    """Write a lesson into its role's file; False where the file is not there any more."""
    return await asyncio.to_thread(write_lesson, folder(), unit, lesson)


def write_lesson(home: Path, unit: str, lesson: Lesson) -> bool:
    """Write a lesson under `## Lessons`, once; what else stands in the file stays as it is.

    Raises:
        UsageError: the file is a link, or could not be read with the lesson in it; then it is as it was.
    """
    from firm.org.roster import read_role, unit_folder, with_lesson

    path = unit_folder(home, unit) / "roles" / f"{lesson.role}.md"
    if not path.parent.resolve().is_relative_to(home.resolve()) or path.is_symlink():
        raise UsageError(f"{str(path)!r} is a link; a lesson is written into a file of the firm only")
    if not path.is_file():
        return False
    before = path.read_bytes()
    text = before.decode("utf-8")
    if (new := with_lesson(text, lesson.says)) == text:
        return True
    mode = os.stat(path).st_mode & 0o777
    write_whole(path, new.encode("utf-8"))
    os.chmod(path, mode)
    try:
        good = lesson.says in read_role(path).lessons
    except UsageError:
        good = False
    if not good:
        write_whole(path, before)
        raise UsageError(
            f"the lesson {lesson.says!r} does not fit into {str(path)!r}; write it there by hand"
        )
    return True
