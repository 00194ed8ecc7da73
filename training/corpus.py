"""Labelled texts, ours or anybody's: read from a CSV or Parquet file, checked row by row, split for good."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bookshelf.errors import TrainingError
from features.sentiment import LABELS
from training.split import held_out_rows
from training.yardsticks import without_yardsticks

#: The name that stands for the corpus of this repository.
BUNDLED = "bundled"
BUNDLED_CORPUS = Path(__file__).parent / "data" / "sentiment_corpus.csv"

#: What a corpus must have, and what it may have: `part` names where a row is from, and rows of one
#: `group`, such as twins that differ by a word, are never parted.
REQUIRED = ("text", "label")
OPTIONAL = ("part", "group")

_FEWEST = 20
_PARQUET = (".parquet", ".pq")


def load_corpus(name: str) -> pd.DataFrame:
    """Texts and labels, with `part` and `group` as text, "" where there is none; each text once, and none
    that is a yardstick.

    `name` is `bundled`, or the path of a CSV (UTF-8) or Parquet file. Raises `TrainingError` naming the
    column or the row (the first one below the header is 1) that cannot be used.
    """
    path = BUNDLED_CORPUS if name == BUNDLED else Path(name)
    rows = _read(path)
    if missing := [column for column in REQUIRED if column not in rows.columns]:
        raise TrainingError(f"{path}: column {missing[0]!r} is missing, there are {list(rows.columns)}")
    for column in OPTIONAL:
        rows[column] = rows[column].fillna("").astype(str) if column in rows.columns else ""
    rows = rows[[*REQUIRED, *OPTIONAL]].reset_index(drop=True)
    _check(rows, path)
    rows["text"] = rows["text"].str.strip()
    return _once(rows[without_yardsticks(rows)], path)


def corpus_hash(rows: pd.DataFrame) -> str:
    """Hex SHA-256 of all columns' values in their order."""
    digest = hashlib.sha256()
    for column in (*REQUIRED, *OPTIONAL):
        for cell in rows[column]:
            encoded = str(cell).encode()
            digest.update(len(encoded).to_bytes(8, "little") + encoded)
    return digest.hexdigest()


def groups_of(rows: pd.DataFrame) -> list[str]:
    """What must stay together: the row's group, or its own text."""
    pairs = zip(rows["group"], rows["text"], strict=True)
    return [f"group {group}" if group else f"text {text}" for group, text in pairs]


def kinds_of(rows: pd.DataFrame, fewest: int) -> list[str]:
    """The kind of text that each row is: its part, where there are so many parts, or else its group."""
    parts = list(rows["part"])
    return parts if "" not in parts and len(set(parts)) >= fewest else groups_of(rows)


def held_out_texts(rows: pd.DataFrame, share: float) -> NDArray[np.bool_]:
    """True (n,) for about `share` of the rows, by a hash of their text, whole groups at a time."""
    ids = [int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) for text in rows["text"]]
    return held_out_rows(ids, groups_of(rows), share)


def _read(path: Path) -> pd.DataFrame:
    try:
        if path.suffix.lower() in _PARQUET:
            return pd.read_parquet(path)
        return pd.read_csv(path, keep_default_na=False, dtype=str, encoding="utf-8")
    except FileNotFoundError as error:
        raise TrainingError(f"there is no corpus {path}") from error
    except (ValueError, OSError) as error:  # pandas' and pyarrow's parse errors are ValueErrors
        raise TrainingError(f"{path} cannot be read as CSV or Parquet: {error}") from error


def _check(rows: pd.DataFrame, path: Path) -> None:
    for number, (text, label) in enumerate(zip(rows["text"], rows["label"], strict=True), start=1):
        if not isinstance(text, str) or not text.strip():
            raise TrainingError(f"{path}, row {number}, column 'text': must be a text, got {text!r}")
        if label not in LABELS:
            wanted = f"{', '.join(LABELS[:-1])} or {LABELS[-1]}"
            raise TrainingError(f"{path}, row {number}, column 'label': must be {wanted}, got {label!r}")


def _once(rows: pd.DataFrame, path: Path) -> pd.DataFrame:
    """The rows without repetitions, whose index counts those of the file, numbered anew.

    Raises `TrainingError` for a text of two labels, or too few texts.
    """
    unlike = rows.groupby("text")["label"].transform("nunique") > 1
    if unlike.any():
        text = rows.loc[unlike, "text"].iloc[0]
        numbers = ", ".join(str(place + 1) for place in rows.index[rows["text"] == text])
        raise TrainingError(f"{path}, rows {numbers}, column 'label': the same text has two labels")
    found = rows.drop_duplicates("text", ignore_index=True)
    for label in LABELS:
        count = int((found["label"] == label).sum())
        if count < _FEWEST:
            raise TrainingError(f"{path}: {_FEWEST} {label} texts at least are needed, got {count}")
    return found
