"""Every version's card tells the same things, and how the version does on parts of its held-out rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bookshelf.errors import TrainingError
from training.cards import SECTIONS, check_card, model_card, with_slices
from training.slices import slice_table

HASH = "ab" * 32
CARD = model_card("A model", "It answers.", {name: f"About {name} of {HASH}." for name in SECTIONS})


def test_a_card_that_tells_everything_passes() -> None:
    check_card(CARD, HASH)


@pytest.mark.parametrize("name", SECTIONS)
def test_a_card_without_a_section_is_refused_by_its_name(name: str) -> None:
    with pytest.raises(TrainingError, match=f"lacks \\['{name}'\\]"):
        check_card(CARD.replace(f"## {name}\n", "## Else\n"), HASH)


def test_a_card_that_does_not_name_its_data_is_refused() -> None:
    with pytest.raises(TrainingError, match="by their hash cd"):
        check_card(CARD, "cd" * 32)


def test_slices_stand_behind_the_scores_unless_the_card_has_its_own() -> None:
    bare = model_card("A model", "It answers.", {"Scores": "One.", "Limits": "Two."})
    card = with_slices(bare, "Three.")
    assert card.index("## Scores\n\nOne.") < card.index("## Slices\n\nThree.") < card.index("## Limits")
    assert with_slices(card, "Four.") == card
    assert with_slices(model_card("A model", "It answers.", {}), "Three.").endswith("## Slices\n\nThree.\n")


def test_only_parts_that_are_large_enough_are_told() -> None:
    rows = pd.DataFrame(
        {
            "category": ["Poetry"] * 12 + ["Fiction"] * 11 + ["Rare"] * 3,
            "description": ["words"] * 14 + [""] * 12,
            "price": np.arange(26, dtype="float64"),
        }
    )
    told = slice_table(rows, np.arange(26, dtype="float64"), "error in pounds")
    assert "error in pounds" in told
    lines = {line.split("|")[1].strip(): line.split("|")[2:4] for line in told.splitlines() if "|" in line}
    assert [part.strip() for part in lines["category Poetry"]] == ["12", "5.500"]
    assert [part.strip() for part in lines["all"]] == ["26", "12.500"]
    assert "category Rare" not in lines
    assert {"with a description", "without a description"} <= set(lines)
