"""The configured domains as Prometheus finds targets over HTTP (http_sd), for whoever scrapes ``/probe``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mailtls.model import Provider


def target_groups(providers: Iterable[Provider]) -> list[dict[str, Any]]:
    """Return one group a domain, as JSON has them.

    The labels begin with ``__meta_``: a target label ``domain`` or ``provider`` would push aside those that the metrics have.
    """
    return [
        {"targets": [domain], "labels": {"__meta_mailtls_provider": provider.name, "__meta_mailtls_domain": domain}}
        for provider in providers
        for domain in provider.domains
    ]
