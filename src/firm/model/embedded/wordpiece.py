"""Text into the tokens of BERT's uncased vocabulary.

One rule: the same ids as the tokenizer that the model was trained with; a test compares them.

Source: Devlin et al., "BERT: Pre-training of Deep Bidirectional Transformers", arXiv:1810.04805; WordPiece itself is
Wu et al., arXiv:1609.08144.
"""

import unicodedata
from pathlib import Path

LONGEST_WORD = 100
"""A word of more characters is unknown as a whole."""

KEPT_WORDS = 20_000
"""How many words are remembered with their pieces."""

CONTROL = frozenset({"Cc", "Cf", "Co", "Cs"})
"""Categories of characters that are left out."""

IDEOGRAPHS = (
    (0x4E00, 0x9FFF),
    (0x3400, 0x4DBF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F),
    (0x2B820, 0x2CEAF),
    (0xF900, 0xFAFF),
    (0x2F800, 0x2FA1F),
)
"""Each of these is a word of its own."""


class WordPiece:
    """A vocabulary.

    Args:
        vocabulary: One token a line, its id is the number of the line, from 0.
    """

    def __init__(self, vocabulary: list[str]) -> None:
        self._ids = {token: number for number, token in enumerate(vocabulary)}
        self._begin, self._end = self._ids["[CLS]"], self._ids["[SEP]"]
        self._unknown = self._ids["[UNK]"]
        self._words: dict[str, list[int]] = {}

    @classmethod
    def read(cls, path: Path) -> "WordPiece":
        """The vocabulary in a file."""
        return cls(path.read_text("utf-8").rstrip("\n").split("\n"))

    def ids(self, text: str, *, limit: int) -> list[int]:
        """Ids of a text between [CLS] and [SEP], at most `limit` in all (at least 2); the rest is cut off."""
        found: list[int] = []
        for word in words(text):
            found += self._pieces(word)
            if len(found) > limit - 2:
                break
        return [self._begin, *found[: limit - 2], self._end]

    def _pieces(self, word: str) -> list[int]:
        if (known := self._words.get(word)) is not None:
            return known
        if len(self._words) >= KEPT_WORDS:
            self._words.clear()
        pieces = self._words[word] = self._split(word)
        return pieces

    def _split(self, word: str) -> list[int]:
        """The longest token that fits, again and again."""
        if len(word) > LONGEST_WORD:
            return [self._unknown]
        pieces: list[int] = []
        begin = 0
        while begin < len(word):
            for end in range(len(word), begin, -1):
                number = self._ids.get(("##" if begin else "") + word[begin:end])
                if number is not None:
                    break
            else:
                return [self._unknown]
            pieces.append(number)
            begin = end
        return pieces


def words(text: str) -> list[str]:
    """Lower-case words without accents; each mark of punctuation and each ideograph is a word."""
    if text.isascii():
        spaced = "".join(_ascii(char) for char in text)
        return spaced.lower().split()
    cleaned = "".join(_clean(char) for char in text)
    bare = [char for char in unicodedata.normalize("NFD", cleaned) if unicodedata.category(char) != "Mn"]
    # One character at a time: str.lower() of a whole word would write a final sigma otherwise than the model knows it.
    return "".join(f" {char} " if _is_punctuation(char) else char.lower() for char in bare).split()


def _ascii(char: str) -> str:
    if char.isalnum():
        return char
    if char in " \t\n\r":
        return " "
    return f" {char} " if char.isprintable() else ""


def _clean(char: str) -> str:
    """Control characters go, spaces become one kind, ideographs stand alone."""
    code = ord(char)
    if any(first <= code <= last for first, last in IDEOGRAPHS):
        return f" {char} "
    if char in " \t\n\r" or unicodedata.category(char) == "Zs":
        return " "
    return "" if code == 0xFFFD or unicodedata.category(char) in CONTROL else char


def _is_punctuation(char: str) -> bool:
    ascii_mark = char.isascii() and char.isprintable() and not char.isalnum() and char != " "
    return ascii_mark or unicodedata.category(char).startswith("P")
