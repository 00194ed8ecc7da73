"""Local copies are whole or not there, and go when nobody needs them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from serving.appointment import Appointment
from serving.local_copy import LocalCopies

FIRST = Appointment("price", "1", "run-1", {"informative": "true"})
SECOND = Appointment("price", "2", "run-2", {"encoder_version": "4"})


@pytest.fixture
def copies(tmp_path: Path) -> LocalCopies:
    return LocalCopies(tmp_path / "serving")


def model_file(folder: Path) -> None:
    (folder / "model").write_text("a model")


def test_a_version_is_fetched_once(copies: LocalCopies) -> None:
    fetched: list[Path] = []

    def download(folder: Path) -> None:
        fetched.append(folder)
        model_file(folder)

    for _ in range(2):
        assert (copies.fetch(FIRST.key, download) / "model").read_text() == "a model"
    assert len(fetched) == 1


def test_a_download_that_fails_leaves_nothing(copies: LocalCopies, tmp_path: Path) -> None:
    def download(folder: Path) -> None:
        model_file(folder)
        raise ConnectionError("the registry is away")

    with pytest.raises(ConnectionError):
        copies.fetch(FIRST.key, download)
    assert not copies.has(FIRST.key)
    assert not list((tmp_path / "serving" / "versions").iterdir())


def test_nobody_was_on_duty_before_the_first(copies: LocalCopies) -> None:
    assert copies.last("price") is None


def test_the_last_on_duty_is_remembered_with_its_tags(copies: LocalCopies) -> None:
    copies.fetch(FIRST.key, model_file)
    assert copies.note(FIRST) is None
    assert copies.last("price") == FIRST
    assert copies.last("sentiment") is None


def test_who_takes_over_is_told_whom_it_replaces_and_only_once(copies: LocalCopies) -> None:
    copies.fetch(FIRST.key, model_file)
    copies.note(FIRST)
    assert copies.note(SECOND) == FIRST
    assert copies.note(SECOND) is None


@pytest.mark.parametrize(
    "rubbish", ["", "{", "[]", '{"version": "1"}', '{"version": 1, "run_id": 2, "tags": 3}']
)
def test_a_note_that_cannot_be_read_is_none(copies: LocalCopies, tmp_path: Path, rubbish: str) -> None:
    copies.fetch(FIRST.key, model_file)
    copies.note(FIRST)
    (tmp_path / "serving" / "price.json").write_text(rubbish)
    assert copies.last("price") is None


def test_copies_that_no_champion_needs_go_after_a_while(copies: LocalCopies) -> None:
    assert SECOND.encoder_key is not None
    for key in (FIRST.key, SECOND.key, SECOND.encoder_key, "price-3-of-another-worker"):
        folder = copies.fetch(key, model_file)
        if key != "price-3-of-another-worker":
            os.utime(folder, (0, 0))
    copies.note(SECOND)
    kept = [FIRST.key, SECOND.key, SECOND.encoder_key, "price-3-of-another-worker"]
    assert [copies.has(key) for key in kept] == [False, True, True, True]


def test_a_damaged_copy_can_be_fetched_anew(copies: LocalCopies) -> None:
    (copies.fetch(FIRST.key, model_file) / "model").write_text("damaged")
    assert (copies.fetch(FIRST.key, model_file) / "model").read_text() == "damaged"
    assert (copies.fetch(FIRST.key, model_file, anew=True) / "model").read_text() == "a model"


def test_a_copy_stays_if_it_cannot_be_fetched_anew(copies: LocalCopies) -> None:
    def away(_folder: Path) -> None:
        raise ConnectionError("the registry is away")

    copies.fetch(FIRST.key, model_file)
    with pytest.raises(ConnectionError):
        copies.fetch(FIRST.key, away, anew=True)
    assert (copies.fetch(FIRST.key, away) / "model").read_text() == "a model"


def test_versions_of_one_number_from_two_registries_are_told_apart() -> None:
    assert FIRST.key != Appointment("price", "1", "another run", {}).key


@pytest.mark.parametrize("number", ["", "../../etc", "one"])
def test_an_encoder_version_that_is_no_number_names_none(number: str) -> None:
    appointed = Appointment("sentiment", "1", "run", {"encoder_version": number})
    assert (appointed.encoder_version, appointed.encoder_key) == (None, None)
