"""Alembic's entry: runs the migrations on the connection that `bookshelf.database` hands over."""

from __future__ import annotations

from alembic import context

from bookshelf import model_tables

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=model_tables.orders.metadata,  # with the catalogue's tables
    # SQLite cannot alter a column: Alembic copies the table instead.
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
