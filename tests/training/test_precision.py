"""A model is asked with vectors of int8 only where its own evaluation loses nothing by them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from bookshelf.contracts import PRECISION_TAG
from bookshelf.settings import Settings
from training.fitted import Fitted, Score
from training.precision import Losses, with_precision

FULL, INT8 = 1.0, 2.0


class FixedEncoder:
    """Another number for every text; vectors of int8 have that one."""

    fingerprint, dimensions = "of int8", 1

    def embed(self, texts: Sequence[str], /) -> NDArray[np.float32]:
        return np.full((len(texts), 1), INT8, dtype=np.float32)


def full(texts: Sequence[str]) -> NDArray[np.float32]:
    return np.full((len(texts), 1), FULL, dtype=np.float32)


@pytest.fixture
def fitted() -> Fitted:
    score = Score(metric="loss", unit="of 1", value=0.1, baseline=0.2, higher_is_better=False)
    return Fitted(
        name="sentiment",
        model=None,
        score=score,
        params={},
        metrics={"loss": 0.1},
        held_out_losses=lambda _model: np.zeros(1),
        dataset=pd.DataFrame(),
        dataset_sha256="",
        dataset_source="",
        input_example=None,
        card="",
        tags={"snapshot_id": "1"},
    )


def judged(fitted: Fitted, settings: Settings, worse: NDArray[np.float64]) -> Fitted:
    """Four rows whose losses with vectors of int8 are that much greater; a mean's standard error is 0.5."""
    usual = np.array([0.0, 0.0, 2.0, 2.0]) * np.sqrt(3) / 2

    def losses(embed: object) -> Losses:
        said = embed(["a text"])[0, 0]  # type: ignore[operator]
        return {"steady": usual, "loss": usual if said == FULL else usual + worse}

    return with_precision(fitted, settings, full, FixedEncoder(), losses)  # type: ignore[arg-type]


def test_a_change_that_other_rows_would_bring_too_is_none(fitted: Fitted, settings: Settings) -> None:
    found = judged(fitted, settings, np.array([2.0, -2.0, 1.0, 0.9]))
    assert found.tags == {"snapshot_id": "1", PRECISION_TAG: "int8"}
    assert found.metrics["int8_loss_change"] == pytest.approx(0.475)
    assert found.metrics["int8_loss_change_allowed"] == pytest.approx(0.5)
    assert found.metrics["loss"] == 0.1


def test_a_model_that_loses_more_keeps_full_precision(fitted: Fitted, settings: Settings) -> None:
    found = judged(fitted, settings, np.full(4, 0.51))
    assert found.tags[PRECISION_TAG] == "fp32"
    assert found.metrics["int8_loss_change"] == pytest.approx(0.51)


def test_an_encoder_without_int8_leaves_no_choice(fitted: Fitted, settings: Settings) -> None:
    found = with_precision(fitted, settings, full, None, lambda _embed: {})
    assert found.tags[PRECISION_TAG] == "fp32"
    assert found.metrics == {"loss": 0.1}
