"""What a mission has taught, written into the files of its roles through review.

One rule: nothing is written before the founder has said so; where nobody answers, it is dropped.
"""

from firm.org.lesson.draw import Lesson, draw
from firm.org.lesson.keep import learn

__all__ = ["Lesson", "draw", "learn"]
