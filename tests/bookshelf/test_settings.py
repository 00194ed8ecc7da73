"""Settings are read from the environment as a user writes them, or refused by the name of their variable."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest

from bookshelf.errors import SettingsError
from bookshelf.settings import Settings, load_installation, load_settings


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
        ("BOOKSHELF_MODEL_TIMEOUT", "0"),
        ("API_PORT", "70000"),
        ("BOOKSHELF_DRIFT_PSI", "0"),
        ("BOOKSHELF_DRIFT_KS", "1.1"),
        ("BOOKSHELF_DRIFT_COOLDOWN", "-1"),
        ("BOOKSHELF_PREDICTION_RETENTION", "0"),
        ("BOOKSHELF_PREDICTION_RETENTION", "a quarter"),
        ("BOOKSHELF_SCHEDULE", "abc"),
        ("BOOKSHELF_RETRAIN_SCHEDULE", "xyz"),
        ("BOOKSHELF_SCHEDULE_TIME_ZONE", "Mars/Olympus"),
        ("BOOKSHELF_HOME", __file__),
        ("BOOKSHELF_HOME", f"{__file__}/below/a/file"),
    ],
)
def test_a_value_that_cannot_be_used_is_named_with_its_variable(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError, match=f"{variable}='.*' cannot be used"):
        load_settings()


def test_of_one_fault_nothing_else_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOOKSHELF_RUN_LEASE", "abc")
    monkeypatch.delenv("BOOKSHELF_ENCODERS", raising=False)
    with pytest.raises(SettingsError) as refused:
        load_settings()
    assert str(refused.value).count("cannot be used") == 1


@pytest.mark.parametrize(
    "address",
    [
        *("nonsense", "mysql://me:hunter2@x/y", "postgres://me:hunter2@x/y"),
        *("postgresql+psycopg2://me:hunter2@x/y", "postgresql://me:hunter2@x:port/y"),
    ],
)
def test_a_database_that_cannot_be_used_is_refused_and_its_password_not_shown(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("BOOKSHELF_DATABASE_URL", address)
    with pytest.raises(
        SettingsError, match=r"^BOOKSHELF_DATABASE_URL cannot be used.*postgresql://"
    ) as refused:
        load_settings()
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    "address", ["postgresql://me@/books?host=/run", "postgresql+psycopg://x/y", "sqlite:///b"]
)
def test_databases_of_both_kinds_can_be_used(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("BOOKSHELF_DATABASE_URL", address)
    assert load_settings().catalogue_url == address


def test_an_installation_is_known_by_its_home_whatever_else_is_wrong(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("BOOKSHELF_HOME", str(tmp_path))
    monkeypatch.setenv("BOOKSHELF_QUEUE_PRICE", "-1")
    assert load_installation().home == tmp_path


@pytest.mark.parametrize(("name", "sign"), [("a%2Fb", "%"), ("what?", "?"), ("a ;b", " ;")])
def test_a_home_lies_where_addresses_and_configurations_name_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, sign: str
) -> None:
    monkeypatch.setenv("BOOKSHELF_HOME", str(tmp_path / name))
    with pytest.raises(SettingsError, match=re.escape(f"its path must have no '{sign}'")):
        load_installation()


def test_more_drift_windows_must_be_looked_at_than_must_violate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOOKSHELF_DRIFT_VIOLATIONS", "6")
    with pytest.raises(SettingsError, match=r"BOOKSHELF_DRIFT_WINDOWS=.* BOOKSHELF_DRIFT_VIOLATIONS=6"):
        load_settings()
    monkeypatch.setenv("BOOKSHELF_DRIFT_WINDOWS", "6")
    assert load_settings().drift_windows == 6


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOOKSHELF_FETCH_PAUSE", "")
    monkeypatch.setenv("SOURCE", "")
    assert load_settings().fetch_pause == timedelta(0)
    assert load_settings().source == ""


def test_a_bento_must_be_told_what_it_serves(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "bento.yaml").touch()
    monkeypatch.setattr("bookshelf.settings._BENTO", tmp_path / "bento.yaml")
    monkeypatch.setenv("BOOKSHELF_HOME", str(tmp_path / "var"))
    monkeypatch.delenv("BOOKSHELF_MLRUNS", raising=False)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with pytest.raises(SettingsError, match="BOOKSHELF_HOME and MLFLOW_TRACKING_URI must say"):
        load_settings()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:5000")
    assert load_settings().home == tmp_path / "var"


def test_settings_handed_to_a_child_process_are_the_same_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    given = Settings().model_copy(
        update={
            "home": tmp_path / "var",
            "export_csv": tmp_path / "books.csv",
            "database_url": "postgresql+psycopg:///books",
            "source": "http://127.0.0.1:8900/",
            "host": "127.0.0.2",
            "api_port": 18000,
            "fetch_pause": timedelta(milliseconds=50),
            "model_timeout": timedelta(minutes=2),
        }
    )
    for variable, value in given.as_environment().items():
        monkeypatch.setenv(variable, value)
    assert load_settings() == given


def test_a_source_named_the_short_way_counts_where_the_long_name_is_empty(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("BOOKSHELF_SOURCE", "")
    monkeypatch.setenv("SOURCE", "http://127.0.0.1:8900/")
    assert load_settings().source == "http://127.0.0.1:8900/"
