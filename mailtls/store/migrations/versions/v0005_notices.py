"""What webhooks are to be told."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the table of notices."""
    op.create_table(
        "notices",
        sa.Column("id", sa.String, nullable=False, comment="of the CloudEvent"),
        sa.Column("webhook", sa.String, nullable=False, comment="its name in the configuration"),
        sa.Column("kind", sa.String, nullable=False, comment="regression, recovery, outage and so on, or summary"),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("claimed_at", sa.DateTime(timezone=True), comment="when it was last tried"),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False, comment="not to be tried before"),
        sa.Column("outcome", sa.String, comment="sent, summarised or given-up; null while it waits"),
        sa.Column("document", sa.Text, nullable=False, comment="the CloudEvent, in JSON"),
        sa.PrimaryKeyConstraint("id", "webhook", name="pk_notices"),
        comment="what webhooks are to be told, and were",
    )
    op.create_index("ix_notices_waiting", "notices", ["webhook", "outcome", "next_at"])
    op.create_index("ix_notices_added_at", "notices", ["added_at"])


def downgrade() -> None:
    """Go back to before them."""
    op.drop_table("notices")
