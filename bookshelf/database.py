"""Opening the catalogue database: an engine with the pragmas we rely on, and the tables made once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from filelock import FileLock
from sqlalchemy import Connection, Engine, create_engine, event, make_url, text

from bookshelf.tables import metadata

# One number for every process that may create the tables of one PostgreSQL database.
_CREATE_LOCK = 7_263_001


def open_database(url: str) -> Engine:
    """Engine on `url` with its tables there, whoever else opens it at the same time.

    `postgresql://` is taken as psycopg 3. SQLite runs in WAL mode, so that readers see the last
    committed snapshot while a crawl is being published.
    """
    address = make_url(url)
    if address.drivername == "postgresql":
        address = address.set(drivername="postgresql+psycopg")
    engine = create_engine(address, pool_pre_ping=address.get_backend_name() != "sqlite")
    if engine.dialect.name == "sqlite" and address.database and address.database != ":memory:":
        path = Path(address.database)
        path.parent.mkdir(parents=True, exist_ok=True)
        event.listen(engine, "connect", _set_pragmas)
        with FileLock(f"{path}.lock"):
            metadata.create_all(engine)
    else:
        with engine.begin() as connection:
            _lock_creation(connection)
            metadata.create_all(connection)
    return engine


def _lock_creation(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _CREATE_LOCK})


def _set_pragmas(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA busy_timeout=30000")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()
    # SQLite's own knows only A to Z, so that a search for "élan" would not find "Élan".
    connection.create_function("lower", 1, lambda text: text and text.lower(), deterministic=True)
