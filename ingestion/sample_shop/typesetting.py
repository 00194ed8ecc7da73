"""Phrases as a compositor would set them: articles, capitals, spaces and quotation marks."""

from __future__ import annotations

import re

_SILENT_VOWEL = re.compile(r"(one\b|once|uni(?!n)|use|usu|eu|ut[eo])", re.IGNORECASE)
_SPOKEN_VOWEL = re.compile(r"([aeiou]|hour|honest|heir|8|11\b|18\b)", re.IGNORECASE)
_SMALL_WORDS = re.compile(r"a|an|and|as|at|but|by|for|from|in|into|nor|of|on|or|over|the|to|under|vs\.|with")


def polished(text: str) -> str:
    """`text` as a compositor would set it: `a(n)` decided, no stray spaces, sentences capitalised."""
    text = re.sub(r"\b([Aa])\(n\) (?=[\"']?(\w+))", _article, text)
    text = re.sub(r" +", " ", text).strip()
    text = re.sub(r" ([,.;:?!])", r"\1", text)
    text = re.sub(r"\b([Tt]he) the\b", r"\1", text)
    return re.sub(r"(^\W*|[^.][.!?] \"?)([a-zà-ÿ])", lambda found: found[1] + found[2].upper(), text)


def _article(found: re.Match[str]) -> str:
    spoken = _SPOKEN_VOWEL.match(found[2]) and not _SILENT_VOWEL.match(found[2])
    return found[1] + ("n " if spoken else " ")


def title_case(title: str) -> str:
    """`title` with a capital on every word but the small ones, which have it only at either end."""
    words = title.split(" ")
    for at, word in enumerate(words):
        at_an_end = (
            at in (0, len(words) - 1) or words[at - 1].endswith((":", "?", "!")) or word.startswith("(")
        )
        if at_an_end or not _SMALL_WORDS.fullmatch(word.lower()):
            words[at] = re.sub(r"^(\W?)(.)", lambda found: found[1] + found[2].upper(), word)
        else:
            words[at] = word.lower()
    return " ".join(words)


def curled(text: str) -> str:
    """`text` with typographic quotation marks and apostrophes."""
    text = re.sub(r'(^|[\s(\[])"', r"\1“", text).replace('"', "”")
    return text.replace("'", "’")
