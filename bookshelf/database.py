"""Opening the catalogue database, and its two kinds of transaction: those that read and those that write."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from filelock import FileLock
from sqlalchemy import Connection, Engine, Table, create_engine, event, inspect, make_url, text

from bookshelf.errors import SettingsError

# One number for every process that may migrate the tables of one PostgreSQL database.
_MIGRATION_LOCK = 7_263_001
_READS = "bookshelf_reads"
_MIGRATIONS = Path(__file__).parent / "migrations"


def open_database(url: str) -> Engine:
    """Engine on `url` with its tables migrated, whoever else opens it at the same time.

    `postgresql://` is taken as psycopg 3. SQLite runs in WAL mode, so that readers see the last
    committed snapshot while a crawl is being published. Raises `SettingsError` for a place that cannot be
    written to.
    """
    address = make_url(url)
    if address.drivername == "postgresql":
        address = address.set(drivername="postgresql+psycopg")
    engine = create_engine(address, pool_pre_ping=address.get_backend_name() != "sqlite")
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        with _locked(Path(address.database or "")):
            _migrate(engine)
    else:
        _migrate(engine)
    return engine


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A connection whose every query sees the database as it was at the first of them."""
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            yield connection.execution_options(**{_READS: True})
        else:
            yield connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """One transaction that writes; on SQLite it waits here for the writer before it, and not halfway."""
    with engine.begin() as connection:
        yield connection


def note_sizes(connection: Connection, *tables: Table) -> None:
    """Tell PostgreSQL how large tables have become that were just filled.

    It learns so by itself, but a minute later, and until then it plans for a few rows: a join of a
    thousand then takes minutes. SQLite plans by the indexes.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"ANALYZE {', '.join(table.name for table in tables)}"))


def _locked(file: Path) -> AbstractContextManager[object]:
    """The lock on a SQLite file, taken; its folder is made."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        return FileLock(f"{file}.lock").acquire()
    except OSError as error:
        raise SettingsError(
            f"the catalogue cannot be kept in {file.parent} ({error.strerror}): BOOKSHELF_HOME, or "
            "BOOKSHELF_DATABASE_URL if it is set, must name a place that can be written to"
        ) from error


def _migrate(engine: Engine) -> None:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    newest = ScriptDirectory.from_config(config).get_current_head()
    with reading(engine) as connection:  # most often there is nothing to do, and no writer to wait for
        if MigrationContext.configure(connection).get_current_revision() == newest:
            return
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
        if MigrationContext.configure(connection).get_current_revision() == newest:
            return
        config.attributes["connection"] = connection
        # The first release made its tables without Alembic.
        if not inspect(connection).has_table("alembic_version") and inspect(connection).has_table("books"):
            command.stamp(config, "0001")
        command.upgrade(config, "head")


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # transactions are begun by us, see below
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA busy_timeout=30000")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()
    # SQLite's own knows only A to Z, so that a search for "élan" would not find "Élan".
    connection.create_function("lower", 1, lambda text: text and text.lower(), deterministic=True)


def _begin_sqlite(connection: Connection) -> None:
    # Python's driver begins late and never before a SELECT. A reader begins at once, so that all it reads
    # is of one moment; a writer takes the lock at once: to take it later, after reading, fails where
    # another has written since.
    reads = connection.get_execution_options().get(_READS)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")
