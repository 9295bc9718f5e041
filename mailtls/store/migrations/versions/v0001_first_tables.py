"""The last enumeration of each endpoint, and who asked us to stay away."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the first tables."""
    op.create_table(
        "hellos",
        sa.Column("vantage", sa.String, nullable=False, comment="the name of where it was measured from"),
        sa.Column("host", sa.String, nullable=False, comment="the MX host, in ASCII"),
        sa.Column("address", sa.String, nullable=False),
        sa.Column("port", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("began", sa.DateTime(timezone=True), nullable=False, comment="when the first hello was sent"),
        sa.Column("complete", sa.Boolean, nullable=False, comment="every question was asked"),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False, comment="what retention counts from"),
        sa.Column("document", sa.LargeBinary, nullable=False, comment="the raw hellos, as store/codec.py writes them"),
        sa.PrimaryKeyConstraint("vantage", "host", "address", "port", name="pk_hellos"),
        comment="the last enumeration of each endpoint",
    )
    op.create_index("ix_hellos_saved_at", "hellos", ["saved_at"])
    op.create_table(
        "pauses",
        sa.Column("vantage", sa.String, nullable=False, comment="the name of where it was asked to stay away from"),
        sa.Column("account", sa.String, nullable=False, comment="an operator or an address, as budget.py names them"),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False, comment="when it may be visited again"),
        sa.Column("strikes", sa.Integer, nullable=False, comment="how often in a row it asked us to stay away"),
        sa.PrimaryKeyConstraint("vantage", "account", name="pk_pauses"),
        comment="who asked us to stay away, and until when",
    )


def downgrade() -> None:
    """Go back to before them."""
    op.drop_table("pauses")
    op.drop_table("hellos")
