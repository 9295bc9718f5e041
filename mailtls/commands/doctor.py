"""``mailtls doctor``: whether this machine can measure."""

from __future__ import annotations

import typer
from rich.console import Console

from mailtls import logs
from mailtls.commands.ending import BAD, FAULTS, fail
from mailtls.commands.options import ConfigFile, load_configuration
from mailtls.config import BadConfiguration
from mailtls.doctor import Examination, Health, examine
from mailtls.streams import asyncio_run

ENDS = f"Exit status: 0 nothing bad was found; 1 something was, or the configuration is wrong; 2 wrong usage; 130 interrupted; {FAULTS}"


def doctor(config_file: ConfigFile = None) -> None:
    """Say whether this machine can measure at all.

    Looks at the resolver, DNSSEC, the EHLO name and its PTR record, IPv6, the clock, the trust store, and whether port 25 is open outward.
    """
    configuration = load_configuration(config_file)
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
        found = asyncio_run(examinations())
    except BadConfiguration as error:
        fail(str(error), BAD)
    if any(examination.health is Health.BAD for examination in found):
        raise typer.Exit(BAD)
