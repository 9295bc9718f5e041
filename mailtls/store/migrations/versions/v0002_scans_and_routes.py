"""The last scans of each endpoint, and the last look-ups of the way to each domain."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "scans",
        sa.Column("vantage", sa.String, nullable=False, comment="the name of where it was measured from"),
        sa.Column("host", sa.String, nullable=False, comment="the MX host, in ASCII"),
        sa.Column("address", sa.String, nullable=False),
        sa.Column("port", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("kind", sa.String, nullable=False, comment="what it contributes, as tracking/kept.py names it"),
        sa.Column("began", sa.DateTime(timezone=True), nullable=False, comment="when the first visit was tried"),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False, comment="what retention counts from"),
        sa.Column("document", sa.LargeBinary, nullable=False, comment="the scan, as store/documents.py writes it"),
        sa.PrimaryKeyConstraint("vantage", "host", "address", "port", "kind", name="pk_scans"),
        comment="the last scan of each kind of each endpoint, from which is known again what was known",
    )
    op.create_index("ix_scans_saved_at", "scans", ["saved_at"])
    document = "the route, or what is known of the MTA-STS policy, as store/documents.py writes it"
    op.create_table(
        "routes",
        sa.Column("vantage", sa.String, nullable=False, comment="the name of where it was looked up from"),
        sa.Column("domain", sa.String, nullable=False, comment="in ASCII"),
        sa.Column("kind", sa.String, nullable=False, comment="what it contributes, as tracking/kept.py names it; or policy"),
        sa.Column("began", sa.DateTime(timezone=True), nullable=False, comment="when the look-ups began"),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False, comment="what retention counts from"),
        sa.Column("document", sa.LargeBinary, nullable=False, comment=document),
        sa.PrimaryKeyConstraint("vantage", "domain", "kind", name="pk_routes"),
        comment="the last look-up of each kind of the way to each domain, and its MTA-STS policy",
    )
    op.create_index("ix_routes_saved_at", "routes", ["saved_at"])


def downgrade() -> None:
    """Go back to before them."""
    op.drop_table("routes")
    op.drop_table("scans")
