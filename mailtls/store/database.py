"""What is remembered, in one database: the last raw hellos, scans and routes, and who asked us to stay away.

The engine is synchronous and has a thread of its own, so that neither an fsync nor a lock of another program's stalls a probe: what is
awaited here holds up only who awaits it.
"""

from __future__ import annotations

import asyncio
import contextlib
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from alembic.util import CommandError
from sqlalchemy import delete, select
from sqlalchemy.exc import SQLAlchemyError, StatementError

from mailtls.budget import Pause
from mailtls.store import book, exhibits, forgetting, history, joint, outbox, publications, stories, tracks
from mailtls.store.codec import decode, encode
from mailtls.store.engine import advice, altering, engine_of, file_of, give_back, name_of, put, reading, said_by, writing
from mailtls.store.migrations import migrate, versions
from mailtls.store.schema import hellos, pauses

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from sqlalchemy import Connection, Engine

    from mailtls.evidence import RouteEvidence, ScanEvidence
    from mailtls.hellos import HelloEvidence
    from mailtls.model import Endpoint
    from mailtls.store.migrations import Versions
    from mailtls.store.tracks import Kept, Recalled
    from mailtls.tracking.history import Story
    from mailtls.tracking.journal import Entry
    from mailtls.tracking.settling import JointRegression

P = ParamSpec("P")
T = TypeVar("T")

_FAREWELL = 5.0
"""Seconds to wait for a database to be closed; where its disk hangs, a process must be able to end all the same."""
_NEWER = "a newer mailtls may have written it: use that, or name another database"
_ELSEWHERE = "does --config.file name the daemon's configuration, and is this the directory that the daemon works in?"
_KEY = ("vantage", "host", "address", "port")


class StoreFailed(Exception):  # noqa: N818 - it is what happened
    """The database cannot be read or written; the text says which, why, and what an operator can do."""


