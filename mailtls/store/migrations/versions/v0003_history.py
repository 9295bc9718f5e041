"""What was seen over time: states with their evidence, and how visits ended."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_CURRENT, _ENDED = sa.text("ended_at IS NULL"), sa.text("ended_at IS NOT NULL")


def upgrade() -> None:
    """Make the tables of history."""
    op.create_table(
        "subjects",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), nullable=False),
        sa.Column("vantage", sa.String, nullable=False, comment="the name of where it is measured from"),
        sa.Column(
            "subject",
            sa.String,
            nullable=False,
            comment="an endpoint, or a domain, alone or with an MX host; tracking/changes.py writes it",
        ),
        sa.Column(
            "seen_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="when the last scan, or look, began that was written here",
        ),
        sa.Column("seen", sa.Text, nullable=False, comment="when each of its current states was seen last"),
        sa.Column("runs", sa.Text, nullable=False, comment="for each purpose how the last visits ended"),
        sa.PrimaryKeyConstraint("id", name="pk_subjects"),
        comment="what states are states of; all that an unchanged visit writes is one of these rows, once an hour",
    )
    op.create_index("ix_subjects_subject", "subjects", ["subject", "vantage"], unique=True)
    op.create_table(
        "states",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), nullable=False),
        sa.Column("subject_id", sa.BigInteger, nullable=False),
        sa.Column("fact", sa.String, nullable=False),
        sa.Column(
            "value", sa.Text, comment="of the reading, as tracking/history.py writes it; null where it is long, and in blobs"
        ),
        sa.Column("long_value", sa.LargeBinary, comment="the SHA-256 of a long value"),
        sa.Column("first_seen", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "last_seen", sa.DateTime(timezone=True), nullable=False, comment="while it is current, subjects.seen may know better"
        ),
        sa.Column("ended_at", sa.DateTime(timezone=True), comment="when another was seen; null while it is current"),
        sa.Column("evidence", sa.LargeBinary, comment="the SHA-256 of the scan that began it"),
        sa.Column("last_evidence", sa.LargeBinary, comment="the SHA-256 of the last scan before its end"),
        sa.PrimaryKeyConstraint("id", name="pk_states"),
        comment="readings over time: a row for each change of one",
    )
    op.create_index(
        "ix_states_current", "states", ["subject_id", "fact"], unique=True, sqlite_where=_CURRENT, postgresql_where=_CURRENT
    )
    op.create_index("ix_states_ended", "states", ["subject_id", "ended_at"], sqlite_where=_ENDED, postgresql_where=_ENDED)
    op.create_table(
        "evidence",
        sa.Column("id", sa.LargeBinary, nullable=False, comment="the SHA-256 of the document"),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, comment="when the scan, or look, began"),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "document",
            sa.LargeBinary,
            nullable=False,
            comment="the scan without its raw hellos, or the route, as store/documents.py writes it",
        ),
        sa.Column(
            "parts",
            sa.LargeBinary,
            nullable=False,
            comment="the SHA-256 of each blob that stands for itself in it, one after the other",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_evidence"),
        comment="what states were read from, where one begins and where it ends",
    )
    op.create_table(
        "blobs",
        sa.Column("id", sa.LargeBinary, nullable=False, comment="the SHA-256 of what it holds"),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("octets", sa.LargeBinary, nullable=False, comment="compressed with zlib"),
        sa.PrimaryKeyConstraint("id", name="pk_blobs"),
        comment="certificates and other large things, each once",
    )
    op.create_table(
        "outcomes",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), nullable=False),
        sa.Column("subject_id", sa.BigInteger, nullable=False),
        sa.Column("purpose", sa.String, nullable=False, comment="what the visits were for"),
        sa.Column("outcome", sa.String, nullable=False, comment="conclusive, or cause and stage"),
        sa.Column("first", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last", sa.DateTime(timezone=True), nullable=False),
        sa.Column("visits", sa.Integer, nullable=False, comment="how many"),
        sa.PrimaryKeyConstraint("id", name="pk_outcomes"),
        comment="visits that ended alike, one after the other, of the last weeks; the run that goes on is in subjects",
    )
    op.create_index("ix_outcomes_last", "outcomes", ["subject_id", "last"])
    op.create_table(
        "outcome_days",
        sa.Column("subject_id", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("month", sa.String, nullable=False, comment="as 2026-11"),
        sa.Column("days", sa.Text, nullable=False, comment="for each day and outcome, how many visits"),
        sa.PrimaryKeyConstraint("subject_id", "month", name="pk_outcome_days"),
        comment="how the visits before that ended",
    )


def downgrade() -> None:
    """Go back to before them."""
    for table in ("outcome_days", "outcomes", "blobs", "evidence", "states", "subjects"):
        op.drop_table(table)
