"""What was asked of the trainer, a log of promotions, and how the registry stands.

Revision ID: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_MOMENT = sa.DateTime(timezone=True)


def _change_columns() -> tuple[sa.Column[object], ...]:
    return (
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("action", sa.String(20), nullable=False),
        sa.Column("from_version", sa.String(20)),
        sa.Column("to_version", sa.String(20)),
        sa.Column("who", sa.String(100), nullable=False),
        sa.Column("scores", sa.JSON, nullable=False),
        sa.Column("snapshot_id", sa.Integer),
        sa.Column("reason", sa.Text, nullable=False),
    )


def upgrade() -> None:
    op.create_table(
        "model_promotions",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=True
        ),
        sa.Column("model", sa.String(50), nullable=False),
        *_change_columns(),
        sa.Index("promotions_by_model", "model", "id"),
        sa.Index("promotions_by_time", "at"),
    )
    op.create_table(
        "model_promotion_intents", sa.Column("model", sa.String(50), primary_key=True), *_change_columns()
    )
    op.create_table(
        "model_standings",
        sa.Column("model", sa.String(50), primary_key=True),
        sa.Column("champion", sa.String(20)),
        sa.Column("challenger", sa.String(20)),
        sa.Column("previous", sa.String(20)),
        sa.Column("versions", sa.JSON, nullable=False),
        sa.Column("seen_at", _MOMENT, nullable=False),
    )
    op.create_table(
        "model_orders",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("model", sa.String(50), nullable=False),
        sa.Column("version", sa.String(20)),
        sa.Column("requested_by", sa.String(100), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("active", sa.String(50), unique=True),
        sa.Column("requested_at", _MOMENT, nullable=False),
        sa.Column("started_at", _MOMENT),
        sa.Column("lease_until", _MOMENT),
        sa.Column("lease_holder", sa.String(100)),
        sa.Column("finished_at", _MOMENT),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("outcome", sa.Text),
        sa.Index("orders_by_time", "requested_at"),
    )
