"""``mailtls demo``: the whole system against a lab of its own."""

from __future__ import annotations

from typing import Annotated

import typer

from mailtls import logs
from mailtls.commands.ending import BAD, FAULTS, fail
from mailtls.commands.options import listen_addresses
from mailtls.config import BadConfiguration
from mailtls.demo import run_demo
from mailtls.listening import CannotListen
from mailtls.streams import asyncio_run

ENDS = (
    f"Exit status: 0 ended by a signal; 1 the address cannot be listened on, or a second signal came; 2 wrong usage; {FAULTS}"
)


def demo(
    after: Annotated[float, typer.Option("--downgrade-after", min=0, help="Seconds until one provider loses STARTTLS.", metavar="SECONDS")] = 30.0,
    listen: Annotated[
        str, typer.Option("--web.listen-address", help="Where to serve; another port where it is taken.", metavar="ADDRESS:PORT")
    ] = "127.0.0.1:9925",
) -> None:
    """Run the whole system against a lab on this machine.

    Everything happens on loopback: it needs no Internet, and no root.
    """
    logs.configure("error", "logfmt")
    address = listen_addresses([listen])[0]
    try:
        asyncio_run(run_demo(address, after))
    except (BadConfiguration, CannotListen) as error:
        fail(str(error), BAD)
