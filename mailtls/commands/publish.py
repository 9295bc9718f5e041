"""``mailtls publish``: the status site as files."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from mailtls import logs
from mailtls.commands.ending import BAD, FAULTS, UNKNOWN, USAGE, fail
from mailtls.commands.options import ConfigFile, load_configuration
from mailtls.commands.progress import Bar, bar
from mailtls.config import BadConfiguration
from mailtls.streams import asyncio_run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mailtls.config import Configuration
    from mailtls.publishing import Published
    from mailtls.site.file import File
    from mailtls.sitefolder import SiteFolder
    from mailtls.store.database import Store
    from mailtls.store.publications import Publications, Snapshot

ENDS = (
    "Exit status: 0 published; 1 the configuration, the store or the directory cannot be used; 2 wrong usage, or the directory is not ours; "
    f"3 nothing is known yet; {FAULTS}"
)
_AT_ONCE = 500


def publish(
    directory: Annotated[Path, typer.Argument(help="Where to write it: a new directory, or one that this command wrote.", metavar="DIR")],
    config_file: ConfigFile = None,
    now: Annotated[
        bool, typer.Option("--now", help="Make a new snapshot, even if the last one in the store is younger than publication.interval.")
    ] = False,
) -> None:
    """Write the public status site as files, for a web server or a CDN.

    Reads what a daemon has stored, while it may be running; asks nobody on the network. What did not change is left alone.
    """
    from mailtls.publication.archive import Overtaken  # noqa: PLC0415 - they take a quarter of a second
    from mailtls.publication.canonical import Malformed  # noqa: PLC0415
    from mailtls.sitefolder import BadFolder, opened  # noqa: PLC0415
    from mailtls.store.database import StoreFailed  # noqa: PLC0415

    configuration = load_configuration(config_file)
    logs.configure("warning", "logfmt")
    try:
        with opened(directory) as folder, bar() as shown:
            told = asyncio_run(_publish(configuration, folder, shown, now=now))
    except BadFolder as error:
        fail(str(error), USAGE)
    except OSError as error:
        fail(f"{error.filename or directory}: {error.strerror}", BAD)
    except StoreFailed as error:
        fail(f"storage.url: {error}", BAD)
    except (BadConfiguration, Overtaken, Malformed) as error:
        fail(str(error), BAD)
    if told is None:
        fail("nothing is known yet; a daemon (mailtls run) measures, and stores what is to be published", UNKNOWN)
    Console(highlight=False, soft_wrap=True).print(told, emoji=False, markup=False)


async def _publish(configuration: Configuration, folder: SiteFolder, shown: Bar, *, now: bool) -> str | None:
    from mailtls.store.database import Store  # noqa: PLC0415

    store = await Store.open(configuration.storage.url, make=False)
    try:
        published = await _published(store, configuration, now=now)
        return None if published is None else await write_site(store, configuration.vantage.name, published, folder, shown)
    finally:
        await store.close()


async def _published(store: Store, configuration: Configuration, *, now: bool) -> Published | None:
    """Return the last publication in the store, where it is young enough; or a new one."""
    from mailtls.instants import moment_of  # noqa: PLC0415
    from mailtls.publishing import Published, gather_from  # noqa: PLC0415
    from mailtls.sealing import last_in, seal_in  # noqa: PLC0415

    last = await last_in(store, configuration)
    at = datetime.now(UTC)
    if not now and last is not None and last.link is not None:
        age = at - moment_of(last.link.published_at)
        if timedelta(0) <= age < configuration.publication.interval:
            return last
    made = await gather_from(store, configuration, at)
    return None if made is None else Published(made, await seal_in(made, store, configuration))


async def write_site(store: Store, vantage: str, published: Published, folder: SiteFolder, shown: Bar) -> str:
    """Write all of a site, so that nothing points to what is not there yet. Returns what to say of it.

    Args:
        store: where the chain is.
        vantage: whose it is.
        published: what to show.
        folder: where to.
        shown: told how far it is.

    """
    from mailtls.site.earlier import page_path  # noqa: PLC0415
    from mailtls.site.files import files  # noqa: PLC0415
    from mailtls.site.snapshots import KEY, head_files, link_files, object_path  # noqa: PLC0415
    from mailtls.store.publications import Kept, Publications  # noqa: PLC0415

    assert published.link is not None
    chain = Publications(store, vantage)
    links = await _links(chain, published.link.number)
    named = sorted(await chain.named())
    kept = [Kept(each.number, each.hash, each.published_at) for each in reversed(links) if each.whole]
    then = {page_path(each.number): each.number for each in kept}
    pages = files(published.publication, published.link, stale=published.is_stale(datetime.now(UTC)), kept=kept)
    heads = head_files(links[-2:])
    chained = {path: file for link in links for path, file in link_files(link).items()}
    every = {*map(object_path, named), *chained, *then, *pages, *heads}
    folder.announce(every)
    shown.total(len(every))

    missing = [name for name in named if not folder.has(object_path(name))]
    shown.advance(len(named) - len(missing))
    for start in range(0, len(missing), _AT_ONCE):
        for name, octets in (await chain.objects(missing[start : start + _AT_ONCE])).items():
            folder.write(object_path(name), octets)
            shown.advance()
    folder.settle()
    _write(folder, {path: file for path, file in chained.items() if not folder.has(path)}, shown)
    _write(folder, {path: heads[path] for path in heads if path == KEY}, shown)
    await _write_old(chain, folder, {path: number for path, number in then.items() if not folder.has(path)}, shown)
    _write(folder, pages, shown)
    folder.settle()
    _write(folder, {path: heads[path] for path in heads if path != KEY}, shown)
    folder.settle()
    gone = folder.keep_only(every)
    return f"Snapshot {published.link.number} ({published.link.hash}) is in {folder.root}: {folder.written:,} files written, {gone:,} deleted."


async def _links(chain: Publications, last: int) -> Sequence[Snapshot]:
    links: list[Snapshot] = []
    while some := await chain.snapshots(len(links)):
        links += some
    return links[:last]


async def _write_old(chain: Publications, folder: SiteFolder, numbers: Mapping[str, int], shown: Bar) -> None:
    """Write the pages of snapshots; each says the same for ever, and so is written once."""
    from mailtls.site.snapshots import page  # noqa: PLC0415

    for path, number in numbers.items():
        file = await page(chain, number)
        if file is not None:
            _write(folder, {path: file}, shown)


def _write(folder: SiteFolder, files: Mapping[str, File], shown: Bar) -> None:
    for path, file in files.items():
        folder.write(path, file.render())
        shown.advance()
