"""One provider: the state of each of its domains over time, how far it meets each policy, what it lost, and where its mail goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grafana_foundation_sdk.models import units

from grafana.board import PROVIDER, add, board
from grafana.colours import BLUE, FAULT, GOOD, GREEN, GREY, OPEN, ORANGE, STATE_WORDS, WANTED, YELLOW, steps
from grafana.common import DOMAIN_LINK, HOST_LINK, domains, regression_rows, starttls, state_number
from grafana.panels import Column, Rows, Sorting, curves, equals, matrix, of, rows, timeline

if TYPE_CHECKING:
    from grafana_foundation_sdk.builders.dashboard import Dashboard

CHOSEN = 'domain=~"$domain"'
_RELATION = f"max by (domain, mx, preference) ({of('domain_mx_info', CHOSEN)})"
_MODES = {"3": ("enforce", GREEN), "2": ("testing", YELLOW), "1": ("none", ORANGE), "0": ("absent", BLUE)}


def _hosts(metric: str, fold: str = "min") -> str:
    """Return an expression of a metric of the hosts, for each domain that leads to them; of two families and several vantages the weakest."""
    return f"{_RELATION} * on (mx) group_left () {fold} by (mx) ({of(metric)})"


def _relation(metric: str) -> str:
    """Return an expression of a metric that a domain and a host have together."""
    return f"{_RELATION} * on (domain, mx) group_left () min by (domain, mx) ({of(metric, CHOSEN)})"


def _mode() -> str:
    """Return an expression of one number for each domain, the mode of its MTA-STS policy."""
    each = (
        f"{number} * (max by (domain) ({of('domain_mta_sts_mode', CHOSEN, equals('mode', word))}) == 1)" for number, (word, _) in _MODES.items()
    )
    return " or ".join(each)


def provider() -> Dashboard:
    """Return the dashboard."""
    about = "How are the domains of one provider, how did they become so, and where does their mail go?"
    made = board(PROVIDER, "Provider", about, ("provider", "domain"))
    made = add(
        made, "States",
        timeline(
            "State of each domain", "The verdict over time; of several vantages the worst. Grey is unknown: nothing could be measured.",
            state_number(CHOSEN), "{{domain}}", STATE_WORDS, span=16, height=10,
        ),
        rows(
            "Now", "The verdict of each domain now; of several vantages the worst.",
            Rows(
                (domains(CHOSEN, provider='provider=~"$provider"'),),
                (Column("provider", "Provider"), Column("domain", "Domain", link=DOMAIN_LINK), Column("A", "State", words=STATE_WORDS)),
                Sorting("State", descending=True),
            ),
            span=8, height=10,
        ),
        matrix(
            "Grades", "Which share of the rules of each policy a domain meets; unknown while the evidence is incomplete.",
            f"min by (domain, policy) ({of('domain_grade', CHOSEN)})", Column("domain", "Domain", link=DOMAIN_LINK), "policy",
            unit=units.PercentUnit, colours=steps(ORANGE, (0.75, YELLOW), (1, GREEN)), span=12,
        ),
        curves(
            "Grades over time", "The share of the rules of each policy that a domain meets; a gap is a time without complete evidence.",
            (f"min by (domain, policy) ({of('domain_grade', CHOSEN)})", "{{domain}}, {{policy}}"), unit=units.PercentUnit, span=12,
        ),
    )  # fmt: skip
    made = add(
        made, "Regressions",
        rows(
            "Open regressions", "What each domain lost, since when, and where that lies.",
            regression_rows(CHOSEN), span=12, missing="none is open",
        ),
        timeline(
            "Regressions over time", "When a check was lost, and when it was as good as before again; that is shown for a day.",
            f"max by (domain, check) ({of('domain_regression', CHOSEN)})", "{{domain}}, {{check}}", OPEN, span=12,
        ),
    )  # fmt: skip
    made = add(
        made, "Where mail goes",
        rows(
            "MX hosts",
            "What each MX host of a domain does; of two families and several vantages the weakest counts. A dash: there is none, or it is unknown.",
            Rows(
                (
                    _RELATION, _hosts("mx_probe_conclusive"),
                    f"{_RELATION} * on (mx) group_left () ({starttls('mx')})", _hosts("mx_forward_secrecy"), _hosts("mx_certificate_trusted"),
                    _hosts("mx_certificate_name_match"), _relation("domain_mx_dane_valid"), _relation("domain_mx_mta_sts_match"),
                ),
                (
                    Column("domain", "Domain", link=DOMAIN_LINK), Column("preference", "Preference", width=100),
                    Column("mx", "MX host", link=HOST_LINK), Column("B", "Could be measured", words={"1": ("yes", GREEN), "0": ("no", GREY)}),
                    Column("C", "STARTTLS works", words=GOOD), Column("D", "Forward secrecy", words=GOOD),
                    Column("E", "Trusted", words=WANTED), Column("F", "Names the host", words=WANTED),
                    Column("G", "DANE vouches", words=GOOD, missing="-"), Column("H", "In MTA-STS policy", words=GOOD, missing="-"),
                ),
                Sorting("Domain"),
            ),
            height=9, missing="unknown",
        ),
        rows(
            "Why it is unknown", "Why the last look-up did not find all mail hosts of a domain, or all addresses of one.",
            Rows(
                (f"max by (domain, mx, stage, cause) ({of('domain_inconclusive_info', CHOSEN)})",),
                (
                    Column("domain", "Domain", link=DOMAIN_LINK), Column("mx", "MX host", link=HOST_LINK),
                    Column("stage", "Stage"), Column("cause", "Cause"),
                ),
            ),
            span=12, height=7, missing="",
        ),
        curves(
            "Changes of MX hosts", "How often the set of a domain's MX hosts changed.",
            (f"sum by (domain) (increase({of('domain_mx_changes_total', CHOSEN)}[$__rate_interval]))", "{{domain}}"),
            unit=units.Short, span=12, height=7,
        ),
    )  # fmt: skip
    declared = Rows(
        (
            _mode(), f"min by (domain) ({of('domain_tls_rpt_present', CHOSEN)})",
            f"1000 * min by (domain) ({of('domain_mta_sts_certificate_not_after_timestamp_seconds', CHOSEN)})",
            f"1000 * max by (domain) ({of('domain_mx_last_change_timestamp_seconds', CHOSEN)})",
        ),
        (
            Column("domain", "Domain", link=DOMAIN_LINK), Column("A", "MTA-STS", words=_MODES), Column("B", "TLS-RPT", words=WANTED),
            Column("C", "Policy host's certificate expires", units.DateTimeFromNow), Column("D", "MX hosts changed", units.DateTimeFromNow),
        ),
        Sorting("Domain"),
    )  # fmt: skip
    return add(
        made, "What it declares",
        rows("Declarations", "What each domain declares in DNS and by its policy host.", declared, span=14, missing=""),
        rows(
            "Faults of MTA-STS", "What keeps a sender from the MTA-STS policy of a domain, as a result type of TLS-RPT.",
            Rows(
                (f"max by (domain, code) ({of('domain_mta_sts_error_info', CHOSEN)})",),
                (Column("domain", "Domain", link=DOMAIN_LINK), Column("code", "Fault"), Column("A", "Holds", words=FAULT)),
            ),
            span=10, missing="none",
        ),
    )  # fmt: skip
