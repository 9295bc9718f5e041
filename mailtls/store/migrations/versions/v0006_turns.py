"""When an operator or an address may be visited next, for several processes of one vantage."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make its table."""
    op.create_table(
        "turns",
        sa.Column("vantage", sa.String, nullable=False, comment="the name of where it is visited from"),
        sa.Column("account", sa.String, nullable=False, comment="an operator or an address, as budget.py names them"),
        sa.Column("next_start", sa.DateTime(timezone=True), nullable=False, comment="when the next visit may begin, on the database's clock"),
        sa.PrimaryKeyConstraint("vantage", "account", name="pk_turns"),
        comment="the least gap between two visits, kept by all processes of a vantage together",
    )


def downgrade() -> None:
    """Go back to before it."""
    op.drop_table("turns")
