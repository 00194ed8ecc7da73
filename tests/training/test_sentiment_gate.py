"""No corpus puts a sentiment model on duty by its own word: on a real registry, a wrong one is refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

import pandas as pd
import pytest

from bookshelf.kept_vectors import KeptVectors
from bookshelf.settings import Settings
from features.layers import LayeredEncoder
from tests.conftest import hand_on_vectors
from training.corpus import BUNDLED, load_corpus
from training.promote import promote
from training.registry import register
from training.runs import tracking_client
from training.sentiment import SentimentParams, fit_sentiment

pytestmark = pytest.mark.slow

NOW = datetime(2026, 3, 2, tzinfo=UTC)
FLIP = {"positive": "negative", "negative": "positive", "neutral": "neutral"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, kept_vectors: Path) -> Iterator[Settings]:
    """An empty home that knows the vectors of texts that were encoded in the tests before."""
    folder = tmp_path_factory.mktemp("gate")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.setenv("BOOKSHELF_HOME", str(folder / "var"))
        patch.setenv("BOOKSHELF_MLRUNS", str(folder / "mlruns"))
        settings = Settings()
        with KeptVectors(kept_vectors, LayeredEncoder.load):
            hand_on_vectors(kept_vectors, settings.kept_vectors)
        yield settings


@pytest.fixture(scope="module")
def corpus() -> pd.DataFrame:
    rows = load_corpus(BUNDLED)
    return rows[rows["part"].isin(["jackets", "plain", "life"])]


def trained(
    corpus: pd.DataFrame, home: Settings, file: Path, claims: Mapping[str, float] = MappingProxyType({})
) -> dict[str, float]:
    """Registered, as `python -m training sentiment --corpus FILE` does it, but for what it claims; what its
    run has measured."""
    corpus.to_csv(file, index=False)
    fitted = fit_sentiment(home, SentimentParams(corpus=str(file), folds=3), NOW)
    register(replace(fitted, metrics={**fitted.metrics, **claims}), home)
    return dict(fitted.metrics)


def test_a_model_of_flipped_labels_is_refused_and_a_right_one_serves(
    corpus: pd.DataFrame, home: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flipped = corpus.assign(label=corpus["label"].map(FLIP))
    claims = {"probe_accuracy": 1.0, "carry_over_accuracy": 1.0}
    metrics = trained(flipped, home, tmp_path / "flipped.csv", claims)
    assert metrics["macro_f1"] > metrics["baseline_macro_f1"] + 0.2  # it agrees with itself
    decision = promote("sentiment", home)
    assert not decision.promoted
    assert "probe_accuracy" in decision.reason
    assert "must be at least 0.8" in decision.reason

    metrics = trained(corpus, home, tmp_path / "right.csv")
    assert metrics["texts_encoded"] == 0  # the same texts, under other labels
    assert metrics["texts_reused"] > len(corpus)
    with monkeypatch.context() as patch:
        patch.setattr("training.promote.skew", lambda _settings, service: f"{service} is skewed")
        assert promote("sentiment", home).reason == "sentiment_model is skewed"
    decision = promote("sentiment", home)
    assert decision.promoted, decision.reason
    version = tracking_client(home).get_model_version_by_alias("sentiment", "champion")
    assert str(version.version) == "2"
