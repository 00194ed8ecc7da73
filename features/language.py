"""Which language a text is in, where it can be told."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from features.text import count_words

if TYPE_CHECKING:
    from lingua import LanguageDetector

ENGLISH = "en"

# The languages in which books are most sold, and neighbours that would pass for one of them. Each more
# makes short texts harder to tell apart.
_KNOWN = (
    "arabic bokmal chinese czech danish dutch english finnish french german greek hebrew hindi hungarian "
    "indonesian italian japanese korean polish portuguese romanian russian spanish swedish turkish ukrainian "
    "vietnamese"
)
_SURE = {True: 0.9, False: 0.5}
# What looks more like Danish than like English may still be English: of 7,000 short English texts, one in
# 150 did. None of them was left so small a chance, and what is not English seldom a greater one.
_RULED_OUT = 0.0008
# "Meh" is German to a detector, "lol no" Turkish.
_FEWEST_WORDS = 4
_FIRST_KANA = "\u3040"
# As much as tells the language of a text; a longer one costs more and says no more.
_ENOUGH = 1_000


def language_of(text: str) -> str | None:
    """ISO 639-1 code of the text's language; None for a text too short or too mixed to be sure.

    Another than English is told only where English can be ruled out.
    """
    start = text[:_ENOUGH]
    if count_words(start) < _FEWEST_WORDS and not _wordless_script(start):
        return None
    chances = {
        str(found.language.iso_code_639_1.name).lower(): found.value
        for found in _detector().compute_language_confidence_values(start)  # the likeliest first
    }
    likeliest = next(iter(chances))
    if chances[likeliest] < _SURE[likeliest == ENGLISH]:
        return None
    return likeliest if likeliest == ENGLISH or chances[ENGLISH] < _RULED_OUT else None


def _wordless_script(text: str) -> bool:
    """Whether there are some letters of East Asia, where no spaces part the words."""
    return sum(letter >= _FIRST_KANA and letter.isalpha() for letter in text) >= _FEWEST_WORDS


@cache
def _detector() -> LanguageDetector:
    """Made when first asked for. Trigrams alone take 30 MB, where sequences of all lengths take hundreds."""
    from lingua import Language, LanguageDetectorBuilder

    known = [getattr(Language, name) for name in _KNOWN.upper().split()]
    return LanguageDetectorBuilder.from_languages(*known).with_low_accuracy_mode().build()
