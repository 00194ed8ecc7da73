"""Real descriptions labelled by hand, by UPC: what the sentiment model is measured on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from bookshelf.book import ListedBook
from bookshelf.errors import TrainingError
from features.sentiment import LABELS
from features.text import clean_description

HAND_LABELS = Path(__file__).parent / "data" / "hand_labels.csv"

#: The part that settings of the model were chosen on; the model is measured on the other.
CHOOSE, REPORT = "choose", "report"


def load_hand_labels(path: Path = HAND_LABELS) -> pd.DataFrame:
    """`upc`, `label` and `use` (`choose` or `report`), one row a book.

    Raises `TrainingError` naming the row and column that cannot be used; row 1 is below the header.
    """
    rows = pd.read_csv(path, keep_default_na=False, dtype=str)
    for column, allowed in (("upc", None), ("label", LABELS), ("use", (CHOOSE, REPORT))):
        if column not in rows.columns:
            raise TrainingError(f"{path}: column {column!r} is missing, there are {list(rows.columns)}")
        for number, cell in enumerate(rows[column], start=1):
            if not cell or (allowed is not None and cell not in allowed):
                wanted = "a UPC" if allowed is None else " or ".join(allowed)
                raise TrainingError(
                    f"{path}, row {number}, column {column!r}: must be {wanted}, got {cell!r}"
                )
    if (twice := rows["upc"].duplicated()).any():
        raise TrainingError(f"{path}: upc {rows.loc[twice, 'upc'].iloc[0]} is labelled twice")
    return rows[["upc", "label", "use"]]


def labelled_descriptions(books: Sequence[ListedBook], labels: pd.DataFrame) -> pd.DataFrame:
    """`upc`, `text` (cleaned) and `label` of the books to report on; empty where the shop is another."""
    described = pd.DataFrame(
        [(listed.book.upc, clean_description(listed.book.description)) for listed in books],
        columns=["upc", "text"],
    )
    wanted = labels[labels["use"] == REPORT].merge(described, on="upc", how="inner")
    return wanted.loc[wanted["text"] != "", ["upc", "text", "label"]].reset_index(drop=True)
