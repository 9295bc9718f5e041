"""Expressions and columns that several dashboards have in common."""

from __future__ import annotations

from grafana_foundation_sdk.models import units

from grafana.board import HOST, PROVIDER
from grafana.colours import GREEN, ORANGE, RED, STATE_NUMBERS, steps
from grafana.panels import Column, Rows, Sorting, equals, of, to

DAY = 86400
DOMAIN_LINK = ("Open this domain", to(PROVIDER, provider="$__all", domain="${__value.raw}"))
HOST_LINK = ("Open this MX host", to(HOST, mx="${__value.raw}"))
LEFT = steps(RED, (3 * DAY, ORANGE), (14 * DAY, GREEN))
"""Colours of the time that a certificate has left, in seconds; the steps are those of the alerts."""


def state_number(*matchers: str) -> str:
    """Return an expression of one number for each domain: its state, of several vantages the worst."""
    each = (f"{value} * (max by (domain) ({of('domain_state', *matchers, equals('state', state))}) == 1)" for state, value in STATE_NUMBERS.items())
    return " or ".join(each)


def starttls(by: str, *matchers: str) -> str:
    """Return an expression of whether STARTTLS works, by these labels: it does not where it is not offered, which has no answer to it."""
    return f"min by ({by}) ({of('mx_starttls_offered', *matchers)}) == 0 or min by ({by}) ({of('mx_starttls_accepted', *matchers)})"


def domains(*matchers: str, provider: str = "") -> str:
    """Return an expression of the state of each domain, with its provider, which can be matched too."""
    info = of("domain_info", *matchers, *((provider,) if provider else ()))
    return f"max by (domain, provider) ({info}) * on (domain) group_left () ({state_number(*matchers)})"


def open_regressions(*matchers: str) -> str:
    """Return an expression of when each open regression of a domain was confirmed, in milliseconds, with where it lies."""
    since = of("regression_confirmed_timestamp_seconds", 'mx=""', *matchers)
    info = of("regression_info", 'mx=""', *matchers)
    labels = "domain, check, attribution, counts"
    return f"1000 * max by (domain, check) ({since}) * on (domain, check) group_right () max by ({labels}) ({info})"


def regression_rows(*matchers: str) -> Rows:
    """Return the rows of a table of open regressions."""
    columns = (
        Column("domain", "Domain", link=DOMAIN_LINK), Column("check", "Check lost"),
        Column("attribution", "Where it lies"), Column("counts", "Counts"), Column("A", "Confirmed", units.DateTimeFromNow),
    )  # fmt: skip
    return Rows((open_regressions(*matchers),), columns, Sorting("Confirmed", descending=True))
