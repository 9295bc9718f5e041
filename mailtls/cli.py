"""The command line."""

from __future__ import annotations

import asyncio
import errno
import io
import json
import os
import re
import sys
import traceback
from collections import Counter
from datetime import UTC, datetime
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TypeVar

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from mailtls import __version__, assembly, config, logs
from mailtls.config import BadConfiguration, Configuration
from mailtls.daemon import CannotListen, Daemon
from mailtls.demo import run_demo
from mailtls.doctor import Examination, Health, examine
from mailtls.evidence import Purpose
from mailtls.hellos import Asked
from mailtls.model import DomainObservation, Endpoint, Verdict
from mailtls.readable import readable
from mailtls.resolve import BadName, ascii_name
from mailtls.show.declared import fetch_lines
from mailtls.show.document import document
from mailtls.show.explain import explanation_lines
from mailtls.show.text import domain_lines, transcript_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Sequence

    from typing_extensions import Buffer

    from mailtls.evidence import ProbeEvidence, ScanEvidence, StsFetch

T = TypeVar("T")

GOOD, BAD, USAGE, UNKNOWN = 0, 1, 2, 3
FAULT, CANNOT_WRITE, INTERRUPTED, NOBODY_READS = 70, 74, 130, 141

_FAULTS = "70 a fault of mailtls itself; 74 standard output cannot be written; 141 nobody reads standard output."
_CHECK_ENDS = (
    "Exit status: 0 all are protected, or take no mail; 1 one is unprotected or degraded, or the configuration is wrong; 2 wrong usage; "
    f"3 one could not be measured; 130 interrupted; {_FAULTS} Over several domains 1 goes before 3 before 0."
)
_RUN_ENDS = (
    "Exit status: 0 ended by a signal; 1 the configuration is wrong, an address cannot be listened on, the store cannot be used, or "
    f"a second signal came; 2 wrong usage; {_FAULTS}"
)
_DEMO_ENDS = (
    f"Exit status: 0 ended by a signal; 1 the address cannot be listened on, or a second signal came; 2 wrong usage; {_FAULTS}"
)
_DOCTOR_ENDS = f"Exit status: 0 nothing bad was found; 1 something was, or the configuration is wrong; 2 wrong usage; 130 interrupted; {_FAULTS}"
_CONFIG_ENDS = f"Exit status: 0 the file is good; 1 it is wrong, or cannot be read; 2 wrong usage; {_FAULTS}"
_SCHEMA_ENDS = f"Exit status: 0 printed; 2 wrong usage; {_FAULTS}"

