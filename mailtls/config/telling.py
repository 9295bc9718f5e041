"""The keys of a configuration file about who is told of what: planned times of which nobody is, and webhooks."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, model_validator

from mailtls.config.sections import Section
from mailtls.config.values import Count, Domain, File, Some, Text, Url, Wait, shown, span
from mailtls.tracking.maintenance import Once, Weekly, Window

Kind = Literal["regression", "recovery", "accepted", "outage", "outage-over"]
KINDS: tuple[Kind, ...] = ("regression", "recovery", "accepted", "outage", "outage-over")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?([Zz]|[+-][0-9]{2}:[0-9]{2})")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def _moment(value: object) -> datetime:
    """Read RFC 3339, which YAML may have read already."""
    if isinstance(value, str) and _MOMENT.fullmatch(value):
        value = datetime.fromisoformat(value.upper())
    if not isinstance(value, datetime):
        raise ValueError(f"{shown(value)} is no moment; write date, time and offset, such as 2026-11-29T02:00:00Z")  # noqa: TRY004 - pydantic's
    if value.tzinfo is None:
        raise ValueError("says no offset from UTC; write one, as in 2026-11-29T02:00:00Z, or 2026-11-29T03:00:00+01:00")
    return value.astimezone(UTC)


def _weekly(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("write days, hours and UTC, such as sun 02:00-04:00 UTC")  # noqa: TRY004 - pydantic collects it
    Weekly.of(value)
    return value


Moment = Annotated[datetime, BeforeValidator(_moment)]


class Maintenance(Section):
    """A planned time: what it names may become weaker, which is recorded and shown, but nobody is told before it is over."""

    domains: tuple[Domain, ...] = Field(default=(), description="Partners' domains; their MX hosts too, where no other domain leads to them.")
    hosts: tuple[Domain, ...] = Field(default=(), description="MX hosts; a domain too, where only these made it weaker.")
    providers: tuple[Text, ...] = Field(default=(), description="Partners by name: all of their domains.")
    begins: Moment | None = Field(default=None, alias="from", description="When it begins, in RFC 3339, e.g. `2026-11-29T02:00:00Z`.")
    until: Moment | None = Field(default=None, description="When it ends.")
    every: Annotated[str, BeforeValidator(_weekly)] | None = Field(
        default=None, description="Instead of those two: hours of each week, e.g. `sun 02:00-04:00 UTC` or `mon,tue 23:30-01:00 UTC`."
    )
    why: Text = Field(min_length=1, max_length=1000, description="Why, for those who read the history.")

    @model_validator(mode="after")
    def _is_about_something_at_some_time(self) -> Maintenance:
        if not (self.domains or self.hosts or self.providers):
            raise ValueError("it is about nobody; name domains, hosts or providers")
        if (self.every is None) == (self.begins is None) or (self.begins is None) != (self.until is None):
            raise ValueError("say when: either from and until, or every")
        if self.begins is not None and self.until is not None and self.begins >= self.until:
            raise ValueError("it ends before it begins")
        return self

    def window(self, names: frozenset[str]) -> Window:
        """Return it with the names that it is about."""
        if self.begins is not None and self.until is not None:
            return Window(names, Once(self.begins, self.until), self.why)
        return Window(names, Weekly.of(self.every or ""), self.why)


class WebhookSection(Section):
    """Where notices go, as CloudEvents."""

    name: Text = Field(min_length=1, max_length=100, description="A short name, for the log, and for what still waits to be sent to it.")
    url: Url = Field(description="Where to POST, `https` or `http`; it is never shown.")
    bearer_token_file: File | None = Field(
        default=None,
        description="A file with a token to send along, relative to this one; read each time. Default: none.",
    )
    ca_file: File | None = Field(
        default=None, description="A PEM file of whom to trust instead of the system's roots, relative to this file. Default: those."
    )
    kinds: Annotated[tuple[Kind, ...], Some] = Field(default=KINDS, description="What it is told: all of these, or fewer.")
    per_minute: Count = Field(default=10, ge=1, le=1000, description="Requests within a minute; what is too much at once becomes one summary.")
    timeout: Wait = span("How long one request may take in all.", seconds=10)

    @model_validator(mode="after")
    def _keeps_its_token(self) -> WebhookSection:
        parts = urlsplit(self.url)
        if self.bearer_token_file is not None and parts.scheme == "http" and parts.hostname not in _LOOPBACK:
            raise ValueError("a token is not sent in the clear; write an https URL")
        return self


class Notifications(Section):
    """Who is told of regressions, recoveries and outages, besides Prometheus."""

    webhooks: tuple[WebhookSection, ...] = Field(default=(), description="Where to send them. Default: nowhere.")

    @model_validator(mode="after")
    def _each_name_once(self) -> Notifications:
        names = [webhook.name for webhook in self.webhooks]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two webhooks are called {name!r}")
        return self
