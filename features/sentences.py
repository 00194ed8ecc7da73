"""Texts in sentences, and sentences in passages long enough to have a tone of their own."""

from __future__ import annotations

import re

_LEAST_HALF = 10  # words

# The shop glues paragraphs together ("on Mars.A freak accident"), so a border needs no space before a
# capital; two word characters in front of it keep initials ("B.J. Novak") whole.
SENTENCE_END = re.compile(r"(?:(?<=\w\w)[.!?…]+[\"'”’»)\]]*(?:\s+|(?=[^\W\d_a-z]|[\"“‘«(\[]))|[。！？]+)")


def sentences(text: str) -> list[str]:
    """The text's sentences in order, at least one; put together they are the text, character by character."""
    return pieces_of(text, SENTENCE_END)


def pieces_of(text: str, border: re.Pattern[str]) -> list[str]:
    """The text in pieces that end with a border; nothing is lost, and "" is one piece."""
    ends = [match.end() for match in border.finditer(text) if match.end() < len(text)]
    return [text[start:end] for start, end in zip([0, *ends], [*ends, len(text)], strict=True)]


def passages(text: str, least_words: int) -> list[str]:
    """The sentences in order, joined until each passage has that many words; at least one passage.

    What is left over at the end joins the passage before it. Words are what spaces set apart.
    """
    found: list[str] = []
    open_passage = ""
    for sentence in sentences(text):
        open_passage += sentence
        if len(open_passage.split()) >= least_words:
            found.append(open_passage.strip())
            open_passage = ""
    rest = open_passage.strip()
    if not found:
        return [rest]
    if rest:
        found[-1] = f"{found[-1]} {rest}"
    return found


def halves(text: str) -> tuple[str, str] | None:
    """The text cut between two sentences, as near to the middle of its words as can be.

    None for a text of one sentence, or one of which a half would have fewer than ten words.
    """
    pieces = sentences(text)
    words = [len(piece.split()) for piece in pieces]
    total = sum(words)
    cut = min(range(1, len(pieces)), key=lambda at: abs(2 * sum(words[:at]) - total), default=0)
    if min(sum(words[:cut]), sum(words[cut:])) < _LEAST_HALF:
        return None
    return "".join(pieces[:cut]).strip(), "".join(pieces[cut:]).strip()
