"""``mailtls doctor``: whether this machine can measure."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from mailtls import logs
from mailtls.commands.domains import recipient_domain
from mailtls.commands.ending import BAD, FAULTS, fail
from mailtls.commands.options import ConfigFile, load_configuration
from mailtls.config import BadConfiguration
from mailtls.doctor import Examination, Health, examine, summary
from mailtls.show.hanging import hanging
from mailtls.streams import asyncio_run

_INDENT = 4
ENDS = f"Exit status: 0 nothing bad was found; 1 something was, or the configuration is wrong; 2 wrong usage; 130 interrupted; {FAULTS}"


def doctor(
    domains: Annotated[
        list[str] | None,
        typer.Argument(help="Domains to reach. Default: the first three of the configuration.", metavar="DOMAIN", show_default=False),
    ] = None,
    config_file: ConfigFile = None,
) -> None:
    """Say whether this machine can measure at all.

    Looks at the resolver, DNSSEC, the EHLO name and its PTR record, IPv6, the clock, the trust store, the store of a --config.file,
    and whether port 25 is open outward.
    """
    configuration = load_configuration(config_file, partners=False)
    names = list(dict.fromkeys(recipient_domain(domain) for domain in domains or ()))
    logs.configure("error", "logfmt")
    looks = {Health.GOOD: "[green]ok[/] ", Health.BAD: "[red]x[/]  ", Health.UNKNOWN: "[magenta]?[/]  "}
    console = Console(highlight=False, soft_wrap=True)

    async def examinations() -> list[Examination]:
        found = []
        async for examination in examine(configuration, names, lasting=config_file is not None):
            line = f"{looks[examination.health]} [bold]{examination.subject}[/]: {escape(examination.text)}"
            for text in hanging(line, console.width, _INDENT) if console.is_terminal else (line,):
                console.print(text, emoji=False)
            found.append(examination)
        return found

    try:
        found = asyncio_run(examinations())
    except BadConfiguration as error:
        fail(str(error), BAD)
    console.print(summary(found), markup=False)
    if any(examination.health is Health.BAD for examination in found):
        raise typer.Exit(BAD)
