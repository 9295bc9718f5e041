"""The chains of publications."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Make the tables of snapshots and their objects."""
    op.create_table(
        "snapshots",
        sa.Column("vantage", sa.String, nullable=False, comment="whose chain it is of"),
        sa.Column("number", sa.Integer, autoincrement=False, nullable=False, comment="its place in the chain, from 1 on"),
        sa.Column("hash", sa.LargeBinary, nullable=False, comment="the SHA-256 of the manifest"),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("manifest", sa.LargeBinary, nullable=False, comment="its octets, which are what was hashed and signed"),
        sa.Column("signature", sa.LargeBinary, comment="of Ed25519; null where nobody signed it"),
        sa.Column(
            "parts", sa.LargeBinary, nullable=False, comment="the SHA-256 of each object that the manifest names, one after the other"
        ),
        sa.Column("whole", sa.Boolean, nullable=False, comment="all its objects are kept"),
        sa.PrimaryKeyConstraint("vantage", "number", name="pk_snapshots"),
        comment="the chains of publications",
    )
    op.create_table(
        "objects",
        sa.Column("id", sa.LargeBinary, nullable=False, comment="the SHA-256 of what it holds"),
        sa.Column("names", sa.Boolean, nullable=False, comment="it is an index: an object of JSON whose values are the ids of others, in hex"),
        sa.Column("octets", sa.LargeBinary, nullable=False, comment="compressed with zlib"),
        sa.PrimaryKeyConstraint("id", name="pk_objects"),
        comment="what was published, each part once",
    )


def downgrade() -> None:
    """Go back to before them; what was published is forgotten here, and goes on where it was published."""
    op.drop_table("objects")
    op.drop_table("snapshots")
