"""A recommender as it was saved while it knew meaning, words and category alone, as what it is now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from features.lens import Lens
from features.respects import CATEGORY, MEANING, WORDS, Profile

_MARK = "meaning_weight"


def is_former(state: Mapping[str, Any]) -> bool:
    """Whether that is the state of such a one."""
    return _MARK in state


def of_former(state: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes of a recommender that answers as that one did. It knows no descriptions to quote."""
    books = pd.DataFrame({"title": state["titles"], "category": state["categories"], "description": ""})
    lens = Lens().fit(books)
    lens.weighting = state["weighting"]
    known = lens.profile(books, state["embeddings"]).respects
    return {
        "weights": {name: state[f"{name}_weight"] for name in (MEANING, WORDS, CATEGORY)},
        "exact_up_to": len(books),
        "book_ids": state["book_ids"],
        "titles": state["titles"],
        "categories": state["categories"],
        "authors": [""] * len(books),
        "descriptions": [""] * len(books),
        "works": state["works"],
        "lens": lens,
        "profile": Profile({**known, WORDS: state["terms"]}),
        "index": None,
    }
