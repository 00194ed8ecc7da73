"""The versions on offer and those that have ended have an index each, in place of one for both.

That one drew SQLite, which keeps no statistics, to every question about what is on offer: it found all of
it there and sorted it, where the index in the wanted order would have given the first rows at once. That of
the ratings now has them in the order in which they are asked for, the best first.

Revision ID: 0009
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    for name in ("versions_by_end", "on_offer_by_rating"):
        op.drop_index(name, "book_versions")
    _create_index("on_offer_by_start", "valid_to IS NULL", "valid_from", "valid_to")
    _create_index("on_offer_by_rating", "valid_to IS NULL", "rating DESC", "book_id")
    _create_index("ended_by_end", "valid_to IS NOT NULL", "valid_to", "valid_from")


def _create_index(name: str, held: str, *columns: str) -> None:
    op.create_index(
        name,
        "book_versions",
        [sa.text(column) for column in columns],
        sqlite_where=sa.text(held),
        postgresql_where=sa.text(held),
    )
