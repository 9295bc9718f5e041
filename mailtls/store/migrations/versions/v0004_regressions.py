"""What each vantage holds of each check, what happened to it, and what all vantages together make of that."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_OPEN = sa.text("ended_at IS NULL")


def upgrade() -> None:
    """Make the tables of regressions."""
    op.create_table(
        "standings",
        sa.Column("vantage", sa.String, nullable=False, comment="the name of where it was measured from"),
        sa.Column(
            "subject", sa.String, nullable=False, comment="an endpoint, or a domain, alone or with an MX host; tracking/changes.py writes it"
        ),
        sa.Column("check", sa.String, nullable=False, comment="the name of a check, or of what else is remembered of the subject"),
        sa.Column("revision", sa.BigInteger, nullable=False, comment="of the vantage's ledger, when it was written"),
        sa.Column("document", sa.Text, comment="what the check is held to, and whether it has fallen short of that; null where it is forgotten"),
        sa.PrimaryKeyConstraint("vantage", "subject", "check", name="pk_standings"),
        comment="what one vantage holds of each check",
    )
    op.create_index("ix_standings_subject", "standings", ["subject"])
    op.create_index("ix_standings_revision", "standings", ["vantage", "revision"])
    op.create_table(
        "changes",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), nullable=False, comment="in the order in which they were written"),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, comment="when the scan began that showed it"),
        sa.Column("vantage", sa.String, nullable=False, comment="whose it is; empty for that of all vantages together"),
        sa.Column("subject", sa.String, nullable=False),
        sa.Column("check", sa.String, nullable=False),
        sa.Column("event", sa.String, nullable=False),
        sa.Column("document", sa.Text, nullable=False, comment="before, after, and what else there is to say"),
        sa.PrimaryKeyConstraint("id", name="pk_changes"),
        comment="what happened to checks",
    )
    op.create_index("ix_changes_at", "changes", ["at"])
    op.create_index("ix_changes_subject", "changes", ["subject"])
    op.create_table(
        "regressions",
        sa.Column("id", sa.String, nullable=False, comment="a UUID"),
        sa.Column("subject", sa.String, nullable=False),
        sa.Column("check", sa.String, nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), comment="null while it is open"),
        sa.Column("document", sa.Text, nullable=False, comment="before, after, whose word it is, where it lies, how it ended"),
        sa.PrimaryKeyConstraint("id", name="pk_regressions"),
        comment="checks that are weaker than their baseline, as all vantages together have it",
    )
    op.create_index("ix_regressions_open", "regressions", ["subject", "check"], unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN)
    op.create_index("ix_regressions_ended_at", "regressions", ["ended_at"])
    op.create_table(
        "vantages",
        sa.Column("name", sa.String, nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False, comment="when a process of it last wrote here"),
        sa.Column("blind_since", sa.DateTime(timezone=True), comment="null while it can measure"),
        sa.Column("revision", sa.BigInteger, nullable=False, comment="of its ledger"),
        sa.PrimaryKeyConstraint("name", name="pk_vantages"),
        comment="where it is measured from",
    )


def downgrade() -> None:
    """Go back to before them."""
    for table in ("vantages", "regressions", "changes", "standings"):
        op.drop_table(table)
