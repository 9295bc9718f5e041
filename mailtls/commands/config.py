"""``mailtls config check`` and ``config schema``."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from mailtls import config
from mailtls.commands.ending import BAD, FAULTS, USAGE, fail
from mailtls.commands.options import WebFile, load_configuration
from mailtls.config import BadConfiguration
from mailtls.config.webfile import load_access

CHECK_ENDS = f"Exit status: 0 the file is good; 1 it is wrong, or cannot be read; 2 wrong usage; {FAULTS}"
SCHEMA_ENDS = f"Exit status: 0 printed; 2 wrong usage; {FAULTS}"


def config_check(
    path: Annotated[Path | None, typer.Argument(help="The file to check.", metavar="FILE")] = None, web_file: WebFile = None
) -> None:
    """Say what is wrong in a configuration, and where.

    That of the daemon (FILE), that of its web server (--web.config.file), or both.
    """
    if path is None and web_file is None:
        fail("name the file to check, or --web.config.file, or both", USAGE)
    if path is not None:
        _check(path)
    if web_file is not None:
        _check_web(web_file)


def _check(path: Path) -> None:
    configuration = load_configuration(path)
    try:
        configuration.anchors()
    except BadConfiguration as error:
        fail(str(error), BAD)
    partners = configuration.partners()
    typer.echo(f"{path}: good: {_counted(len(partners), 'provider')}, {_counted(sum(len(p.domains) for p in partners), 'domain')}")


def _check_web(path: Path) -> None:
    try:
        access = load_access(path)
    except BadConfiguration as error:
        fail(str(error), BAD)
    for note in access.notes:
        typer.echo(f"{path}: {note}", err=True)
    tls = "no TLS" if access.tls is None else "TLS"
    typer.echo(f"{path}: good: {tls}, {_counted(len(access.users), 'user')}, {_counted(len(access.headers), 'header')}")


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


class Kind(StrEnum):
    """What a schema is of."""

    CONFIGURATION = "configuration"
    PROVIDERS = "providers"


def config_schema(
    kind: Annotated[
        Kind, typer.Option("--of", help="Of the configuration itself, or of a file that its provider_files name.")
    ] = Kind.CONFIGURATION,
) -> None:
    """Print the JSON Schema of a configuration file."""
    typer.echo(json.dumps(config.schema() if kind is Kind.CONFIGURATION else config.schema_of_providers(), indent=2))
