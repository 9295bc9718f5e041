"""``mailtls check``: measure domains now."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from mailtls import assembly, logs
from mailtls.commands import completing
from mailtls.commands.domains import recipient_domain
from mailtls.commands.ending import BAD, FAULTS, GOOD, INTERRUPTED, UNKNOWN, fail
from mailtls.commands.options import ConfigFile, load_configuration
from mailtls.config import BadConfiguration
from mailtls.evidence import Purpose
from mailtls.hellos import Asked
from mailtls.model import Verdict
from mailtls.show.declared import fetch_lines
from mailtls.show.document import document
from mailtls.show.explain import explanation_lines
from mailtls.show.hanging import hanging
from mailtls.show.text import domain_lines, transcript_lines
from mailtls.streams import asyncio_run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from mailtls.config import Configuration
    from mailtls.evidence import ProbeEvidence, ScanEvidence, StsFetch
    from mailtls.model import DomainObservation, Endpoint

ENDS = (
    "Exit status: 0 all are protected, or take no mail; 1 one is unprotected or degraded, or the configuration is wrong; 2 wrong usage; "
    f"3 one could not be measured; 130 interrupted; {FAULTS} Over several domains 1 goes before 3 before 0."
)


class Format(StrEnum):
    """How check prints."""

    TEXT = "text"
    JSON = "json"


def check(
    domains: Annotated[list[str], typer.Argument(help="Recipient domains.", metavar="DOMAIN", autocompletion=completing.domains)],
    config_file: ConfigFile = None,
    style: Annotated[Format, typer.Option("--format", help="Text for people, or JSON for programs.")] = Format.TEXT,
    explain: Annotated[bool, typer.Option("--explain", help="Explain every finding; show every visit, and every fetch of a policy.")] = False,
    quick: Annotated[bool, typer.Option("--quick", help="One connection an address; does not ask for everything that it accepts.")] = False,
) -> None:
    """Measure domains now, and say what was seen."""
    configuration = load_configuration(config_file, partners=False)
    logs.configure("error", "logfmt")
    names = list(dict.fromkeys(recipient_domain(domain) for domain in domains))
    try:
        observed, scans, fetches = asyncio_run(_check(configuration, names, Purpose.QUICK if quick else Purpose.FULL))
    except BadConfiguration as error:
        fail(str(error), BAD)
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None
    transcripts = [line for scan in scans for line in transcript_lines(scan)] if explain else []
    transcripts += [line for fetch in fetches for line in fetch_lines(fetch)] if explain else []
    if style is Format.JSON:
        typer.echo(json.dumps(document(observed, explain=explain), indent=2))
        _print(Console(stderr=True, highlight=False, soft_wrap=True), transcripts)
    else:
        console = Console(highlight=False, soft_wrap=True)
        for number, domain_observed in enumerate(observed):
            _print_hanging(console, ["", *domain_lines(domain_observed)] if number else domain_lines(domain_observed))
            if explain:
                _print(console, explanation_lines(domain_observed, console.width))
        if transcripts:
            _print_hanging(console, ["", *transcripts])
        if len(observed) > 1:
            console.print(f"\n{summary(observed)}")
    raise typer.Exit(exit_status(observed))


def _print(console: Console, lines: Iterable[str]) -> None:
    for line in lines:
        console.print(line, emoji=False)


def _print_hanging(console: Console, lines: Iterable[str]) -> None:
    """Print lines, and break none within a word where a person reads; programs get each whole."""
    for line in lines:
        for text in hanging(line, console.width) if console.is_terminal else (line,):
            console.print(text, emoji=False)


def exit_status(observed: Sequence[DomainObservation]) -> int:
    """Return the exit status of a check: measured bad before unknown before good."""
    verdicts = {domain.verdict for domain in observed}
    if verdicts & {Verdict.UNPROTECTED, Verdict.DEGRADED}:
        return BAD
    return UNKNOWN if Verdict.UNKNOWN in verdicts else GOOD


def summary(observed: Sequence[DomainObservation]) -> str:
    """Return how many domains have which verdict."""
    counts = Counter(domain.verdict for domain in observed)
    return f"{len(observed)} domains: " + ", ".join(f"{counts[verdict]} {verdict.value}" for verdict in Verdict if counts[verdict])


async def _check(
    configuration: Configuration, names: list[str], purpose: Purpose
) -> tuple[list[DomainObservation], list[ScanEvidence], list[StsFetch]]:
    hellos = 0

    def count(_endpoint: Endpoint, seen: ProbeEvidence | Asked) -> None:
        nonlocal hellos
        hellos += isinstance(seen, Asked)
        if hellos:
            progress.update(visited, description=f"visiting addresses, {hellos} raw hellos so far")

    measurer = assembly.measurer(configuration, told=count)
    owners = {domain: provider.name for provider in configuration.partners() for domain in provider.domains}
    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        looked_up = progress.add_task("looking up", total=len(names))
        visited = progress.add_task("visiting addresses", total=0)
        total = 0

        def tell(_endpoint: Endpoint, done: bool) -> None:
            nonlocal total
            if done:
                progress.advance(visited)
            else:
                total += 1
                progress.update(visited, total=total)

        async def one(name: str, tell: Callable[[Endpoint, bool], None]) -> DomainObservation:
            route = await measurer.route(name)
            progress.advance(looked_up)
            await measurer.measure(route, purpose, tell)
            return measurer.observe(owners.get(name, name), route, route.began)  # type: ignore[arg-type]

        observed = await asyncio.gather(*(one(name, tell) for name in names))
    fetches = [fetch for name in names if (fetch := measurer.fetch_of(name)) is not None]
    return list(measurer.compare(observed, datetime.now(UTC))), [track.latest for track in measurer.tracks.values()], fetches
