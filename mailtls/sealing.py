"""Sealing, as a configuration says: what is published gets its place in the chain that the store keeps, and is signed where a key is configured."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import structlog

from mailtls.config import BadConfiguration
from mailtls.publication.archive import add, link_of, reopened
from mailtls.publication.signing import BadKey, load
from mailtls.publishing import Published
from mailtls.store.publications import Publications

if TYPE_CHECKING:
    from pathlib import Path

    from mailtls.config import Configuration
    from mailtls.publication import Link, Publication
    from mailtls.publication.signing import Signer
    from mailtls.store.database import Store

log = structlog.get_logger(component="publication")


async def seal_in(publication: Publication, store: Store, configuration: Configuration) -> Link:
    """Seal a publication, and keep it in the store.

    The key file is read each time, so that a key can be changed while a daemon runs.

    Args:
        publication: what is said.
        store: where the chain is.
        configuration: says whose it is, and who signs.

    Raises:
        BadConfiguration: the key cannot be used.
        StoreFailed: the store cannot be read or written.
        Overtaken: other processes always came first.

    """
    path = configuration.publication.signing_key
    try:
        signer = None if path is None else await asyncio.to_thread(_load, path)
        return await add(Publications(store, configuration.vantage.name), publication, datetime.now(UTC), signer)
    except BadKey as error:
        raise BadConfiguration([f"publication.signing_key: {error}"]) from error


async def last_in(store: Store, configuration: Configuration) -> Published | None:
    """Return what was published last; ``None`` where nothing was.

    Raises:
        StoreFailed: the store cannot be read.
        Malformed: its objects are not what they should be.

    """
    chain = Publications(store, configuration.vantage.name)
    snapshot = await chain.head()
    if snapshot is None:
        return None
    return Published(await reopened(chain, snapshot), await link_of(chain, snapshot))


def _load(path: Path) -> Signer:
    signer = load(path)
    if signer.warning:
        log.warning("the signing key is open to others", why=signer.warning)
    return signer
