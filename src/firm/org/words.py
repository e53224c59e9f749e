"""What the organization says, in the languages it speaks.

One rule: the English words stand where they are used and are the key; a phrase that is missing in a language is an
error, not English in the middle of it. What people, models and files say is not translated.
"""

import importlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from firm.errors import UsageError

LANGUAGES = ("en", "zh")
_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]")
_EMPTY: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Say:
    """Says an English phrase in a language."""

    language: str
    table: Mapping[str, str]

    def __call__(self, phrase: str, **values: object) -> str:
        """The phrase with its values filled in, as plain text; a KeyError if the language lacks it."""
        said = phrase if self.language == "en" else self.table[phrase]
        return said.format(**values) if values else said


def words(language: str, part: str) -> Say:
    """What says everything of one part in a language.

    Args:
        language: 'en' or 'zh'.
        part: A module with a table `CHINESE`, such as 'firm.org.deliver.chinese'.

    Raises:
        UsageError: there is no such language here.
    """
    if language not in LANGUAGES:
        raise UsageError(
            f"language {language!r}: an organization speaks {', '.join(LANGUAGES)}; give one of them"
        )
    return Say(language, _EMPTY if language == "en" else importlib.import_module(part).CHINESE)


def language_of(text: str, otherwise: str = "en") -> str:
    """'zh' for text with Chinese characters in more than a tenth of its letters, else 'en'; `otherwise` without any."""
    letters = sum(character.isalpha() for character in text)
    if not letters:
        return otherwise
    return "zh" if len(_HAN.findall(text)) * 10 > letters else "en"
