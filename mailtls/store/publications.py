"""The chains of publications, one of each vantage: snapshots (manifest and signature), for ever, and the objects that they name, for a while.

Nothing here knows what an object says. A chain cannot fork: who adds to it says what its last snapshot was, and whoever comes second is
turned away. Old snapshots lose their objects (``thinning`` says which), but never their place.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import delete, func, insert, select, tuple_, update

from mailtls.store.engine import PUBLISHING, one_at_a_time, reading, writing
from mailtls.store.schema import objects, snapshots
from mailtls.thinning import WHOLE_FOR, kept_whole

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection, Engine, Row, Select

    from mailtls.store.database import Store

_DIGEST = 32
_AT_ONCE = 500
"""Ids in one question to the database."""
_LATE = timedelta(days=1)
"""How much longer than they have to be the objects of a snapshot may be kept: so they are gone through once a day."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A link of a chain.

    Args:
        number: its place, from 1 on.
        hash: the SHA-256 of the manifest, in hex.
        published_at: when it was sealed.
        manifest: its octets.
        signature: of Ed25519; ``None`` where nobody signed it.
        parts: the SHA-256 of each object that the manifest names, in hex.
        whole: whether all its objects are kept.

    """

    number: int
    hash: str
    published_at: datetime
    manifest: bytes
    signature: bytes | None
    parts: tuple[str, ...]
    whole: bool = True


class Kept(NamedTuple):
    """A snapshot that is whole.

    Args:
        number: its place.
        hash: the SHA-256 of the manifest, in hex.
        published_at: when it was sealed.

    """

    number: int
    hash: str
    published_at: datetime


class Publications:
    """The chain of one vantage, in a store; each method raises :class:`mailtls.store.database.StoreFailed`."""

    def __init__(self, store: Store, vantage: str) -> None:
        """Take a store that is open, and the name of the vantage."""
        self._store = store
        self._vantage = vantage

    async def head(self) -> Snapshot | None:
        """Return the last snapshot; ``None`` where there is none yet."""
        return await self._store.run(self._head)

    async def snapshot(self, number: int) -> Snapshot | None:
        """Return a snapshot; ``None`` where there is none of that number."""
        found = await self._store.run(lambda engine: self._rows(engine, self._mine().where(snapshots.c.number == number)))
        return found[0] if found else None

    async def snapshots(self, after: int = 0, limit: int = 1000) -> tuple[Snapshot, ...]:
        """Return snapshots in the order of their numbers.

        Args:
            after: the number of the last one that is not wanted.
            limit: how many at most.

        """
        wanted = self._mine().where(snapshots.c.number > after).order_by(snapshots.c.number).limit(limit)
        return await self._store.run(lambda engine: self._rows(engine, wanted))

    async def whole(self, last: int) -> tuple[Kept, ...]:
        """Return what of the chain can be read in full, the newest first.

        Args:
            last: the number of the newest that is wanted.

        """
        columns = select(snapshots.c.number, snapshots.c.hash, snapshots.c.published_at)
        wanted = columns.where(snapshots.c.vantage == self._vantage, snapshots.c.whole, snapshots.c.number <= last)

        def found(engine: Engine) -> tuple[Kept, ...]:
            with reading(engine) as connection:
                rows = connection.execute(wanted.order_by(snapshots.c.number.desc()))
                return tuple(Kept(row.number, bytes(row.hash).hex(), row.published_at) for row in rows)

        return await self._store.run(found)

    async def append(self, snapshot: Snapshot, previous: str | None, named: Mapping[str, bytes], indexes: Collection[str]) -> bool:
        """Add a snapshot, with all its objects: whole, or not at all.

        Args:
            snapshot: which.
            previous: the hash of the snapshot that it follows; ``None`` for nothing.
            named: octets by their SHA-256; those that are kept already are left alone.
            indexes: which of them are indexes: objects of JSON whose values name others.

        Returns:
            Whether it was added. Where it was not, another one follows ``previous`` by now: it has to be sealed again.

        """
        return await self._store.run(lambda engine: self._append(engine, snapshot, previous, named, indexes))

    async def object(self, name: str) -> bytes | None:
        """Return an object by its SHA-256; ``None`` where it is not kept."""
        return (await self.objects([name])).get(name)

    async def objects(self, names: Iterable[str]) -> dict[str, bytes]:
        """Return those objects that are kept, by their SHA-256."""
        return await self._store.run(lambda engine: _objects(engine, names))

    async def named(self) -> frozenset[str]:
        """Return the SHA-256 of every object of all snapshots of this vantage that are whole."""

        def found(engine: Engine) -> frozenset[str]:
            with reading(engine) as connection:
                wanted = select(snapshots.c.parts).where(snapshots.c.vantage == self._vantage, snapshots.c.whole)
                return frozenset(each.hex() for each in _referenced(connection, connection.scalars(wanted).all()))

        return await self._store.run(found)

    # In the thread of the store.

    def _mine(self) -> Select[Any]:
        return select(snapshots).where(snapshots.c.vantage == self._vantage)

    def _rows(self, engine: Engine, wanted: Select[Any]) -> tuple[Snapshot, ...]:
        with reading(engine) as connection:
            return tuple(map(_snapshot, connection.execute(wanted)))

    def _head(self, engine: Engine) -> Snapshot | None:
        found = self._rows(engine, self._mine().order_by(snapshots.c.number.desc()).limit(1))
        return found[0] if found else None

    def _append(
        self, engine: Engine, snapshot: Snapshot, previous: str | None, named: Mapping[str, bytes], indexes: Collection[str]
    ) -> bool:
        packed = {bytes.fromhex(name): zlib.compress(octets) for name, octets in named.items()}  # before anybody has to wait for us
        with writing(engine) as connection:
            one_at_a_time(connection, PUBLISHING)
            last = connection.execute(self._mine().order_by(snapshots.c.number.desc()).limit(1)).one_or_none()
            if (None if last is None else last.hash.hex(), 0 if last is None else last.number) != (previous, snapshot.number - 1):
                return False
            there = {id_ for some in _some(packed) for id_ in connection.scalars(select(objects.c.id).where(objects.c.id.in_(some)))}
            rows = [{"id": id_, "names": id_.hex() in indexes, "octets": octets} for id_, octets in packed.items() if id_ not in there]
            if rows:
                connection.execute(insert(objects), rows)
            row = {
                "vantage": self._vantage,
                "number": snapshot.number,
                "hash": bytes.fromhex(snapshot.hash),
                "published_at": snapshot.published_at,
                "manifest": snapshot.manifest,
                "signature": snapshot.signature,
                "parts": b"".join(map(bytes.fromhex, snapshot.parts)),
                "whole": True,
            }
            connection.execute(insert(snapshots), [row])
        return True


def thin(engine: Engine) -> int:
    """Take their objects from old snapshots of all vantages. Returns how many objects are gone.

    What is still named is found out before anybody has to wait for it; where a snapshot is added meanwhile, nothing is done until next time.
    """
    with reading(engine) as connection:
        heads = _heads(connection)
        whole = connection.execute(select(snapshots.c.vantage, snapshots.c.number, snapshots.c.published_at).where(snapshots.c.whole)).all()
        due = [(vantage, number) for vantage in heads for number in _due({row.number: row.published_at for row in whole if row.vantage == vantage})]
        if not due:
            return 0
        gone = set(due)
        parts = connection.execute(select(snapshots.c.vantage, snapshots.c.number, snapshots.c.parts).where(snapshots.c.whole)).all()
        named = _referenced(connection, [row.parts for row in parts if (row.vantage, row.number) not in gone])
        unnamed = [id_ for id_ in connection.scalars(select(objects.c.id)) if id_ not in named]
    with writing(engine) as connection:
        one_at_a_time(connection, PUBLISHING)
        if _heads(connection) != heads:
            return 0
        for some in _some(due):
            mine = tuple_(snapshots.c.vantage, snapshots.c.number).in_(some)
            connection.execute(update(snapshots).where(mine).values(whole=False))
        for ids in _some(unnamed):
            connection.execute(delete(objects).where(objects.c.id.in_(ids)))
    return len(unnamed)


def _heads(connection: Connection) -> dict[str, int]:
    """Return the number of the last snapshot of each vantage."""
    wanted = select(snapshots.c.vantage, func.max(snapshots.c.number)).group_by(snapshots.c.vantage)
    return {vantage: number for vantage, number in connection.execute(wanted)}  # noqa: C416 - a row is no tuple to mypy


def _due(published: Mapping[int, datetime]) -> list[int]:
    """Return which snapshots lose their objects, once one of them is late."""
    kept = kept_whole(published)
    due = [number for number in published if number not in kept]
    newest = published[max(published)] if published else None
    return due if newest is not None and any(newest - published[number] >= WHOLE_FOR + _LATE for number in due) else []


def _referenced(connection: Connection, parts: Iterable[bytes]) -> set[bytes]:
    """Return the ids of all objects that snapshots name, and that those name."""
    found = {joined[start : start + _DIGEST] for joined in parts for start in range(0, len(joined), _DIGEST)}
    for some in _some(list(found)):
        for octets in connection.scalars(select(objects.c.octets).where(objects.c.id.in_(some), objects.c.names)):
            found.update(map(bytes.fromhex, json.loads(zlib.decompress(octets)).values()))
    return found


def _objects(engine: Engine, names: Iterable[str]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    with reading(engine) as connection:
        for some in _some([bytes.fromhex(name) for name in names]):
            rows = connection.execute(select(objects.c.id, objects.c.octets).where(objects.c.id.in_(some)))
            found |= {row.id.hex(): zlib.decompress(row.octets) for row in rows}
    return found


def _snapshot(row: Row[Any]) -> Snapshot:
    parts = tuple(row.parts[start : start + _DIGEST].hex() for start in range(0, len(row.parts), _DIGEST))
    signature = None if row.signature is None else bytes(row.signature)
    return Snapshot(row.number, bytes(row.hash).hex(), row.published_at, bytes(row.manifest), signature, parts, row.whole)


def _some(every: Collection[Any]) -> Iterator[Sequence[Any]]:
    """Yield a few of them at a time."""
    listed = list(every)
    for start in range(0, len(listed), _AT_ONCE):
        yield listed[start : start + _AT_ONCE]
