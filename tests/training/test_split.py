"""The same books are held out whatever else the shop sells."""

from __future__ import annotations

import pytest

from training.split import held_out_rows


def held_out_ids(ids: list[int], share: float = 0.2) -> set[int]:
    chosen = held_out_rows(ids, [str(one) for one in ids], share)
    return {one for one, out in zip(ids, chosen, strict=True) if out}


def test_about_the_share_asked_for_is_held_out() -> None:
    assert 170 <= len(held_out_ids(list(range(1, 1001)))) <= 230


def test_books_that_come_and_go_move_no_other_book() -> None:
    before = held_out_ids(list(range(1, 1001)))
    after = held_out_ids(list(range(500, 2000)))
    assert {one for one in before if one >= 500} == {one for one in after if one <= 1000}


def test_a_smaller_share_is_part_of_a_greater_one() -> None:
    ids = list(range(1, 501))
    assert held_out_ids(ids, 0.1) < held_out_ids(ids, 0.3)


def test_editions_of_one_work_are_on_one_side() -> None:
    groups = [f"work {row // 3}" for row in range(300)]
    chosen = held_out_rows(list(range(300)), groups, 0.3).reshape(100, 3)
    assert (chosen.all(axis=1) | ~chosen.any(axis=1)).all()


@pytest.mark.parametrize("share", [0.001, 0.999])
def test_of_two_works_one_is_on_either_side(share: float) -> None:
    for first in range(50):
        assert held_out_rows([first, first + 1], ["a", "b"], share).sum() == 1


def test_one_work_cannot_be_split() -> None:
    with pytest.raises(ValueError, match="two groups at least"):
        held_out_rows([1, 2], ["same", "same"], 0.2)
