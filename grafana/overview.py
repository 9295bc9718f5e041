"""The overview: whether every provider keeps its promise, what was lost, and whether this can be trusted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grafana_foundation_sdk.models import units

from grafana.board import OVERVIEW, add, board
from grafana.colours import FAULT, GOOD, GREEN, GREY, RED, STATE_WORDS, STATES, steps
from grafana.common import DOMAIN_LINK, domains, regression_rows
from grafana.panels import Column, Rows, Sorting, curves, equals, number, of, rows, timeline

if TYPE_CHECKING:
    from grafana_foundation_sdk.builders.dashboard import Dashboard

_ABOUT = {
    "protected": "Domains to which mail goes encrypted, with everything that the verdict asks for.",
    "degraded": "Domains with TLS, and with something that is weaker than it should be.",
    "unprotected": "Domains that were measured, and to which mail goes, or can be made to go, in the clear.",
    "unknown": "Domains that could not be measured. That says nothing good and nothing bad about them.",
    "no-mail": "Domains that say that they take no mail.",
}


def overview() -> Dashboard:
    """Return the dashboard."""
    about = "Is every provider keeping its promise of encrypted delivery, what was lost, and can what is shown be trusted?"
    made = board(OVERVIEW, "Overview", about, ())
    order = ("protected", "degraded", "unprotected", "unknown", "no-mail")
    states = [
        number(
            state.capitalize().replace("-", " "), f"{_ABOUT[state]} A domain that vantages see differently is counted in each state.",
            f"sum(max by (domain) ({of('domain_state', equals('state', state))}))", colours=steps(GREY, (1, STATES[state])),
        )
        for state in order
    ]  # fmt: skip
    lost = number(
        "Open regressions", "Promises that were kept and, confirmed, are not kept any more. Zero is told only while a daemon answers.",
        f"sum(max by (domain, check) ({of('domain_regression')})) or 0 * max({of('build_info')})", colours=steps(GREEN, (1, RED)),
    )  # fmt: skip
    made = add(made, "Now", *states, lost)
    made = add(
        made, "Regressions",
        rows(
            "Open regressions", "What each domain lost, and since when. Those that do not count are seen by a minority of vantages only.",
            regression_rows(), span=14, height=8, missing="none is open",
        ),
        curves(
            "Open regressions by check", "Domains that are without a check which they had.",
            (f"sum by (check) (max by (domain, check) ({of('domain_regression')}))", "{{check}}"), unit=units.Short, span=10,
        ),
    )  # fmt: skip
    made = add(
        made, "States",
        curves(
            "States over time", "How many domains are in each state.",
            (f"sum by (state) (max by (domain, state) ({of('domain_state')}))", "{{state}}"),
            unit=units.Short, stacked=True, colours=STATES, height=12, span=12,
        ),
        rows(
            "Domains", "Every domain with its state; of several vantages the worst counts. The worst come first.",
            Rows(
                (domains(),),
                (Column("domain", "Domain", link=DOMAIN_LINK), Column("provider", "Provider"), Column("A", "State", words=STATE_WORDS)),
                Sorting("State", descending=True),
            ),
            span=12, height=12,
        ),
        curves(
            "Why it is unknown", "MX hosts whose last attempt could not decide, and look-ups that failed, by cause: silence is never a verdict.",
            (f"count by (cause) (max by (mx, family, cause) ({of('mx_inconclusive_info')}))", "{{cause}}"),
            (f"count by (cause) (max by (domain, mx, cause) ({of('domain_inconclusive_info')}))", "look-up: {{cause}}"),
            unit=units.Short, stacked=True, span=24, height=7,
        ),
    )  # fmt: skip
    return add(
        made, "Vantages",
        timeline(
            "Blind", "Whether a vantage cannot measure: then nothing that it sees is held against anybody.",
            f"max by (instance) ({of('vantage_blind')})", "{{instance}}", FAULT, span=8, height=6,
        ),
        timeline(
            "Port 25 reachable", "Whether mail servers can be reached from a vantage at all, in each family; grey where that cannot be told.",
            f"min by (instance, family) ({of('vantage_port25_reachable')})", "{{instance}}, {{family}}", GOOD, span=8, height=6,
        ),
        curves(
            "Age of the last full cycle", "How long ago a vantage had looked at all its domains; what is shown is no younger than that.",
            (f"time() - min by (instance) ({of('cycle_last_success_timestamp_seconds')})", "{{instance}}"),
            (f"max by (instance) ({of('cycle_interval_seconds')})", "{{instance}}, interval"), unit=units.Seconds, span=8, height=6,
        ),
    )  # fmt: skip