app = typer.Typer(
    name="mailtls",
    help="Checks whether mail providers keep their promise of encrypted delivery. Silence is never a verdict.",
    epilog="Each command's --help says what its exit status means.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
config_app = typer.Typer(help="Check a configuration file, or print its schema.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(config_app, name="config")

DEFAULT_FILE = Path("mailtls.yaml")
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


def _fail(text: str, status: int) -> NoReturn:
    typer.echo(text, err=True)
    raise typer.Exit(status)


def _name(text: str) -> str:
    """Return a recipient domain as DNS knows it; or end with what is wrong, and what may have been meant."""
    shown = readable(os.fsencode(text), 80)
    try:
        text.encode()
    except UnicodeEncodeError:  # surrogates: what was typed is not in the locale's encoding
        meant = _guess(os.fsencode(text).decode("utf-8", "replace"))
        _fail(f"{shown}: the locale is not UTF-8; write {meant or 'the name as xn--...'}, or set LC_ALL=C.UTF-8", USAGE)
    meant = _guess(text)
    if meant is not None and _is_address(meant):
        _fail(f"{shown}: an address, but a domain is wanted: what stands behind the @ of a mail address, such as gmail.com", USAGE)
    try:
        return ascii_name(text)
    except BadName as error:
        _fail(f"{error}; did you mean {meant}?" if meant else str(error), USAGE)


def _guess(text: str) -> str | None:
    """Return the domain, or the IP address, within a mail address or a URL."""
    rest = re.sub(r"^\s*([a-z][a-z0-9+.-]*://|mailto:)", "", text, flags=re.IGNORECASE)
    rest = re.split(r"[/?#]", rest)[0].rpartition("@")[2].strip(" <>\t")
    bare = re.sub(r"^\[(.*)\](:\d+)?$", r"\1", rest)
    if _is_address(bare):
        return bare
    try:
        return ascii_name(re.sub(r":\d*$", "", rest))
    except BadName:
        return None


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _listen_addresses(texts: Sequence[str]) -> tuple[tuple[str, int], ...]:
    try:
        return config.Web(listen=tuple(texts)).listen  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
        _fail(f"--web.listen-address: {first}", USAGE)


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


@app.command(epilog=_CHECK_ENDS)
def check(
    domains: Annotated[list[str], typer.Argument(help="Recipient domains.", metavar="DOMAIN")],
    config_file: ConfigFile = None,
    style: Annotated[Format, typer.Option("--format", help="Text for people, or JSON for programs.")] = Format.TEXT,
    explain: Annotated[bool, typer.Option("--explain", help="Explain every finding; show every visit, and every fetch of a policy.")] = False,
    quick: Annotated[bool, typer.Option("--quick", help="One connection an address; does not ask for everything that it accepts.")] = False,
) -> None:
    """Measure domains now, and say what was seen."""
    configuration = _load(config_file)
    logs.configure("error", "logfmt")
    names = list(dict.fromkeys(_name(domain) for domain in domains))
    try:
        observed, scans, fetches = _asyncio_run(_check(configuration, names, Purpose.QUICK if quick else Purpose.FULL))
    except BadConfiguration as error:
        _fail(str(error), BAD)
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
            _print(console, ["", *domain_lines(domain_observed)] if number else domain_lines(domain_observed))
            if explain:
                _print(console, explanation_lines(domain_observed, console.width))
        if transcripts:
            _print(console, ["", *transcripts])
        if len(observed) > 1:
            console.print(f"\n{summary(observed)}")
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


@app.command(epilog=_RUN_ENDS)
def run(
    config_file: Annotated[Path, typer.Option("--config.file", help="Configuration in YAML.", metavar="F")] = DEFAULT_FILE,
    listen: Annotated[
        list[str] | None, typer.Option("--web.listen-address", help="Address and port to listen on; may be repeated.", metavar="A")
    ] = None,
    level: Annotated[LogLevel, typer.Option("--log.level", help="Least level that is logged.")] = LogLevel.INFO,
    style: Annotated[LogFormat, typer.Option("--log.format", help="Format of the log on stderr.")] = LogFormat.LOGFMT,
) -> None:
    """Run the daemon: measure again and again, and serve.

    What is known of all configured domains is served over HTTP, for Prometheus and for people.
    """
    logs.configure(level.value, style.value)
    if config_file == DEFAULT_FILE and not config_file.exists():
        example = "copy config/mailtls.example.yaml and the providers.yaml beside it"
        _fail(f"{config_file}: no such file; {example}, or name another with --config.file", BAD)
    configuration = _load(config_file)
    addresses = _listen_addresses(listen) if listen else configuration.web.listen
    try:
        _asyncio_run(_run(configuration, config_file, addresses))
    except (BadConfiguration, CannotListen) as error:
        _fail(str(error), BAD)


async def _run(configuration: Configuration, path: Path, addresses: Sequence[tuple[str, int]]) -> None:
    await Daemon(configuration, path).run(addresses, lambda url: print(url, flush=True))  # noqa: T201 - the contract's line


@app.command(epilog=_DEMO_ENDS)
def demo(
    after: Annotated[float, typer.Option("--downgrade-after", help="Seconds until one provider loses STARTTLS.")] = 30.0,
    listen: Annotated[
        str, typer.Option("--web.listen-address", help="Where to serve; another port where it is taken.")
    ] = "127.0.0.1:9925",
) -> None:
    """Run the whole system against a lab on this machine.

    Everything happens on loopback: it needs no Internet, and no root.
    """
    logs.configure("error", "logfmt")
    address = _listen_addresses([listen])[0]
    try:
        _asyncio_run(run_demo(address, after))
    except (BadConfiguration, CannotListen) as error:
        _fail(str(error), BAD)


@app.command(epilog=_DOCTOR_ENDS)
def doctor(config_file: ConfigFile = None) -> None:
    """Say whether this machine can measure at all.

    Looks at the resolver, DNSSEC, the EHLO name and its PTR record, IPv6, the clock, the trust store, and whether port 25 is open outward.
    """
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
        found = _asyncio_run(examinations())
    except BadConfiguration as error:
        _fail(str(error), BAD)
    if any(examination.health is Health.BAD for examination in found):
        raise typer.Exit(BAD)


@config_app.command("check", epilog=_CONFIG_ENDS)
def config_check(path: Annotated[Path, typer.Argument(help="The file to check.", metavar="F")]) -> None:
    """Say what is wrong in a configuration file, and where."""
    configuration = _load(path)
    try:
        configuration.anchors()
    except BadConfiguration as error:
        _fail(str(error), BAD)
    idle = [key for key in ("confirmation",) if key in configuration.model_fields_set]
    if idle:
        typer.echo(f"{path}: warning: without effect in this version: {', '.join(idle)}", err=True)
    partners = configuration.partners()
    typer.echo(f"{path}: good: {len(partners)} providers, {sum(len(p.domains) for p in partners)} domains")


@config_app.command("schema", epilog=_SCHEMA_ENDS)
def config_schema() -> None:
    """Print the JSON Schema of a configuration file."""
    typer.echo(json.dumps(config.schema(), indent=2))


class _Stream(io.FileIO):
    """A standard stream that may be lost: what cannot be written is dropped, and the reason kept, wherever it was that somebody printed."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self.lost: OSError | None = None
        self.told: Callable[[], object] = bool

    def write(self, octets: Buffer, /) -> int:
        if self.lost is None:
            try:
                return super().write(octets)
            except OSError as error:
                self.lost = error
                self.told()
        return memoryview(octets).nbytes


def _guarded(name: str, descriptor: int) -> _Stream:
    """Put a stream that may be lost in the place of a standard one; one that is closed is lost at the first word."""
    former = getattr(sys, name)
    raw = _Stream(descriptor if former is not None else os.open(os.devnull, os.O_RDONLY))
    encoding = former.encoding if former is not None else "utf-8"
    buffered = io.BufferedWriter(raw)
    setattr(sys, name, io.TextIOWrapper(buffered, encoding, "backslashreplace", line_buffering=raw.isatty() or name == "stderr"))
    return raw


def _asyncio_run(work: Coroutine[Any, Any, T]) -> T:
    """Run something to its end; where standard output is lost meanwhile, cancel it."""
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)

    async def watched() -> T:
        task = asyncio.current_task()
        if isinstance(raw, _Stream) and task is not None:
            raw.told = task.cancel
        return await work

    with asyncio.Runner(loop_factory=_new_loop) as runner:
        return runner.run(watched())


def _new_loop() -> asyncio.AbstractEventLoop:
    """Return the faster event loop, where the extra ``speed`` has brought it."""
    try:
        import uvloop  # noqa: PLC0415 - it may not be there, and takes a while to load where only a configuration is checked
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


def main() -> None:
    """Run the command line. A status of a verdict is kept for verdicts: neither lost output nor a fault of ours has it."""
    output, _ = _guarded("stdout", 1), _guarded("stderr", 2)
    status: object = FAULT
    try:
        app()
    except SystemExit as end:
        status = end.code
    except asyncio.CancelledError:
        if output.lost is None:
            raise
    except Exception:  # noqa: BLE001 - the last place that can
        traceback.print_exc()
    sys.stdout.flush()
    if output.lost is not None:
        status = NOBODY_READS if output.lost.errno == errno.EPIPE else CANNOT_WRITE
        if status == CANNOT_WRITE:
            typer.echo(f"mailtls: cannot write to standard output: {output.lost.strerror}", err=True)
    sys.exit(status)  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
