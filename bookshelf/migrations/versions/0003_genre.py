"""A genre beside the category, for shops that have both; no book of before has one.

Revision ID: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    for table in ("book_versions", "staged_books"):
        op.add_column(table, sa.Column("genre", sa.Text(), nullable=False, server_default=""))
