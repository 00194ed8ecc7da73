"""What a price is learned by: the columns read off books, and the pipelines from them to one number."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import TruncatedSVD
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.model_selection import KFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler, TargetEncoder
from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

from bookshelf.book import IN_STOCK
from features.text import count_words

Values = NDArray[np.float64]

_NUMBERS = ["rating", "stock", "in_stock", "title_words", "description_words"]
_WORD_COLUMNS = 2**14
_TOPICS = 24


def fitted(pipeline: Pipeline, columns: pd.DataFrame, y: Values) -> Pipeline:
    """The pipeline, fitted on `design`'s columns."""
    with _one_thread(), np.errstate(invalid="ignore", divide="ignore"):  # books without text vary in none
        return pipeline.fit(columns, y)


def predicted(pipeline: Pipeline, columns: pd.DataFrame) -> Values:
    """Numbers (n,) on the scale the pipeline was fitted on."""
    with _one_thread():
        return np.asarray(pipeline.predict(columns), dtype=np.float64)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Threads cost more than they give on so few rows, and on a busy machine ten times as much."""
    with _thread_pools().limit(limits=1):
        yield


@cache
def _thread_pools() -> ThreadpoolController:
    return ThreadpoolController()  # which looks through every loaded library: once is enough


def design(X: pd.DataFrame) -> pd.DataFrame:
    """The columns that the pipelines read, missing texts as "", missing numbers as NaN."""
    written = {name: texts(X, name) for name in ("category", "title", "description")}
    words = {
        name: np.log1p([count_words(text) for text in written[name]]) for name in ("title", "description")
    }
    return pd.DataFrame(
        {
            "category": written["category"],
            "rating": X["rating"].to_numpy(dtype=np.float64, na_value=np.nan),
            "stock": X["stock"].to_numpy(dtype=np.float64, na_value=np.nan),
            "in_stock": [float(text == IN_STOCK) if text else np.nan for text in texts(X, "availability")],
            "title_words": words["title"],
            "description_words": words["description"],
            "text": [" ".join(pair) for pair in zip(written["title"], written["description"], strict=True)],
        },
        index=X.index,
    )


def ridge(alpha: float) -> Pipeline:
    """Every category and every word has its own weight, the smaller the greater `alpha` is."""
    columns = [
        ("category", OneHotEncoder(handle_unknown="ignore"), ["category"]),
        ("numbers", make_pipeline(_imputer(), StandardScaler()), _NUMBERS),
        ("text", _words(), "text"),
    ]
    return make_pipeline(ColumnTransformer(columns), Ridge(alpha=alpha))


def boosting(seed: int) -> Pipeline:
    """Trees, which see what belongs together, on a few topics in place of the words."""
    # Trees cannot split a one-hot category of five books; its mean price, taken crosswise, they can.
    crosswise = KFold(5, shuffle=True, random_state=seed)
    columns = [
        ("category", TargetEncoder(target_type="continuous", cv=crosswise), ["category"]),
        ("numbers", _imputer(), _NUMBERS),
        ("text", make_pipeline(_words(), TruncatedSVD(_TOPICS, random_state=seed)), "text"),
    ]
    trees = HistGradientBoostingRegressor(
        loss="absolute_error", learning_rate=0.08, max_iter=120, max_leaf_nodes=15, random_state=seed
    )
    return make_pipeline(ColumnTransformer(columns, sparse_threshold=0), trees)


def _words() -> Pipeline:
    # Hashed, because a vocabulary cannot be made of books without text.
    return make_pipeline(
        HashingVectorizer(n_features=_WORD_COLUMNS, stop_words="english", alternate_sign=False, norm=None),
        TfidfTransformer(sublinear_tf=True),
    )


def _imputer() -> SimpleImputer:
    # Where some are missing, that they are is told too: shops leave out what does not flatter.
    return SimpleImputer(strategy="median", keep_empty_features=True, add_indicator=True)


def texts(X: pd.DataFrame, column: str) -> list[str]:
    """The cells of a column of text, "" where there is none."""
    return [cell if isinstance(cell, str) else "" for cell in X[column]]
