"""Less room: states that began and ended together in one row, and what is long and repeats itself compressed."""

import json
import zlib
from itertools import groupby

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_AT_ONCE = 500


def upgrade() -> None:
    """Bring all rows into the new shape."""
    op.drop_index("ix_states_current", "states")
    op.drop_index("ix_states_ended", "states")
    op.add_column("states", sa.Column("facts", sa.LargeBinary, comment="their values, as store/states.py writes them"))
    op.add_column(
        "states", sa.Column("parts", sa.LargeBinary, comment="the SHA-256 of each long value, which is in blobs, one after the other")
    )
    op.create_index("ix_states_subject_id", "states", ["subject_id", "ended_at"])
    _gather_states(op.get_bind())
    with op.batch_alter_table("states") as batch:
        for name in ("fact", "value", "long_value"):
            batch.drop_column(name)
        for name in ("facts", "parts"):
            batch.alter_column(name, existing_type=sa.LargeBinary, nullable=False)
    _say("readings over time: a row for those of a subject that began together, and ended together")
    op.drop_index("ix_changes_at", "changes")
    _compress("changes", "document", "before, after, and what else there is to say", ("id",))
    _compress("outcome_days", "days", "for each day and outcome, how many visits", ("subject_id", "month"))


def downgrade() -> None:
    """Go back to before that, with what was seen over time forgotten."""
    connection = op.get_bind()
    for table in ("states", "changes", "outcome_days"):
        connection.execute(sa.text(f"DELETE FROM {table}"))  # noqa: S608 - names from here
    with op.batch_alter_table("states") as batch:
        batch.drop_index("ix_states_subject_id")
        batch.drop_column("facts")
        batch.drop_column("parts")
        batch.add_column(sa.Column("fact", sa.String, nullable=False))
        batch.add_column(sa.Column("value", sa.Text))
        batch.add_column(sa.Column("long_value", sa.LargeBinary))
    _say("readings over time: a row for each change of one")
    current, ended = sa.text("ended_at IS NULL"), sa.text("ended_at IS NOT NULL")
    op.create_index("ix_states_current", "states", ["subject_id", "fact"], unique=True, sqlite_where=current, postgresql_where=current)
    op.create_index("ix_states_ended", "states", ["subject_id", "ended_at"], sqlite_where=ended, postgresql_where=ended)
    for table, column in (("changes", "document"), ("outcome_days", "days")):
        with op.batch_alter_table(table) as batch:
            batch.drop_column(column)
            batch.add_column(sa.Column(column, sa.Text, nullable=False))
    op.create_index("ix_changes_at", "changes", ["at"])


def _say(comment: str) -> None:
    if op.get_bind().dialect.name != "sqlite":  # which has no comments
        op.create_table_comment("states", comment)


def _gather_states(connection: sa.Connection) -> None:
    """Put the states of a subject that began together, and ended together, into one row, in the place of the first of them."""
    names = "id subject_id fact value long_value first_seen last_seen ended_at evidence last_evidence facts parts"
    states = sa.table("states", *map(sa.column, names.split()))
    alike = (states.c.first_seen, states.c.ended_at, states.c.last_seen, states.c.evidence, states.c.last_evidence)
    for subject in connection.scalars(sa.select(states.c.subject_id).distinct()).all():
        rows = connection.execute(sa.select(states).where(states.c.subject_id == subject).order_by(*alike, states.c.id)).all()
        for _, those in groupby(rows, lambda row: (row.first_seen, row.ended_at, row.last_seen, row.evidence, row.last_evidence)):
            first, *others = group = list(those)
            document: dict[str, dict[str, str]] = {"values": {row.fact: row.value for row in group if row.value is not None}}
            long = {row.fact: bytes(row.long_value) for row in group if row.value is None and row.long_value is not None}
            if long:
                document["long"] = {fact: digest.hex() for fact, digest in long.items()}
            written = {"facts": _packed(json.dumps(document)), "parts": b"".join(long.values())}
            connection.execute(sa.update(states).where(states.c.id == first.id).values(written))
            if others:
                connection.execute(sa.delete(states).where(states.c.id.in_([row.id for row in others])))


def _compress(name: str, column: str, comment: str, key: tuple[str, ...]) -> None:
    """Compress a column of text."""
    op.add_column(name, sa.Column("packed", sa.LargeBinary))
    connection, table = op.get_bind(), sa.table(name, *map(sa.column, (*key, column, "packed")))
    wanted = sa.select(*(table.c[part] for part in key), table.c[column]).where(table.c.packed.is_(None)).limit(_AT_ONCE)
    while rows := connection.execute(wanted).all():
        for *place, text in rows:
            mine = (table.c[part] == value for part, value in zip(key, place, strict=True))
            connection.execute(sa.update(table).where(*mine).values(packed=_packed(text)))
    with op.batch_alter_table(name) as batch:
        batch.drop_column(column)
        batch.alter_column("packed", new_column_name=column, existing_type=sa.LargeBinary, nullable=False, comment=comment)


def _packed(text: str) -> bytes:
    return zlib.compress(text.encode())
