"""The database's tables: what the migrations make is what the program says, whatever was there before."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Engine, create_engine, inspect, make_url, text

import bookshelf.migrations
from bookshelf.catalogue import Catalogue
from bookshelf.database import open_database
from bookshelf.runs import Runs
from bookshelf.tables import metadata

THEN = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


def of_the_first_release(url: str) -> Engine:
    """A database as the first release left it: without Alembic's own table, with two crawls behind it."""
    address = make_url(url)
    if address.drivername == "postgresql":
        address = address.set(drivername="postgresql+psycopg")
    engine = create_engine(address)
    config = Config()
    config.set_main_option("script_location", str(Path(bookshelf.migrations.__file__).parent))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.execute(text("DROP TABLE alembic_version"))
        connection.execute(text("INSERT INTO book_identities (id, upc) VALUES (1, 'left'), (2, 'stays')"))
        for number in (1, 2):
            connection.execute(
                text(
                    "INSERT INTO snapshots (id, source, taken_at, books) "
                    "VALUES (:id, 'https://shop.test/', :at, 1)"
                ),
                {"id": number, "at": THEN.isoformat(sep=" ") if engine.dialect.name == "sqlite" else THEN},
            )
        connection.execute(
            text(
                "INSERT INTO books VALUES (2, 2, 'stays', 'Élan', 5177, 3, 'In stock', 22, 'Poetry', "
                "'i', 't', 'words', 'https://shop.test/2')"
            )
        )
        for run_id, status in (("r1", "succeeded"), ("r2", "running")):
            connection.execute(
                text(
                    "INSERT INTO scrape_runs (id, source, requested_by, status, requested_at, pages, books) "
                    "VALUES (:id, '', 'cli', :status, :at, 10, 7)"
                ),
                {"id": run_id, "status": status, "at": "2026-01-02 03:04:05+00:00"},
            )
    return engine


def is_no_index_of_words(name: str | None, kind: str, _parents: object) -> bool:
    """The full-text index is a table to each database, another one to each, and no table to the program."""
    return not (kind == "table" and (name or "").startswith("book_words"))


def test_the_migrations_make_the_tables_that_the_program_uses(bare_database_url: str) -> None:
    engine = open_database(bare_database_url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_name": is_no_index_of_words})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_the_books_of_the_first_release_are_kept_with_their_ids(bare_database_url: str) -> None:
    of_the_first_release(bare_database_url).dispose()
    catalogue = Catalogue.open(bare_database_url)
    [listed] = catalogue.all_books()
    assert (listed.id, listed.source, listed.book.title, str(listed.book.price)) == (
        2,
        "https://shop.test/",
        "Élan",
        "51.77",
    )
    [version] = catalogue.history(2)
    assert (version.valid_from.year, version.from_snapshot) == (2026, 2)
    runs, total = Runs(catalogue.engine).page(number=1, size=10)
    assert total == 2
    assert {run.id: run.status for run in runs} == {"r1": "succeeded", "r2": "failed"}
    assert all(run.counts == {"pages": 10, "books": 7} for run in runs)
    assert not [name for name in inspect(catalogue.engine).get_table_names() if name.startswith("old_")]
    catalogue.engine.dispose()


def test_the_same_crawl_after_the_migration_changes_nothing_and_ids_go_on(bare_database_url: str) -> None:
    of_the_first_release(bare_database_url).dispose()
    catalogue = Catalogue.open(bare_database_url)
    [listed] = catalogue.all_books()
    again = catalogue.publish([listed.book], "https://shop.test/", datetime.now(UTC))
    assert (again.id, again.added, again.changed, again.removed) == (3, 0, 0, 0)
    new = listed.book.__class__(title="New", price=listed.book.price, upc="new")
    catalogue.publish([listed.book, new], "https://shop.test/", datetime.now(UTC))
    assert [one.id for one in catalogue.all_books()] == [2, 3]
    with pytest.raises(Exception, match="no book"):
        catalogue.history(1)
    catalogue.engine.dispose()
