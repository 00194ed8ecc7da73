"""MLflow's SQLite backend, opened so that any number of processes may start at once on an empty home.

MLflow finds these functions by the entry points `mlflow.tracking_store` and
`mlflow.model_registry_store` of this package, and calls them in place of its own for `sqlite:` addresses.
By itself MLflow lets every process create the tables, and of several that start together all but one fail.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock
from sqlalchemy import make_url
from sqlalchemy.exc import SADeprecationWarning

# MLflow imports this module while it is itself being imported, so its parts are imported where they are used.

#: A migration on a slow disk takes seconds; whoever waits longer than this waits for a dead process.
_LOCK_TIMEOUT_SECONDS = 300
_BUSY_TIMEOUT_SECONDS = 60


def open_tracking_store(store_uri: str, artifact_uri: str | None = None) -> Any:
    """MLflow's own SQL tracking store on `store_uri`, its database created and migrated.

    Where nobody names a root for artifacts, it is `artifacts` beside the database, not `mlruns` in
    whatever folder the process was started in.
    """
    from mlflow.tracking._tracking_service import utils

    database = prepare(store_uri)
    served = utils._SERVER_ARTIFACT_ROOT_ENV_VAR in os.environ
    if artifact_uri is None and database is not None and not served:
        artifact_uri = str(database.parent / "artifacts")
    return utils._get_sqlalchemy_store(store_uri, artifact_uri)


def open_registry_store(store_uri: str) -> Any:
    """MLflow's own SQL model registry on `store_uri`, its database created and migrated."""
    from mlflow.tracking._model_registry import utils

    prepare(store_uri)
    return utils._get_sqlalchemy_store(store_uri)


def prepare(store_uri: str) -> Path | None:
    """Create or migrate the database, one process at a time; returns its file, None if it is in memory.

    A database of an older MLflow is copied to `<file>.<revision>.bak` before it is migrated. One of a
    newer MLflow is left for MLflow to refuse.
    """
    name = make_url(store_uri).database
    if not name or name == ":memory:":
        return None
    database = Path(name).resolve()
    database.parent.mkdir(parents=True, exist_ok=True)
    with _quiet():
        _map_tables()  # seconds of imports, before the lock that others wait for
    with FileLock(f"{database}.lock", timeout=_LOCK_TIMEOUT_SECONDS), _quiet():
        if database.exists():
            _migrate(database)
        else:
            _create(database)
    return database


def _create(database: Path) -> None:
    """Build the database under another name first: one left half made by a kill could not be opened.

    While it has that name nothing is lost with it, so its hundreds of steps do not wait for the disk one by
    one; the last, which closes it as it is to be opened, has all of it written.
    """
    from mlflow.store.db import utils
    from sqlalchemy import event

    unfinished = database.with_name(f"{database.name}.new")
    for leftover in database.parent.glob(f"{unfinished.name}*"):
        leftover.unlink()
    engine = utils.create_sqlalchemy_engine_with_retry(f"sqlite:///{unfinished}")
    event.listen(engine, "connect", lambda opened, _: opened.execute("PRAGMA synchronous=OFF"))
    utils._initialize_tables(engine)
    engine.dispose()
    with closing(sqlite3.connect(unfinished)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")  # kept in the file: readers read while a run is logged
    unfinished.replace(database)


def _migrate(database: Path) -> None:
    """Bring an older MLflow's database up to date."""
    from alembic.script import ScriptDirectory
    from mlflow.store.db import utils

    engine = utils.create_sqlalchemy_engine_with_retry(f"sqlite:///{database}")
    revision = utils._get_schema_version(engine)
    scripts = ScriptDirectory.from_config(utils._get_alembic_config(db_url=""))
    older = {script.revision for script in scripts.walk_revisions()} - {scripts.get_current_head()}
    if revision in older:
        with closing(sqlite3.connect(database, timeout=_BUSY_TIMEOUT_SECONDS)) as connection:
            connection.execute("VACUUM INTO ?", (f"{database}.{revision}.bak",))
        utils._upgrade_db(engine)
    engine.dispose()


def _map_tables() -> None:
    """Import MLflow's stores, which maps their tables, and warns of what is deprecated in them."""
    import mlflow.store.model_registry.sqlalchemy_store
    import mlflow.store.tracking.sqlalchemy_store  # noqa: F401


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what is told about MLflow's own tables and migrations out of the user's terminal."""
    loggers = [logging.getLogger(name) for name in ("alembic", "mlflow.store.db.utils")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SADeprecationWarning)
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
