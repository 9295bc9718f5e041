"""What a shell offers where a domain or a check is to be typed."""

from __future__ import annotations

from pathlib import Path

import typer  # noqa: TC002 - typer reads annotations when it runs

from mailtls import config, facts
from mailtls.config import BadConfiguration

_USUAL = Path("mailtls.yaml")


def domains(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the configured domains that begin so: of the file that was named before, or of ``mailtls.yaml`` here; none where it is wrong."""
    typed = ctx.params.get("config_file")
    try:
        partners = config.load(_USUAL if typed is None else Path(typed), partners=False).partners()
    except BadConfiguration:
        return []
    return [domain for partner in partners for domain in partner.domains if domain.startswith(incomplete)]


def checks(incomplete: str) -> list[str]:
    """Return the names of checks that begin so."""
    return [name for name in facts.CHECKS if name.startswith(incomplete)]
