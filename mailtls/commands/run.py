"""``mailtls run``: the daemon."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mailtls import logs
from mailtls.commands.ending import BAD, FAULTS, fail
from mailtls.commands.options import WebFile, listen_addresses, load_configuration
from mailtls.config import BadConfiguration
from mailtls.daemon import Daemon
from mailtls.listening import CannotListen
from mailtls.streams import asyncio_run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailtls.config import Configuration

DEFAULT_FILE = Path("mailtls.yaml")
ENDS = (
    "Exit status: 0 ended by a signal; 1 the configuration is wrong, an address cannot be listened on, the store cannot be used, or "
    f"a second signal came; 2 wrong usage; {FAULTS}"
)


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


def run(
    config_file: Annotated[Path, typer.Option("--config.file", help="Configuration in YAML.", metavar="FILE")] = DEFAULT_FILE,
    follow: Annotated[
        bool,
        typer.Option(
            "--config.auto-reload/--no-config.auto-reload", help="Read the configuration again when a file of it has changed.", show_default="on"
        ),
    ] = True,
    listen: Annotated[
        list[str] | None, typer.Option("--web.listen-address", help="Address and port to listen on; may be repeated.", metavar="ADDRESS:PORT")
    ] = None,
    web_file: WebFile = None,
    level: Annotated[LogLevel, typer.Option("--log.level", help="Least level that is logged.", case_sensitive=False)] = LogLevel.INFO,
    style: Annotated[LogFormat, typer.Option("--log.format", help="Format of the log on stderr.", case_sensitive=False)] = LogFormat.LOGFMT,
) -> None:
    """Run the daemon: measure again and again, and serve.

    What is known of all configured domains is served over HTTP, for Prometheus and for people.
    """
    logs.configure(level.value, style.value)
    if config_file == DEFAULT_FILE and not config_file.exists():
        example = "copy config/mailtls.example.yaml and the providers.yaml beside it"
        fail(f"{config_file}: no such file; {example}, or name another with --config.file", BAD)
    configuration = load_configuration(config_file)
    addresses = listen_addresses(listen) if listen else configuration.web.listen
    try:
        asyncio_run(_run(configuration, config_file, web_file, addresses, follow=follow))
    except (BadConfiguration, CannotListen) as error:
        fail(str(error), BAD)


async def _run(
    configuration: Configuration, path: Path, web_file: Path | None, addresses: Sequence[tuple[str, int]], *, follow: bool
) -> None:
    await Daemon(configuration, path, web_file, follow=follow).run(addresses, lambda url: print(url, flush=True))  # noqa: T201 - the contract's line
