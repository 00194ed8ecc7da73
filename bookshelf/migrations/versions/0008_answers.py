"""Windows of drift say what the version has told its callers.

Revision ID: 0008
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("drift_windows", sa.Column("answers", sa.JSON(), nullable=True))
