"""What a description says, without what the shop's page adds to it: the teaser, `...more`, odd spaces."""

from __future__ import annotations

import re

# A shop repeats hundreds of letters; fewer may be the author's own, as in "Never, never, never again".
_SHORTEST_TEASER = 40
_FOLD = re.compile(r"(?:\.\.\.|…)\s*more\s*$")
# Byte order marks, soft hyphens and zero-width spaces split words in two. The joiners (U+200C, U+200D)
# are left in: Persian and emoji are written with them.
_INVISIBLE = re.compile("[\ufeff\u00ad\u200b\u2060]")
_WORD = re.compile(r"\w+(?:['’\-]\w+)*")


def clean_description(raw: str) -> str:
    """The description once, as one line: words apart by single spaces, no invisible characters.

    A folded description, known by the `...more` at its end, is a teaser cut off mid-word and then the
    full text: the teaser and the `...more` go. Other descriptions keep every word they have.
    """
    text = " ".join(_INVISIBLE.sub("", raw).split())
    unfolded = _FOLD.sub("", text)
    if unfolded == text:
        return text
    return unfolded[_teaser_length(unfolded) :].strip()


def count_words(text: str) -> int:
    """How many words: runs of letters and digits, `don't` and `well-known` being one each."""
    return sum(1 for _ in _WORD.finditer(text))


def _teaser_length(text: str) -> int:
    """Where the full text starts behind its own cut-off copy; 0 if the text does not begin twice.

    Only letters and digits are compared, because spaces, quotes and dashes differ between the copies.
    """
    letters = [(place, letter) for place, letter in enumerate(text) if letter.isalnum()]
    written = "".join(letter for _, letter in letters)
    second = _longest_repeated_start(written)
    if second == 0:
        return 0
    marks = text[: letters[0][0]]
    teaser = text[: letters[second][0]]
    # An opening quote or bracket before the first letter belongs to the full text's start as well.
    return len(teaser.removesuffix(marks))


def _longest_repeated_start(written: str) -> int:
    """The greatest n, at least the shortest teaser, with `written` starting by the same n letters twice."""
    for length in range(len(written) // 2, _SHORTEST_TEASER - 1, -1):
        if written.startswith(written[:length], length):
            return length
    return 0
