"""Options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import ValidationError

from mailtls import config
from mailtls.commands.ending import BAD, USAGE, fail
from mailtls.config import BadConfiguration, Configuration

if TYPE_CHECKING:
    from collections.abc import Sequence

ConfigFile = Annotated[Path | None, typer.Option("--config.file", help="Configuration in YAML.", metavar="FILE")]
WebFile = Annotated[
    Path | None,
    typer.Option("--web.config.file", help="TLS, headers and passwords of the web server, as of Prometheus' exporters.", metavar="FILE"),
]


def load_configuration(path: Path | None, *, partners: bool = True) -> Configuration:
    """Return a configuration, or end with what is wrong with it; without a file, the one in which everything has its default.

    Args:
        path: of the file, if there is one.
        partners: whether nobody to measure is wrong: it is for a daemon, and not for a command that is told whom to measure.

    """
    if path is None:
        return Configuration()
    try:
        return config.load(path, partners=partners)
    except BadConfiguration as error:
        hint = "" if path.exists() else "; config/mailtls.example.yaml is one to begin with"
        fail(f"{error}{hint}", BAD)


def listen_addresses(texts: Sequence[str]) -> tuple[tuple[str, int], ...]:
    """Return where to listen, or end with what is wrong."""
    try:
        return config.Web(listen=tuple(texts)).listen  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
        fail(f"--web.listen-address: {first}", USAGE)
