"""From what the sentiment model thinks of each passage to its answers, now and again later."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bookshelf.contracts import SentimentReply
from features.sentiment import Impressions, conclude
from serving.champions import Champion
from serving.used import Used

# What each passage says alone (p, 3): the value that an answer is made of.
_PASSAGES = "passages"
# By so much those probabilities may depend on the other passages that one is encoded with.
_ROUNDING = 1e-4


def tones(champion: Champion, found: Impressions) -> list[SentimentReply]:
    """One answer a text."""
    judged = conclude(champion.model, found)
    told = zip(*(judged[name] for name in ("sentiment", "score", "sentence", "language")), strict=True)
    return [
        SentimentReply(
            sentiment=sentiment, score=score, sentence=sentence, language=language, model=champion.ref
        )
        for sentiment, score, sentence, language in told
    ]


def used_by(found: Impressions) -> list[Used]:
    """What each answer is made of; nothing where a text cannot be read."""
    alone = found.by_text()
    texts = range(len(found.languages))
    return [Used({_PASSAGES: alone[place].tolist()} if place in alone else None) for place in texts]


def as_then(found: Impressions, used: Used) -> Impressions:
    """What was thought of a text then, if what is thought of it now is the same but for rounding."""
    if used.features is None:
        return found
    then = np.array(used.features[_PASSAGES])
    same = then.shape == found.alone.shape and np.allclose(then, found.alone, rtol=0, atol=_ROUNDING)
    return replace(found, alone=then) if same else found
