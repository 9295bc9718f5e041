"""``mailtls config check`` and ``config schema``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from mailtls import config
from mailtls.commands.ending import BAD, FAULTS, fail
from mailtls.commands.options import load_configuration
from mailtls.config import BadConfiguration

CHECK_ENDS = f"Exit status: 0 the file is good; 1 it is wrong, or cannot be read; 2 wrong usage; {FAULTS}"
SCHEMA_ENDS = f"Exit status: 0 printed; 2 wrong usage; {FAULTS}"


def config_check(path: Annotated[Path, typer.Argument(help="The file to check.", metavar="FILE")]) -> None:
    """Say what is wrong in a configuration file, and where."""
    configuration = load_configuration(path)
    try:
        configuration.anchors()
    except BadConfiguration as error:
        fail(str(error), BAD)
    partners = configuration.partners()
    typer.echo(f"{path}: good: {_counted(len(partners), 'provider')}, {_counted(sum(len(p.domains) for p in partners), 'domain')}")


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def config_schema() -> None:
    """Print the JSON Schema of a configuration file."""
    typer.echo(json.dumps(config.schema(), indent=2))
