"""The command line."""

from __future__ import annotations

import asyncio
import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from mailtls import __version__, assembly, config, logs
from mailtls.config import BadConfiguration, Configuration
from mailtls.daemon import CannotListen, Daemon
from mailtls.demo import run_demo
from mailtls.doctor import Examination, Health, examine
from mailtls.evidence import Purpose
from mailtls.model import DomainObservation, Endpoint, Verdict
from mailtls.resolve import BadName, ascii_name
from mailtls.show.document import document
from mailtls.show.text import domain_lines, transcript_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from mailtls.evidence import ScanEvidence

GOOD, BAD, USAGE, UNKNOWN = 0, 1, 2, 3

_EXIT_NOTE = (
    "Exit status: 0 good; 1 measured bad, bad configuration, or cannot bind; 2 usage; 3 could not be measured. "
    "Over several domains 1 goes before 3 before 0."
)

app = typer.Typer(
    name="mailtls",
    help="Checks whether mail providers keep their promise of encrypted delivery. Silence is never a verdict.",
    epilog=_EXIT_NOTE,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
config_app = typer.Typer(help="Check a configuration file, or print its schema.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(config_app, name="config")

ConfigFile = Annotated[Path | None, typer.Option("--config.file", help="Configuration in YAML.", metavar="F")]


class Format(StrEnum):
    """How check prints."""

    TEXT = "text"
    JSON = "json"


class LogLevel(StrEnum):
    """From which level events are logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(StrEnum):
    """How events are logged."""

    LOGFMT = "logfmt"
    JSON = "json"


def _load(path: Path | None) -> Configuration:
    if path is None:
        return Configuration()
    try:
        return config.load(path)
    except BadConfiguration as error:
        _fail(str(error), BAD)
        raise  # not reached


def _fail(text: str, status: int) -> None:
    typer.echo(text, err=True)
    raise typer.Exit(status)


def _version(*, wanted: bool) -> None:
    if wanted:
        typer.echo(f"mailtls {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    _shown: Annotated[
        bool, typer.Option("--version", callback=lambda value: _version(wanted=value), is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


@app.command(epilog=_EXIT_NOTE)
def check(
    domains: Annotated[list[str], typer.Argument(help="Recipient domains.", metavar="DOMAIN...")],
    config_file: ConfigFile = None,
    style: Annotated[Format, typer.Option("--format", help="Text for people, or JSON by the contract.")] = Format.TEXT,
    explain: Annotated[bool, typer.Option("--explain", help="Show the transcript of every visit.")] = False,
    quick: Annotated[bool, typer.Option("--quick", help="One connection an address, instead of about three.")] = False,
) -> None:
    """Measure domains now, and say what was seen."""
    configuration = _load(config_file)
    logs.configure("error", "logfmt")
    names = []
    for domain in domains:
        try:
            names.append(ascii_name(domain))
        except BadName as error:
            _fail(str(error), USAGE)
    try:
        observed, scans = asyncio.run(_check(configuration, list(dict.fromkeys(names)), Purpose.QUICK if quick else Purpose.FULL))
    except BadConfiguration as error:
        _fail(str(error), BAD)
        return
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    if style is Format.JSON:
        typer.echo(json.dumps(document(observed), indent=2))
        if explain:
            _print(Console(stderr=True, highlight=False, soft_wrap=True), [line for scan in scans for line in transcript_lines(scan)])
    else:
        console = Console(highlight=False, soft_wrap=True)
        for domain_observed in observed:
            _print(console, domain_lines(domain_observed))
        if explain:
            console.print()
            _print(console, [line for scan in scans for line in transcript_lines(scan)])
    raise typer.Exit(exit_status(observed))


def _print(console: Console, lines: Iterable[str]) -> None:
    for line in lines:
        console.print(line, emoji=False)


def exit_status(observed: Sequence[DomainObservation]) -> int:
    """Return the exit status of a check: measured bad before unknown before good."""
    verdicts = {domain.verdict for domain in observed}
    if verdicts & {Verdict.UNPROTECTED, Verdict.DEGRADED}:
        return BAD
    return UNKNOWN if Verdict.UNKNOWN in verdicts else GOOD


async def _check(
    configuration: Configuration, names: list[str], purpose: Purpose
) -> tuple[list[DomainObservation], list[ScanEvidence]]:
    measurer = assembly.measurer(configuration)
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

        observed = list(await asyncio.gather(*(one(name, tell) for name in names)))
    return observed, [track.latest for track in measurer.tracks.values()]


@app.command(epilog=_EXIT_NOTE)
def run(
    config_file: Annotated[Path, typer.Option("--config.file", help="Configuration in YAML.", metavar="F")] = Path("mailtls.yaml"),
    listen: Annotated[
        list[str] | None, typer.Option("--web.listen-address", help="Address and port to listen on; may be repeated.", metavar="A")
    ] = None,
    level: Annotated[LogLevel, typer.Option("--log.level", help="Least level that is logged.")] = LogLevel.INFO,
    style: Annotated[LogFormat, typer.Option("--log.format", help="Format of the log on stderr.")] = LogFormat.LOGFMT,
) -> None:
    """Measure all partners, again and again, and serve what is known."""
    logs.configure(level.value, style.value)
    configuration = _load(config_file)
    try:
        addresses = config.Web(listen=tuple(listen)).listen if listen else configuration.web.listen  # type: ignore[arg-type]
    except ValueError as error:
        _fail(f"--web.listen-address: {error}", USAGE)
        return
    try:
        asyncio.run(_run(configuration, config_file, addresses))
    except (BadConfiguration, CannotListen) as error:
        _fail(str(error), BAD)


async def _run(configuration: Configuration, path: Path, addresses: Sequence[tuple[str, int]]) -> None:
    await Daemon(configuration, path).run(addresses, lambda url: print(url, flush=True))  # noqa: T201 - the contract's line


@app.command()
def demo(
    after: Annotated[float, typer.Option("--downgrade-after", help="Seconds until one provider loses STARTTLS.")] = 30.0,
    listen: Annotated[str, typer.Option("--web.listen-address", help="Where to serve; another port where it is taken.")] = "127.0.0.1:9925",
) -> None:
    """Run the whole system against a lab of its own, on loopback: no Internet, no root."""
    logs.configure("error", "logfmt")
    try:
        address = config.Web(listen=(listen,)).listen[0]  # type: ignore[arg-type]
        asyncio.run(run_demo(address, after))
    except (BadConfiguration, CannotListen) as error:
        _fail(str(error), BAD)


@app.command(epilog=_EXIT_NOTE)
def doctor(config_file: ConfigFile = None) -> None:
    """Say whether this vantage can measure: resolver, DNSSEC, EHLO name and PTR, IPv6, clock, trust store, port 25."""
    configuration = _load(config_file)
    logs.configure("error", "logfmt")
    looks = {Health.GOOD: "[green]ok[/] ", Health.BAD: "[red]x[/]  ", Health.UNKNOWN: "[magenta]?[/]  "}
    console = Console(highlight=False, soft_wrap=True)

    async def examinations() -> list[Examination]:
        found = []
        async for examination in examine(configuration):
            console.print(f"{looks[examination.health]} [bold]{examination.subject}[/]: ", end="")
            console.print(examination.text, markup=False)
            found.append(examination)
        return found

    try:
        found = asyncio.run(examinations())
    except BadConfiguration as error:
        _fail(str(error), BAD)
        return
    if any(examination.health is Health.BAD for examination in found):
        raise typer.Exit(BAD)


@config_app.command("check")
def config_check(path: Annotated[Path, typer.Argument(help="The file to check.", metavar="F")]) -> None:
    """Say whether a configuration file is right, and if not, what is wrong in which line."""
    configuration = _load(path)
    try:
        configuration.anchors()
    except BadConfiguration as error:
        _fail(str(error), BAD)
    partners = configuration.partners()
    typer.echo(f"{path}: good: {len(partners)} providers, {sum(len(p.domains) for p in partners)} domains")


@config_app.command("schema")
def config_schema() -> None:
    """Print the JSON Schema of a configuration file."""
    typer.echo(json.dumps(config.schema(), indent=2))


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    sys.exit(app())
