"""Text is cut into the words and pieces that the vocabulary knows."""

from firm.model.embedded.wordpiece import WordPiece, words

TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "un", "##aff", "##able", "run", "##n", "##ing", "!", "中"]


def test_words_are_lower_case_without_accents_and_marks_stand_alone() -> None:
    assert words("Don't STOP—ever… café") == ["don", "'", "t", "stop", "—", "ever", "…", "cafe"]
    assert words("a\tb\nc\x00\x1b[d] e\u200bf\ufffd") == ["a", "b", "c", "[", "d", "]", "ef"]
    assert words("中文ab ΣΟΣ İ") == ["中", "文", "ab", "σοσ", "i"]
    assert words("  ") == []


def test_the_longest_piece_wins() -> None:
    pieces = WordPiece(TOKENS)
    assert pieces.ids("Unaffable running!", limit=20) == [2, 4, 5, 6, 7, 8, 9, 10, 3]
    assert pieces.ids("unknown 中", limit=20) == [2, 1, 11, 3]
    assert pieces.ids("", limit=20) == [2, 3]
    assert pieces.ids("un" + "n" * 200, limit=20) == [2, 1, 3]


def test_what_is_too_long_is_cut_off_before_the_end_mark() -> None:
    pieces = WordPiece(TOKENS)
    assert pieces.ids("run " * 50, limit=5) == [2, 7, 7, 7, 3]
    assert pieces.ids("run run run", limit=5) == [2, 7, 7, 7, 3]
