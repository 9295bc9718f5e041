"""How a command ends: its exit status, and the words before it."""

from __future__ import annotations

from typing import NoReturn

import typer

GOOD, BAD, USAGE, UNKNOWN = 0, 1, 2, 3
FAULT, CANNOT_WRITE, INTERRUPTED, NOBODY_READS = 70, 74, 130, 141

FAULTS = "70 a fault of mailtls itself; 74 standard output cannot be written; 141 nobody reads standard output."
"""The end of what a command's ``--help`` says of its exit status."""


def fail(text: str, status: int) -> NoReturn:
    """Say on standard error what is wrong, and end."""
    typer.echo(text, err=True)
    raise typer.Exit(status)
