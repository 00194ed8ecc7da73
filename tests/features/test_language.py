"""The language of a text is told where it can be, and never guessed."""

from __future__ import annotations

import pytest

from features.language import language_of


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("A warm and funny book that I could not put down.", "en"),
        ("Un livre merveilleux, tendre et drôle.", "fr"),
        ("Ein trauriges, langweiliges Buch ohne jeden Witz.", "de"),
        ("Un libro aburrido y malo, no lo recomiendo.", "es"),
        ("Это очень хорошая книга о войне.", "ru"),
        ("面白い本です", "ja"),
        ("这本书很好看", "zh"),
    ],
)
def test_the_language_is_told(text: str, language: str) -> None:
    assert language_of(text) == language


@pytest.mark.parametrize(
    "text", ["", " ", "?!", "Meh.", "lol no", "1984", "Kafka, Prag", "\ud83d\ude00 \ud83d\ude00"]
)
def test_of_a_few_words_nothing_is_told(text: str) -> None:
    assert language_of(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "Loud music, hard chairs, harder croissants.",
        "The risotto is very rubbery.",
        "An absolute tour de force.",
        "This is an exploitative adventure.",
    ],
)
def test_english_of_foreign_words_is_not_taken_for_foreign(text: str) -> None:
    assert language_of(text) in (None, "en")


def test_a_long_text_is_told_by_its_start() -> None:
    assert language_of("It was a dark and stormy night. " * 500 + "Es war dunkel. " * 500) == "en"
