"""What a report says, in the languages it speaks: one function that looks a phrase up.

One rule: the English words stand where they are used, and are the key to the others; a phrase that is missing in a
language is an error, not English in the middle of it. What comes from problems and models is not translated.
"""

from dataclasses import dataclass

from firm.errors import UsageError
from firm.lab.report.chinese import CHINESE

LANGUAGES: dict[str, dict[str, str] | None] = {"en": None, "zh": CHINESE}
"""Tables by their language tag; English needs none."""


@dataclass(frozen=True, slots=True)
class Say:
    """Says an English phrase in a language."""

    language: str

    def __call__(self, phrase: str, **values: object) -> str:
        """The phrase with its values filled in, as plain text; a KeyError if the language lacks it."""
        table = LANGUAGES[self.language]
        said = phrase if table is None else table[phrase]
        return said.format(**values) if values else said

    def sentences(self, *said: str) -> str:
        """Sentences after one another; Chinese ones have no space between them."""
        return ("" if self.language == "zh" else " ").join(one for one in said if one)


def words(language: str) -> Say:
    """What says everything in a language.

    Raises:
        UsageError: there is no such language here.
    """
    if language not in LANGUAGES:
        raise UsageError(f"language {language!r}: a report speaks {', '.join(LANGUAGES)}; give one of them")
    return Say(language)
