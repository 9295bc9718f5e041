"""The files by which what is published can be verified: the chain, its signatures, and every object that is kept."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mailtls.publication.archive import gist, link_of
from mailtls.publication.chain import head_of, read_manifest, signer_of
from mailtls.publication.keys import pem
from mailtls.site import pages
from mailtls.site.earlier import number_of
from mailtls.site.file import Caching, File

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailtls.store.publications import Publications, Snapshot

HEAD, KEY = "snapshots/head.json", "snapshots/key.pem"
JSON, SIGNATURE, PEM = "application/json", "application/octet-stream", "application/x-pem-file"
_LINK = re.compile(r"snapshots/([1-9][0-9]{0,8})\.(json|sig)", re.ASCII)
_OBJECT = re.compile(r"snapshots/objects/([0-9a-f]{64})\.json", re.ASCII)


def object_path(name: str) -> str:
    """Return where an object is."""
    return f"snapshots/objects/{name}.json"


def link_files(snapshot: Snapshot) -> dict[str, File]:
    """Return manifest and signature of a snapshot, by path."""
    files = {f"snapshots/{snapshot.number}.json": _ever(JSON, snapshot.manifest)}
    if snapshot.signature is not None:
        files[f"snapshots/{snapshot.number}.sig"] = _ever(SIGNATURE, snapshot.signature)
    return files


def head_files(last: Sequence[Snapshot]) -> dict[str, File]:
    """Return what names the last snapshot, and the key that signed it, by path.

    Args:
        last: the last two snapshots, in order; or the only one.

    """
    manifests = [read_manifest(each.manifest) for each in last]
    signer = signer_of(manifests[-2] if len(manifests) > 1 else None, manifests[-1].key)
    files = {} if signer is None else {KEY: File(PEM, lambda: pem(signer))}
    return files | {HEAD: File(JSON, lambda: head_of(last[-1].manifest))}


async def find(chain: Publications, path: str, last: int) -> File | None:
    """Return one of these files out of a store, or ``None`` where there is no such; for a daemon, which is asked for one at a time.

    Args:
        chain: where they are.
        path: of the file.
        last: the number of the snapshot that all other files show.

    Raises:
        StoreFailed: the store cannot be read.
        Malformed: what it holds is not what it should be.

    """
    if (number := number_of(path)) is not None:
        return await page(chain, number) if number <= last else None
    if path in {HEAD, KEY}:
        heads = await chain.snapshots(max(0, last - 2), min(2, last))
        return head_files(heads).get(path) if heads and heads[-1].number == last else None
    if (link := _LINK.fullmatch(path)) is not None:
        snapshot = await chain.snapshot(int(link[1]))
        return None if snapshot is None else link_files(snapshot).get(path)
    if (named := _OBJECT.fullmatch(path)) is not None:
        octets = await chain.object(named[1])
        return None if octets is None else _ever(JSON, octets)
    return None


async def page(chain: Publications, number: int) -> File | None:
    """Return the page of a snapshot; ``None`` where there is none, or its objects are not kept any more.

    Raises:
        StoreFailed: the store cannot be read.
        Malformed: what it holds is not what it should be.

    """
    snapshot = await chain.snapshot(number)
    if snapshot is None or not snapshot.whole:
        return None
    said, link = await gist(chain, snapshot), await link_of(chain, snapshot)
    return File(pages.HTML, lambda: pages.snapshot(said, link), Caching.FOR_EVER)


def _ever(media_type: str, octets: bytes) -> File:
    return File(media_type, lambda: octets, Caching.FOR_EVER)
