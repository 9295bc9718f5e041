"""The chain of a vantage as its store keeps it: adding a publication to it, and opening an old one again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from mailtls.instants import moment_of, rfc3339
from mailtls.publication import Link
from mailtls.publication.canonical import Malformed
from mailtls.publication.chain import GIST, INDEXES, OBJECTS, gist_of, index_of, opened, read_manifest, seal, signer_of
from mailtls.publication.keys import fingerprint
from mailtls.publication.signing import BadKey
from mailtls.store.publications import Snapshot

if TYPE_CHECKING:
    from datetime import datetime

    from mailtls.publication import Publication
    from mailtls.publication.chain import Gist, Sealed
    from mailtls.publication.signing import Signer
    from mailtls.store.publications import Publications

_TRIALS = 5
"""How often another process may come first."""


class Overtaken(RuntimeError):  # noqa: N818 - it is what happened
    """Other processes add to the chain faster than this one."""


async def add(chain: Publications, publication: Publication, at: datetime, signer: Signer | None) -> Link:
    """Seal a publication behind the last one in the store, and keep it there.

    Args:
        chain: of the vantage.
        publication: what is said.
        at: now.
        signer: who signs; ``None`` for nobody.

    Returns:
        Its place in the chain.

    Raises:
        BadKey: the key that has to sign it is not there.
        Overtaken: it did not come about.
        StoreFailed: the store cannot be read or written.

    """
    for _ in range(_TRIALS):
        last = await chain.head()
        sealed, snapshot = await asyncio.to_thread(_sealed, publication, last, at, signer)
        indexes = {snapshot.parts[OBJECTS.index(name)] for name in INDEXES}
        if await chain.append(snapshot, sealed.link.previous, sealed.objects, indexes):
            return sealed.link
    raise Overtaken("others publish at the same time, and each time came first")


async def link_of(chain: Publications, snapshot: Snapshot) -> Link:
    """Return the place of a snapshot in its chain. Raises ``StoreFailed`` and ``Malformed``."""
    manifest = read_manifest(snapshot.manifest)
    before = None if snapshot.number == 1 else await chain.snapshot(snapshot.number - 1)
    signer = signer_of(None if before is None else read_manifest(before.manifest), manifest.key)
    signed = None if signer is None or snapshot.signature is None else fingerprint(signer)
    return Link(snapshot.number, snapshot.hash, manifest.previous, rfc3339(snapshot.published_at), signed)


async def reopened(chain: Publications, snapshot: Snapshot) -> Publication:
    """Return what was published then.

    Raises:
        StoreFailed: the store cannot be read.
        Malformed: the objects of the snapshot are not kept any more, or are not what they should be.

    """
    manifest = await asyncio.to_thread(read_manifest, snapshot.manifest)
    octets = await chain.objects(manifest.objects.values())
    indexes = [octets[name] for index in INDEXES if (name := manifest.objects[index]) in octets]
    names = {name for index in indexes for name in index_of(index).values()}
    octets |= await chain.objects(names)
    try:
        return await asyncio.to_thread(opened, manifest, octets.__getitem__)
    except Malformed as error:
        raise Malformed(f"snapshot {snapshot.number}: {error}") from error


async def gist(chain: Publications, snapshot: Snapshot) -> Gist:
    """Return what was published then, in short.

    Raises:
        StoreFailed: the store cannot be read.
        Malformed: the objects of the snapshot are not kept any more, or are not what they should be.

    """
    manifest = await asyncio.to_thread(read_manifest, snapshot.manifest)
    octets = await chain.objects(manifest.objects[name] for name in GIST)
    try:
        return await asyncio.to_thread(gist_of, manifest, octets.__getitem__)
    except (Malformed, KeyError) as error:
        raise Malformed(f"snapshot {snapshot.number}: its objects are not kept, or not what they should be") from error


def _sealed(publication: Publication, last: Snapshot | None, at: datetime, signer: Signer | None) -> tuple[Sealed, Snapshot]:
    sealed = seal(publication, None if last is None else last.manifest, at, None if signer is None else signer.key)
    signature = None
    if sealed.signer is not None:
        if signer is None:
            raise BadKey(
                "the last snapshot says that the next one is signed, with the key of SHA-256 "
                f"{fingerprint(sealed.signer)}: name its file"
            )
        signature = signer.sign(sealed.signer, sealed.manifest)
    parts = tuple(read_manifest(sealed.manifest).objects[name] for name in OBJECTS)
    return sealed, Snapshot(sealed.link.number, sealed.hash, moment_of(sealed.link.published_at), sealed.manifest, signature, parts)
