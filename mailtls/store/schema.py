"""The tables. Each change of them is a step in ``migrations/versions/``, and a test compares the two."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    text,
)

if TYPE_CHECKING:
    from sqlalchemy import Dialect

metadata = MetaData(
    naming_convention={  # without names of their own, constraints cannot be altered by a later migration
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Instant(TypeDecorator[datetime]):
    """A moment: aware on our side, in UTC in the database, whether that knows time zones or not."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - the library's signature
        """Return what goes into the database. Raises ``ValueError`` for a time without a zone."""
        if value is not None and value.tzinfo is None:
            raise ValueError(f"{value} has no time zone")
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - the library's signature
        """Return what came out of the database."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


hellos = Table(
    "hellos",
    metadata,
    Column("vantage", String, primary_key=True, comment="the name of where it was measured from"),
    Column("host", String, primary_key=True, comment="the MX host, in ASCII"),
    Column("address", String, primary_key=True),
    Column("port", Integer, primary_key=True, autoincrement=False),
    Column("began", Instant, nullable=False, comment="when the first hello was sent"),
    Column("complete", Boolean, nullable=False, comment="every question was asked"),
    Column("saved_at", Instant, nullable=False, comment="what retention counts from"),
    Column("document", LargeBinary, nullable=False, comment="the raw hellos, as store/codec.py writes them"),
    Index(None, "saved_at"),
    comment="the last enumeration of each endpoint",
)

pauses = Table(
    "pauses",
    metadata,
    Column("vantage", String, primary_key=True, comment="the name of where it was asked to stay away from"),
    Column("account", String, primary_key=True, comment="an operator or an address, as budget.py names them"),
    Column("until", Instant, nullable=False, comment="when it may be visited again"),
    Column("strikes", Integer, nullable=False, comment="how often in a row it asked us to stay away"),
    comment="who asked us to stay away, and until when",
)

scans = Table(
    "scans",
    metadata,
    Column("vantage", String, primary_key=True, comment="the name of where it was measured from"),
    Column("host", String, primary_key=True, comment="the MX host, in ASCII"),
    Column("address", String, primary_key=True),
    Column("port", Integer, primary_key=True, autoincrement=False),
    Column("kind", String, primary_key=True, comment="what it contributes, as tracking/kept.py names it"),
    Column("began", Instant, nullable=False, comment="when the first visit was tried"),
    Column("saved_at", Instant, nullable=False, comment="what retention counts from"),
    Column("document", LargeBinary, nullable=False, comment="the scan, as store/documents.py writes it"),
    Index(None, "saved_at"),
    comment="the last scan of each kind of each endpoint, from which is known again what was known",
)

routes = Table(
    "routes",
    metadata,
    Column("vantage", String, primary_key=True, comment="the name of where it was looked up from"),
    Column("domain", String, primary_key=True, comment="in ASCII"),
    Column("kind", String, primary_key=True, comment="what it contributes, as tracking/kept.py names it; or policy"),
    Column("began", Instant, nullable=False, comment="when the look-ups began"),
    Column("saved_at", Instant, nullable=False, comment="what retention counts from"),
    Column("document", LargeBinary, nullable=False, comment="the route, or what is known of the MTA-STS policy, as store/documents.py writes it"),
    Index(None, "saved_at"),
    comment="the last look-up of each kind of the way to each domain, and its MTA-STS policy",
)

standings = Table(
    "standings",
    metadata,
    Column("vantage", String, primary_key=True, comment="the name of where it was measured from"),
    Column("subject", String, primary_key=True, comment="an endpoint, or a domain, alone or with an MX host; tracking/changes.py writes it"),
    Column("check", String, primary_key=True, comment="the name of a check, or of what else is remembered of the subject"),
    Column("revision", BigInteger, nullable=False, comment="of the vantage's ledger, when it was written"),
    Column("document", Text, comment="what the check is held to, and whether it has fallen short of that; null where it is forgotten"),
    Index(None, "subject"),
    Index("ix_standings_revision", "vantage", "revision"),
    comment="what one vantage holds of each check",
)

changes = Table(
    "changes",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, comment="in the order in which they were written"),
    Column("at", Instant, nullable=False, comment="when the scan began that showed it"),
    Column("vantage", String, nullable=False, comment="whose it is; empty for that of all vantages together"),
    Column("subject", String, nullable=False),
    Column("check", String, nullable=False),
    Column("event", String, nullable=False),
    Column("document", LargeBinary, nullable=False, comment="before, after, and what else there is to say"),
    Index(None, "subject"),
    comment="what happened to checks",
)

regressions = Table(
    "regressions",
    metadata,
    Column("id", String, primary_key=True, comment="a UUID"),
    Column("subject", String, nullable=False),
    Column("check", String, nullable=False),
    Column("confirmed_at", Instant, nullable=False),
    Column("ended_at", Instant, comment="null while it is open"),
    Column("document", Text, nullable=False, comment="before, after, whose word it is, where it lies, how it ended"),
    Index("ix_regressions_open", "subject", "check", unique=True, sqlite_where=text("ended_at IS NULL"), postgresql_where=text("ended_at IS NULL")),
    Index(None, "ended_at"),
    comment="checks that are weaker than their baseline, as all vantages together have it",
)

vantages = Table(
    "vantages",
    metadata,
    Column("name", String, primary_key=True),
    Column("seen_at", Instant, nullable=False, comment="when a process of it last wrote here"),
    Column("blind_since", Instant, comment="null while it can measure"),
    Column("revision", BigInteger, nullable=False, comment="of its ledger"),
    comment="where it is measured from",
)

notices = Table(
    "notices",
    metadata,
    Column("id", String, primary_key=True, comment="of the CloudEvent"),
    Column("webhook", String, primary_key=True, comment="its name in the configuration"),
    Column("kind", String, nullable=False, comment="regression, recovery, outage and so on, or summary"),
    Column("added_at", Instant, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("claimed_at", Instant, comment="when it was last tried"),
    Column("next_at", Instant, nullable=False, comment="not to be tried before"),
    Column("outcome", String, comment="sent, summarised or given-up; null while it waits"),
    Column("document", Text, nullable=False, comment="the CloudEvent, in JSON"),
    Index("ix_notices_waiting", "webhook", "outcome", "next_at"),
    Index(None, "added_at"),
    comment="what webhooks are to be told, and were",
)

subjects = Table(
    "subjects",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("vantage", String, nullable=False, comment="the name of where it is measured from"),
    Column("subject", String, nullable=False, comment="an endpoint, or a domain, alone or with an MX host; tracking/changes.py writes it"),
    Column("seen_at", Instant, nullable=False, comment="when the last scan, or look, began that was written here"),
    Column("seen", Text, nullable=False, comment="when each of its current states was seen last"),
    Column("runs", Text, nullable=False, comment="for each purpose how the last visits ended"),
    Index("ix_subjects_subject", "subject", "vantage", unique=True),
    comment="what states are states of; all that an unchanged visit writes is one of these rows, once an hour",
)

states = Table(
    "states",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("subject_id", BigInteger, nullable=False),
    Column("facts", LargeBinary, nullable=False, comment="their values, as store/states.py writes them"),
    Column("parts", LargeBinary, nullable=False, comment="the SHA-256 of each long value, which is in blobs, one after the other"),
    Column("first_seen", Instant, nullable=False),
    Column("last_seen", Instant, nullable=False, comment="while it is current, subjects.seen may know better"),
    Column("ended_at", Instant, comment="when another was seen; null while it is current"),
    Column("evidence", LargeBinary, comment="the SHA-256 of the scan that began it"),
    Column("last_evidence", LargeBinary, comment="the SHA-256 of the last scan before its end"),
    Index("ix_states_subject_id", "subject_id", "ended_at"),
    comment="readings over time: a row for those of a subject that began together, and ended together",
)

evidence = Table(
    "evidence",
    metadata,
    Column("id", LargeBinary, primary_key=True, comment="the SHA-256 of the document"),
    Column("at", Instant, nullable=False, comment="when the scan, or look, began"),
    Column("saved_at", Instant, nullable=False),
    Column("document", LargeBinary, nullable=False, comment="the scan without its raw hellos, or the route, as store/documents.py writes it"),
    Column("parts", LargeBinary, nullable=False, comment="the SHA-256 of each blob that stands for itself in it, one after the other"),
    comment="what states were read from, where one begins and where it ends",
)

blobs = Table(
    "blobs",
    metadata,
    Column("id", LargeBinary, primary_key=True, comment="the SHA-256 of what it holds"),
    Column("saved_at", Instant, nullable=False),
    Column("octets", LargeBinary, nullable=False, comment="compressed with zlib"),
    comment="certificates and other large things, each once",
)

outcomes = Table(
    "outcomes",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("subject_id", BigInteger, nullable=False),
    Column("purpose", String, nullable=False, comment="what the visits were for"),
    Column("outcome", String, nullable=False, comment="conclusive, or cause and stage"),
    Column("first", Instant, nullable=False),
    Column("last", Instant, nullable=False),
    Column("visits", Integer, nullable=False, comment="how many"),
    Index("ix_outcomes_last", "subject_id", "last"),
    comment="visits that ended alike, one after the other, of the last weeks; the run that goes on is in subjects",
)

outcome_days = Table(
    "outcome_days",
    metadata,
    Column("subject_id", BigInteger, primary_key=True, autoincrement=False),
    Column("month", String, primary_key=True, comment="as 2026-11"),
    Column("days", LargeBinary, nullable=False, comment="for each day and outcome, how many visits"),
    comment="how the visits before that ended",
)

turns = Table(
    "turns",
    metadata,
    Column("vantage", String, primary_key=True, comment="the name of where it is visited from"),
    Column("account", String, primary_key=True, comment="an operator or an address, as budget.py names them"),
    Column("next_start", Instant, nullable=False, comment="when the next visit may begin, on the database's clock"),
    comment="the least gap between two visits, kept by all processes of a vantage together",
)

snapshots = Table(
    "snapshots",
    metadata,
    Column("vantage", String, primary_key=True, comment="whose chain it is of"),
    Column("number", Integer, primary_key=True, autoincrement=False, comment="its place in the chain, from 1 on"),
    Column("hash", LargeBinary, nullable=False, comment="the SHA-256 of the manifest"),
    Column("published_at", Instant, nullable=False),
    Column("manifest", LargeBinary, nullable=False, comment="its octets, which are what was hashed and signed"),
    Column("signature", LargeBinary, comment="of Ed25519; null where nobody signed it"),
    Column("parts", LargeBinary, nullable=False, comment="the SHA-256 of each object that the manifest names, one after the other"),
    Column("whole", Boolean, nullable=False, comment="all its objects are kept"),
    comment="the chains of publications",
)

objects = Table(
    "objects",
    metadata,
    Column("id", LargeBinary, primary_key=True, comment="the SHA-256 of what it holds"),
    Column("names", Boolean, nullable=False, comment="it is an index: an object of JSON whose values are the ids of others, in hex"),
    Column("octets", LargeBinary, nullable=False, comment="compressed with zlib"),
    comment="what was published, each part once",
)
