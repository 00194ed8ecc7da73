"""A requirement is data: one bound of one metric, and what it says when it is broken."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from training.requirements import Requirement

WHY = "it matters"
NINE_TENTHS = Requirement(metric="f1", at_least=0.9, why=WHY)
BY_A_FIFTH = Requirement(metric="a", beats="b", by=0.2, why=WHY)


@pytest.mark.parametrize(
    ("required", "metrics", "breach"),
    [
        (NINE_TENTHS, {"f1": 0.9}, None),
        (
            Requirement(metric="f1", at_least=0.9, why=WHY),
            {"f1": 0.89},
            "its f1 of 0.89 must be at least 0.9",
        ),
        (Requirement(metric="mae", at_most=2, why=WHY), {"mae": 2.0}, None),
        (Requirement(metric="mae", at_most=2, why=WHY), {"mae": 2.5}, "its mae of 2.5 must be at most 2"),
        (Requirement(metric="a", beats="b", why=WHY), {"a": 0.5, "b": 0.5}, "its a of 0.5 must be above 0.5"),
        (Requirement(metric="a", beats="b", why=WHY), {"a": 0.51, "b": 0.5}, None),
        (
            Requirement(metric="a", beats="b", by_share=0.2, why=WHY),
            {"a": 0.55, "b": 0.5},
            "its a of 0.55 must be above the 0.5 of b by 0.1",
        ),
        (Requirement(metric="a", beats="b", by_share=0.2, why=WHY), {"a": 0.61, "b": 0.5}, None),
        (
            Requirement(metric="a", beats="b", by=0.2, why=WHY),
            {"a": 0.65, "b": 0.5},
            "above the 0.5 of b by 0.2",
        ),
        (Requirement(metric="e", beats="b", lower_is_better=True, why=WHY), {"e": 1.0, "b": 2.0}, None),
        (
            Requirement(metric="e", beats="b", by=0.5, lower_is_better=True, why=WHY),
            {"e": 1.8, "b": 2.0},
            "its e of 1.8 must be below the 2 of b by 0.5",
        ),
        (NINE_TENTHS, {}, "its f1 was not measured"),
        (NINE_TENTHS, {"f1": float("nan")}, "its f1 was not measured"),
        (Requirement(metric="a", beats="b", why=WHY), {"a": 1.0}, "its b was not measured"),
    ],
)
def test_a_broken_bound_is_told_with_its_reason(
    required: Requirement, metrics: Mapping[str, float], breach: str | None
) -> None:
    found = required.breach(metrics)
    if breach is None:
        assert found is None
    else:
        assert found is not None
        assert breach in found
        assert found.endswith("because it matters")


def test_a_requirement_has_exactly_one_bound() -> None:
    with pytest.raises(ValueError, match="f1 must have one bound, got 0"):
        Requirement(metric="f1", why=WHY)
    with pytest.raises(ValueError, match="got 2"):
        Requirement(metric="f1", at_least=0.1, beats="b", why=WHY)
