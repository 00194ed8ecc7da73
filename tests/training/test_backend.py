"""MLflow's database is made once, whoever starts first and however many start together."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from training import backend

# What a client does first: look for an experiment, and make it.
_CLIENT = """
import sys, mlflow
mlflow.set_tracking_uri(sys.argv[1])
mlflow.create_experiment(sys.argv[2])
print([one.name for one in mlflow.search_registered_models()])
"""


def revision(database: Path) -> str:
    with closing(sqlite3.connect(database)) as connection:
        (found,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return str(found)


@pytest.mark.slow
def test_processes_that_start_together_on_an_empty_home_all_succeed(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path}/new/folder/mlflow.db"
    clients = [
        subprocess.Popen(
            [sys.executable, "-W", "default", "-c", _CLIENT, uri, f"experiment {number}"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
        )
        for number in range(4)
    ]
    said = [client.communicate(timeout=300) for client in clients]
    assert [client.returncode for client in clients] == [0, 0, 0, 0], said
    assert {out for out, _ in said} == {"[]\n"}
    told = "".join(err for _, err in said)
    assert "alembic" not in told
    assert "Creating initial MLflow database" not in told
    assert "noload" not in told


@pytest.mark.slow
def test_artifacts_lie_beside_the_database_wherever_the_process_was_started(tmp_path: Path) -> None:
    store = backend.open_tracking_store(f"sqlite:///{tmp_path}/mlflow.db")
    assert store.get_experiment("0").artifact_location == str(tmp_path / "artifacts" / "0")
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


@pytest.mark.slow
def test_a_database_left_half_made_by_a_kill_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db.new").write_text("half")
    backend.prepare(f"sqlite:///{tmp_path}/mlflow.db")
    assert revision(tmp_path / "mlflow.db")
    assert not (tmp_path / "mlflow.db.new").exists()


@pytest.mark.slow
def test_an_older_database_is_kept_beside_and_migrated(tmp_path: Path) -> None:
    from alembic import command
    from mlflow.store.db import utils
    from mlflow.store.tracking.dbmodels.initial_models import Base

    database, older = tmp_path / "mlflow.db", "bda7b8c39065"
    uri = f"sqlite:///{database}"
    engine = utils.create_sqlalchemy_engine_with_retry(uri)
    Base.metadata.create_all(engine)
    command.upgrade(utils._get_alembic_config(uri), older)
    engine.dispose()

    backend.prepare(uri)

    assert revision(database) == utils._get_latest_schema_revision()
    assert revision(tmp_path / f"mlflow.db.{older}.bak") == older


@pytest.mark.parametrize("uri", ["sqlite://", "sqlite:///:memory:"])
def test_a_database_in_memory_is_left_to_mlflow(uri: str) -> None:
    assert backend.prepare(uri) is None
