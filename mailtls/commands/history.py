"""``mailtls history``: the states of a domain, and what changed, over time."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.console import Console

from mailtls.commands import completing
from mailtls.commands.domains import not_watched, recipient_domain
from mailtls.commands.ending import BAD, FAULTS, UNKNOWN, USAGE, fail
from mailtls.commands.options import ConfigFile, load_configuration
from mailtls.config import BadConfiguration
from mailtls.config.policyfile import find_policy
from mailtls.evidence import ScanEvidence
from mailtls.policy.past import grades_over_time
from mailtls.readable import readable
from mailtls.show.history import history_lines
from mailtls.show.history_document import history_document, history_table
from mailtls.show.history_evidence import evidence_lines
from mailtls.streams import asyncio_run

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import TypeVar

    from mailtls.config import Configuration
    from mailtls.evidence import RouteEvidence
    from mailtls.store.database import Store

    T = TypeVar("T")

ENDS = (
    "Exit status: 0 printed; 1 the configuration is wrong, or the store cannot be used; 2 wrong usage; 3 nothing is known of it; "
    f"{FAULTS}"
)
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


class Format(StrEnum):
    """How history prints."""

    TEXT = "text"
    JSON = "json"
    CSV = "csv"


def history(
    domain: Annotated[str, typer.Argument(help="A recipient domain.", metavar="DOMAIN", autocompletion=completing.domains)],
    config_file: ConfigFile = None,
    since: Annotated[
        str | None,
        typer.Option("--since", help="Leave out what ended before: 2026-11-24, 2026-11-24T12:00:00Z, or 7d for a week ago.", metavar="TIME"),
    ] = None,
    style: Annotated[Format, typer.Option("--format", help="Text for people; JSON or CSV for programs.")] = Format.TEXT,
    vantage: Annotated[
        str | None, typer.Option("--vantage", help="As seen from there; by default from everywhere.", metavar="NAME")
    ] = None,
    policy: Annotated[
        str | None, typer.Option("--policy", help="Grade the past again by this policy: its name, or a file.", metavar="NAME")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Text: show the first reading of every fact.")] = False,
    evidence: Annotated[
        str | None,
        typer.Option("--evidence", help="Show what a state was read from: transcript, certificates, how to see it.", metavar="ID"),
    ] = None,
) -> None:
    """Print what was seen of a domain over time, and what changed.

    Reads what a daemon has stored, while it may be running; asks nobody on the network.
    """
    name = recipient_domain(domain)
    start = None if since is None else _moment(since)
    configuration = load_configuration(config_file)
    try:
        graded = None if policy is None else find_policy(policy, Path.cwd())
    except BadConfiguration as error:
        fail(f"--policy: {error}", USAGE)
    if evidence is not None:
        _show_evidence(configuration, evidence)
        return
    stories = _read(configuration, lambda store: store.stories(name, start, vantage))
    if not any(story.states or story.runs or story.days for story in stories):
        _nothing(name, vantage, not_watched(name, configuration))
    grades = {}
    if graded is not None:
        whole = stories if start is None else _read(configuration, lambda store: store.stories(name, None, vantage))
        for place in sorted({story.vantage for story in whole}):
            grades[place] = list(grades_over_time(name, [story for story in whole if story.vantage == place], graded, start))
    called = "" if graded is None else graded.name
    if style is Format.JSON:
        typer.echo(json.dumps(history_document(name, stories, grades, called), indent=2))
    elif style is Format.CSV:
        typer.echo(history_table(name, stories, grades, called), nl=False)
    else:
        console = Console(highlight=False, soft_wrap=True)
        for line in history_lines(name, stories, grades, called, console.width, everything=everything):
            console.print(line, emoji=False)


def _show_evidence(configuration: Configuration, name: str) -> None:
    if not re.fullmatch(r"[0-9a-f]{8,64}", name):
        fail(f"--evidence: {readable(name, 80)}: eight hexadecimal digits or more are wanted, as the history shows them", USAGE)
    found: tuple[str, ScanEvidence | RouteEvidence] | None = _read(configuration, lambda store: store.find_evidence(name))
    if found is None:
        fail(f"--evidence: nothing is kept under {name}, or several begin so", UNKNOWN)
    console = Console(highlight=False, soft_wrap=True)
    for line in evidence_lines(*found):
        console.print(line, emoji=False)


def _nothing(name: str, vantage: str | None, stranger: str) -> NoReturn:
    place = "" if vantage is None else f" as seen from {readable(vantage, 80)}"
    hint = stranger or "a daemon that watches it (mailtls run) makes its history"
    fail(f"{name}: nothing is known of it{place}; {hint}", UNKNOWN)


def _read(configuration: Configuration, ask: Callable[[Store], Awaitable[T]]) -> T:
    from mailtls.store.codec import Unreadable  # noqa: PLC0415
    from mailtls.store.database import Store, StoreFailed  # noqa: PLC0415 - takes a quarter of a second

    async def asked() -> T:
        store = await Store.open(configuration.storage.url, make=False)
        try:
            return await ask(store)
        finally:
            await store.close()

    try:
        return asyncio_run(asked())
    except (StoreFailed, Unreadable) as error:
        fail(f"storage.url: {error}", BAD)


def _moment(text: str) -> datetime:
    """Return a moment: a date, a time in UTC where it names no zone, or so long ago; or end with what is wrong."""
    ago = re.fullmatch(r"(\d{1,6})([smhdw])(?: ago)?", text.strip())
    if ago is not None:
        try:
            return datetime.now(UTC) - timedelta(seconds=int(ago[1]) * _UNITS[ago[2]])
        except OverflowError:
            fail(f"--since: {readable(text, 80)} is before all time", USAGE)
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        fail(f"--since: {readable(text, 80)} is no time; write 2026-11-24, 2026-11-24T12:00:00Z, or 7d", USAGE)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
