"""Orders that put a version on trial say for what shares.

Revision ID: 0007
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("model_orders", sa.Column("trial", sa.JSON(), nullable=True))
