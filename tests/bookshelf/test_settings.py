"""Settings are read from the environment as a user writes them, or refused by the name of their variable."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bookshelf.errors import SettingsError
from bookshelf.settings import load_settings


@pytest.mark.parametrize(
    ("said", "meant"),
    [("0.5", timedelta(seconds=0.5)), ("2", timedelta(seconds=2)), ("PT1M", timedelta(minutes=1))],
)
def test_a_duration_is_seconds_or_iso(monkeypatch: pytest.MonkeyPatch, said: str, meant: timedelta) -> None:
    monkeypatch.setenv("BOOKSHELF_FETCH_PAUSE", said)
    assert load_settings().fetch_pause == meant


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("BOOKSHELF_FETCH_WORKERS", "9"),
        ("BOOKSHELF_FETCH_WORKERS", "0"),
        ("BOOKSHELF_FETCH_PAUSE", "-1"),
        ("BOOKSHELF_FETCH_PAUSE", "a while"),
        ("BOOKSHELF_FETCH_PAUSE", "nan"),
        ("BOOKSHELF_FETCH_PAUSE", "1e99"),
        ("BOOKSHELF_FETCH_TIMEOUT", "0"),
        ("API_PORT", "70000"),
    ],
)
def test_a_value_that_cannot_be_used_is_named_with_its_variable(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError, match=f"{variable}='.*' cannot be used"):
        load_settings()


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOOKSHELF_FETCH_PAUSE", "")
    monkeypatch.setenv("SOURCE", "")
    assert load_settings().fetch_pause == timedelta(0)
    assert load_settings().source == ""