class Store:
    """One database. What was awaited is committed; every method but :meth:`close` raises :class:`StoreFailed`."""

    def __init__(self, engine: Engine) -> None:
        """Take an engine; :meth:`open` makes one, and brings the tables up to date."""
        self.name = name_of(engine)
        self._password = engine.url.password or engine.url.query.get("password")
        self._engine = engine
        self._closed = False
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")

    @classmethod
    async def open(cls, url: str, *, make: bool = True) -> Store:
        """Open a database, and make it or bring its tables to this version where that is needed.

        Args:
            url: as SQLAlchemy writes it, e.g. ``sqlite:///mailtls.db`` or ``postgresql://mailtls@db.example/mailtls``.
            make: whether tables, and a file, that are not there are made, or brought to this version: a daemon does that when it starts.
                Whoever else did would leave an empty file behind, or change the tables under a daemon of an older version that runs.

        """
        try:
            store = cls(engine_of(url))
        except SQLAlchemyError as error:
            raise StoreFailed(f"no URL of a database: {error}") from error
        except ImportError as error:
            raise StoreFailed(f"PostgreSQL needs a driver that is not installed ({error}): pip install 'mailtls[postgresql]'") from error
        file = file_of(store._engine.url)
        if not make and file is not None and not file.exists():
            await store.close()
            raise StoreFailed(f"{store.name}: there is no {file}; {_ELSEWHERE}")
        try:
            await store._do(store._migrate if make else store._compare)
        except BaseException:
            await store.close()
            raise
        return store

    @property
    def is_shared(self) -> bool:
        """Whether several processes can work with it at once: PostgreSQL."""
        return self._engine.dialect.name == "postgresql"

    @property
    def conninfo(self) -> str:
        """How libpq, and so psycopg, is told where a PostgreSQL database is; with the password."""
        return self._engine.url.set(drivername="postgresql").render_as_string(hide_password=False)

    async def prepare_queue(self) -> None:
        """Make the tables of the job queue in a PostgreSQL database, or bring them to this version."""
        await self._do(self._prepare_queue)

    async def close(self) -> None:
        """Close it, once. What was not awaited may be lost."""
        if self._closed:
            return
        with contextlib.suppress(StoreFailed, TimeoutError):
            async with asyncio.timeout(_FAREWELL):
                await self._do(self._engine.dispose)
        self._closed = True
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def save(self, vantage: str, found: Mapping[Endpoint, HelloEvidence], at: datetime) -> None:
        """Remember enumerations, whole or interrupted, in the place of earlier ones: all of them, or none where that fails.

        Args:
            vantage: the name of where they were made.
            found: the raw hellos of each endpoint.
            at: now; retention counts from it.

        """
        await self._do(self._save, vantage, found, at)

    async def load(self, vantage: str, endpoint: Endpoint) -> HelloEvidence | None:
        """Return the last enumeration of an endpoint, or ``None``. Raises ``Unreadable``, where its document is damaged or of another version."""
        return await self._do(self._load, vantage, endpoint)

    async def save_pauses(self, vantage: str, asked: Mapping[str, Pause]) -> None:
        """Remember who asked us to stay away, in the place of all that was remembered of that."""
        await self._do(self._save_pauses, vantage, asked)

    async def load_pauses(self, vantage: str) -> dict[str, Pause]:
        """Return who asked us to stay away, by account of the budget."""
        return await self._do(self._load_pauses, vantage)

    async def save_tracks(self, vantage: str, kept: Iterable[Kept], at: datetime) -> tuple[Kept, ...]:
        """Remember scans, routes and policies, each in the place of the last of its kind: all of them, or none where that fails.

        Args:
            vantage: the name of where they were made.
            kept: what to remember.
            at: now; retention counts from it.

        Returns:
            What is not remembered, since it is too large.

        """
        return await self._do(self._write, tracks.save, vantage, tuple(kept), at)

    async def load_tracks(self, vantage: str, since: datetime, known: Mapping[Endpoint | str, datetime] = tracks.NOTHING) -> Recalled:
        """Return the scans, routes and policies of a vantage that were saved after a moment, but none older than what is ``known``."""
        return await self._do(self._read, tracks.load, vantage, since, known)

    async def load_track(self, vantage: str, what: Endpoint | str, after: datetime | None) -> Recalled:
        """Return the scans of an endpoint, or the routes and the policy of a domain, that began after a moment; ``None`` is before any."""
        return await self._do(self._read, tracks.load_one, vantage, what, after)

    async def record(self, vantage: str, entries: Iterable[Entry], at: datetime) -> int:
        """Write down what has changed, and for how long the rest has stood: all of it, or nothing where that fails.

        Args:
            vantage: the name of where it was seen.
            entries: what to write.
            at: now; retention counts from it.

        Returns:
            How many pieces of evidence are not kept, since they are too large.

        """
        return await self._do(self._write, history.record, vantage, tuple(entries), at)

    async def stories(self, domain: str, since: datetime | None = None, vantage: str | None = None) -> tuple[Story, ...]:
        """Return what is known of a domain over time; ``stories`` says more."""
        return await self._do(self._read, stories.stories, domain, since, vantage)

    async def regressions(self, since: datetime) -> tuple[JointRegression, ...]:
        """Return the regressions of all vantages together that are open, or ended after a moment."""
        return await self._do(self._read, joint.known_since, since)

    async def vantages(self, now: datetime) -> dict[str, bool]:
        """Return the vantages that are heard of, by name, and whether each is blind now."""
        return await self._do(self._read, joint.heard_of, now)

    async def find_evidence(self, name: str) -> tuple[str, ScanEvidence | RouteEvidence] | None:
        """Return evidence of a state by its name, or the beginning of it; ``None`` where there is none. Raises ``Unreadable``."""
        return await self._do(self._read, exhibits.find, name)

    async def tidy(self, before: datetime, folded_before: datetime) -> int:
        """Fold visits to days, delete what ended before a moment, and thin what was published. Returns how many rows are gone.

        Notices that wait no longer go with the single visits.

        Args:
            before: what is not current any more, and ended before this, is deleted.
            folded_before: of visits that ended before this, it is only known of each day how they ended.

        """
        gone = await self._do(self._write, outbox.forget_settled, folded_before)
        for work, moment in ((forgetting.fold, folded_before), (forgetting.forget, before), (forgetting.forget_orphans, before)):
            while done := await self._do(self._write, work, moment):
                gone += done
        gone += await self._do(publications.thin, self._engine)
        if gone:
            await self._do(give_back, self._engine)
        return gone

    async def prune(self, before: datetime) -> int:
        """Forget what was saved, what ended, and what was to be told before a moment, of whatever vantage. Returns how many rows."""
        return await self._do(self._prune, before)

    async def run(self, work: Callable[[Engine], T]) -> T:
        """Do what has tables of its own (``book``): it is called in the thread, with the engine."""
        return await self._do(work, self._engine)

    # In the thread.

    async def _do(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        if self._closed:
            raise StoreFailed(f"{self.name}: is closed already")
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, partial(work, *args, **kwargs))
        except (SQLAlchemyError, CommandError) as error:
            raise StoreFailed(self._told(error)) from error

    def _told(self, error: Exception) -> str:
        if isinstance(error, StatementError):  # its own text would hold the statement and all that was to be written
            hint = advice(error.orig)
            said = said_by(error.orig)
            if isinstance(self._password, str) and self._password:
                said = said.replace(self._password, "***")
            return f"{self.name}: {said}" + (f"; {hint}" if hint else "")
        if isinstance(error, CommandError):
            return f"{self.name}: {error}; {_NEWER}"
        return f"{self.name}: {error}"

    def _migrate(self) -> None:
        with altering(self._engine) as connection:
            self._refuse_newer(versions(connection))
            migrate(connection)

    def _compare(self) -> None:
        with reading(self._engine) as connection:
            found = versions(connection)
        if found.is_older:
            there = f"its tables are of an older version ({found.there})" if found.there else "it has no tables of ours"
            raise StoreFailed(
                f"{self.name}: {there}, and this program needs {found.ours}: start its daemon (mailtls run) first, which sees to that, "
                "or use the version of mailtls that runs"
            )
        self._refuse_newer(found)

    def _refuse_newer(self, found: Versions) -> None:
        if found.there != found.ours and not found.is_older:
            raise StoreFailed(f"{self.name}: its tables are of version {found.there}, and this program's of {found.ours}; {_NEWER}")

    def _write(self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        with writing(self._engine) as connection:
            return work(connection, *args, **kwargs)

    def _read(self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        with reading(self._engine) as connection:
            return work(connection, *args, **kwargs)

    def _prepare_queue(self) -> None:
        from mailtls.store.queue import QueueTooNew, prepare_queue  # noqa: PLC0415 - installed where PostgreSQL is used

        with altering(self._engine) as connection:
            try:
                prepare_queue(connection)
            except QueueTooNew as error:
                raise StoreFailed(f"{self.name}: {error}; a newer mailtls may have made them: use that") from error

    def _save(self, vantage: str, found: Mapping[Endpoint, HelloEvidence], at: datetime) -> None:
        rows = [
            {
                **_key(vantage, endpoint),
                "began": evidence.began,
                "complete": evidence.complete,
                "saved_at": at,
                "document": encode(evidence),
            }
            for endpoint, evidence in found.items()
        ]
        with writing(self._engine) as connection:
            put(connection, hellos, rows)

    def _load(self, vantage: str, endpoint: Endpoint) -> HelloEvidence | None:
        key = _key(vantage, endpoint)
        with reading(self._engine) as connection:
            document = connection.scalar(select(hellos.c.document).where(*(hellos.c[name] == key[name] for name in _KEY)))
        return None if document is None else decode(document)

    def _save_pauses(self, vantage: str, asked: Mapping[str, Pause]) -> None:
        rows = [{"vantage": vantage, "account": account, "until": p.until, "strikes": p.strikes} for account, p in asked.items()]
        with writing(self._engine) as connection:
            connection.execute(delete(pauses).where(pauses.c.vantage == vantage))
            put(connection, pauses, rows)

    def _load_pauses(self, vantage: str) -> dict[str, Pause]:
        wanted = select(pauses.c.account, pauses.c.until, pauses.c.strikes).where(pauses.c.vantage == vantage)
        with reading(self._engine) as connection:
            return {account: Pause(until, strikes) for account, until, strikes in connection.execute(wanted)}

    def _prune(self, before: datetime) -> int:
        with writing(self._engine) as connection:
            gone = connection.execute(delete(hellos).where(hellos.c.saved_at < before)).rowcount
            return gone + sum(prune(connection, before) for prune in (tracks.prune, book.prune, outbox.prune))


def _key(vantage: str, endpoint: Endpoint) -> dict[str, str | int]:
    return {"vantage": vantage, **dict(tracks.key_of(endpoint))}
