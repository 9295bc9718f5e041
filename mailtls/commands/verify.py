"""``mailtls verify``: whether what was published is whole, and as it was."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer
from rich.console import Console

from mailtls.commands.ending import BAD, FAULTS, UNKNOWN, USAGE, fail
from mailtls.commands.progress import Bar, bar
from mailtls.readable import readable
from mailtls.streams import asyncio_run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mailtls.publication.report import Report
    from mailtls.sitereader import Reader

ENDS = (
    "Exit status: 0 all is as it was published; 1 something was changed, is missing, or was cut off; 2 wrong usage; "
    f"3 it could not be read; {FAULTS}"
)
_STALE = "The last snapshot is {hours:,.0f} hours old, and says that the next one comes after {promised:,.1f} at most."


def verify(
    place: Annotated[str, typer.Argument(help="What mailtls publish wrote, or the URL where it is.", metavar="DIR|URL")],
    since: Annotated[
        str | None,
        typer.Option("--since", help="The hash of a snapshot that you remember: it must be there; what is before it is left out.", metavar="HASH"),
    ] = None,
    key_file: Annotated[
        Path | None, typer.Option("--key", help="The publisher's public key, in PEM, as you have it from elsewhere.", metavar="FILE")
    ] = None,
) -> None:
    """Verify that what was published is whole, and as it was.

    Holds the chain of snapshots, its signatures and every object against each other, and the API's documents against the last snapshot.
    """
    from mailtls.publication.report import summary  # noqa: PLC0415
    from mailtls.sitereader import CannotRead  # noqa: PLC0415

    remembered = None if since is None else since.strip().lower()
    if remembered is not None and not re.fullmatch("[0-9a-f]{64}", remembered):
        fail(f"--since: {readable(since or '', 80)}: 64 hexadecimal digits are wanted, as an earlier mailtls verify printed them", USAGE)
    key = None if key_file is None else _key(key_file)
    try:
        with bar() as shown:
            report = asyncio_run(_verify(place, remembered, key, shown))
    except CannotRead as error:
        fail(str(error), UNKNOWN)
    console = Console(highlight=False, soft_wrap=True)
    for line in (*summary(report), *_known(report, pinned=key is not None), *_stale(report)):
        console.print(line, emoji=False, markup=False)
    for remark in report.remarks:
        console.print(remark, emoji=False, markup=False)
    for problem in report.problems:
        console.print(f"WRONG: {readable(problem.where)}: {problem.text}", emoji=False, markup=False)
    if report.problems:
        raise typer.Exit(BAD)
    console.print("All is as it was published." if since is None else "Since that snapshot all is as it was published.", emoji=False)
    console.print(f"What is cut off later is found with: --since {report.hash}", emoji=False, markup=False)


async def _verify(place: str, since: str | None, key: str | None, shown: Bar) -> Report:
    from mailtls.sitereader import FolderReader, WebReader  # noqa: PLC0415

    if re.match("(?i)https?://", place):
        if not _is_url(place):
            fail(f"{readable(place, 200)}: it is no URL", USAGE)
        async with WebReader(re.sub(r"(/status)?/?(index\.html)?$", "/", place.partition("#")[0], count=1)) as reader:
            return await verified(reader, since, key, shown)
    return await verified(FolderReader(Path(place)), since, key, shown)


def _is_url(text: str) -> bool:
    try:
        split = urlsplit(text)
        return bool(split.hostname) and split.port != 0 and text.isascii() and text.isprintable()
    except ValueError:
        return False


async def verified(reader: Reader, since: str | None, key: str | None, shown: Bar) -> Report:
    """Verify what a reader reads; once more, where it was published again meanwhile. Raises ``CannotRead``."""
    from mailtls.publication.verifying import HEAD, Verification, limit_of  # noqa: PLC0415
    from mailtls.sitereader import CannotRead  # noqa: PLC0415

    async def once() -> tuple[bytes | None, Report]:
        verification, head = Verification(since, key), None
        while verification.wanted:
            shown.total(verification.asked)
            found = await reader.read({path: limit_of(path) for path in verification.wanted})
            shown.advance(len(found))
            head = found.get(HEAD, head)
            verification.learn(found)
        return head, verification.report

    head, report = await once()
    if head is None:
        raise CannotRead("there is no snapshots/head.json: nothing that can be verified is published there")
    if report.problems and (await reader.read({HEAD: limit_of(HEAD)}))[HEAD] != head:
        _, report = await once()
    return report


def _key(path: Path) -> str:
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - they take a while
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import load_pem_public_key  # noqa: PLC0415

    from mailtls.publication.keys import named  # noqa: PLC0415

    try:
        key = load_pem_public_key(path.read_bytes())
    except OSError as error:
        fail(f"--key: {path}: {error.strerror}", USAGE)
    except (ValueError, UnsupportedAlgorithm):
        fail(f"--key: {path}: it holds no public key in PEM", USAGE)
    if not isinstance(key, Ed25519PublicKey):
        fail(f"--key: {path}: the key in it is none for Ed25519", USAGE)
    return named(key.public_bytes_raw())


def _known(report: Report, *, pinned: bool) -> Iterator[str]:
    if pinned or not report.snapshots:
        return
    if any(report.signed.values()):
        yield "Whose key that is, only the site itself says: compare its SHA-256 with what the publisher says elsewhere, or give --key FILE."
    else:
        yield "Without a signature whoever can write there can also write another history: only who remembers a hash (--since) finds that."


def _stale(report: Report) -> Iterator[str]:
    if report.stale_after is not None and report.number in report.snapshots:
        age = (datetime.now(UTC) - report.snapshots[report.number]).total_seconds()
        if age > report.stale_after:
            yield _STALE.format(hours=age / 3600, promised=report.stale_after / 3600)
