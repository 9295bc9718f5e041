"""Certificates: which expires when, how large its key is, who issued it, and whether it leads to a trust anchor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grafana_foundation_sdk.models import units

from grafana.board import CERTIFICATES, add, board
from grafana.colours import GREEN, ORANGE, RED, WANTED, YELLOW, steps
from grafana.common import DAY, DOMAIN_LINK, HOST_LINK, LEFT
from grafana.panels import Column, Rows, Sorting, curves, equals, number, of, rows

if TYPE_CHECKING:
    from grafana_foundation_sdk.builders.dashboard import Dashboard

CHOSEN = 'mx=~"$mx"'
_EXPIRY = f"min by (mx, family, algorithm) ({of('mx_certificate_not_after_timestamp_seconds', CHOSEN)})"
_INFO = f"max by (mx, family, algorithm, issuer, sha256) ({of('mx_certificate_info', CHOSEN)})"
_POLICY_HOSTS = f"min by (domain) ({of('domain_mta_sts_certificate_not_after_timestamp_seconds')})"


def _with_issuer(expr: str) -> str:
    return f"{expr} * on (mx, family, algorithm) group_right () {_INFO}"


def _of_host(metric: str) -> str:
    return f"{_INFO} * on (mx, family) group_left () min by (mx, family) ({of(metric, CHOSEN)})"


def _none(expr: str) -> str:
    """Return an expression that is zero where there is nothing to count, as long as a daemon answers."""
    return f"{expr} or 0 * max({of('build_info')})"


def certificates() -> Dashboard:
    """Return the dashboard."""
    about = "Which certificate expires when, how large are the keys, who issued them, and would a sender that verifies accept them?"
    made = board(CERTIFICATES, "Certificates", about, ("mx",), since="now-7d")
    rsa = of("mx_certificate_key_size", CHOSEN, equals("algorithm", "RSA"))
    made = add(
        made, "Now",
        number(
            "First to expire", "What the certificate that expires first has left, those included that have expired.",
            f"min({of('mx_certificate_not_after_timestamp_seconds', CHOSEN)}) - time()", unit=units.DurationSeconds, colours=LEFT,
        ),
        number(
            "Within 14 days", "MX hosts with a certificate that expires within 14 days, or has expired.",
            _none(f"count(min by (mx) ({of('mx_certificate_not_after_timestamp_seconds', CHOSEN)}) - time() < {14 * DAY})"),
            colours=steps(GREEN, (1, ORANGE)),
        ),
        number(
            "Not trusted", "MX hosts with a chain that leads to no trust anchor. Opportunistic SMTP tolerates that; DANE makes up for it.",
            _none(f"count(min by (mx) ({of('mx_certificate_trusted', CHOSEN)}) == 0)"), colours=steps(GREEN, (1, YELLOW)),
        ),
        number(
            "Another name", "MX hosts with a certificate that does not name them.",
            _none(f"count(min by (mx) ({of('mx_certificate_name_match', CHOSEN)}) == 0)"), colours=steps(GREEN, (1, YELLOW)),
        ),
        number(
            "Smallest RSA key", "Bits of the smallest RSA key of all certificates.", f"min({rsa})", unit=units.NoUnit,
            colours=steps(RED, (2048, GREEN)), missing="no RSA key",
        ),
        number(
            "MTA-STS policy hosts", "What the policy host's certificate that expires first has left; without one senders get no policy.",
            f"min({_POLICY_HOSTS}) - time()", unit=units.DurationSeconds, colours=LEFT, missing="no policy",
        ),
    )  # fmt: skip
    listed = Rows(
        (
            f"1000 * {_with_issuer(_EXPIRY)}", f"{_with_issuer(_EXPIRY)} - time()",
            _with_issuer(f"min by (mx, family, algorithm) ({of('mx_certificate_key_size', CHOSEN)})"),
            _of_host("mx_certificate_trusted"), _of_host("mx_certificate_name_match"),
        ),
        (
            Column("mx", "MX host", link=HOST_LINK), Column("family", "Family", width=80), Column("A", "Expires", units.DatetimeISO),
            Column("B", "Left", units.DurationSeconds, colours=LEFT), Column("algorithm", "Key", width=80), Column("C", "Bits", width=80),
            Column("D", "Trusted", words=WANTED, width=90), Column("E", "Names the host", words=WANTED, width=130),
            Column("issuer", "Issuer"), Column("sha256", "SHA-256"),
        ),
        Sorting("Left"),
    )  # fmt: skip
    made = add(
        made, "Expiry",
        rows(
            "Certificates of MX hosts", "Each certificate that is served. Of several with a key of one kind, the first to expire is told for all.",
            listed, height=12, missing="",
        ),
        curves(
            "Time left", "What the certificates of each host have left; a renewal is a jump upwards.",
            (f"min by (mx) ({of('mx_certificate_not_after_timestamp_seconds', CHOSEN)}) - time()", "{{mx}}"),
            unit=units.Seconds, span=12, least=None,
        ),
        rows(
            "MTA-STS policy hosts", "When the certificate of the host expires from which senders fetch a domain's policy.",
            Rows(
                (f"1000 * {_POLICY_HOSTS}", f"{_POLICY_HOSTS} - time()"),
                (
                    Column("domain", "Domain", link=DOMAIN_LINK), Column("A", "Expires", units.DatetimeISO),
                    Column("B", "Left", units.DurationSeconds, colours=LEFT),
                ),
                Sorting("Left"),
            ),
            span=12, missing="no policy",
        ),
    )  # fmt: skip
    sizes = f'count_values by (algorithm) ("bits", min by (mx, algorithm) ({of("mx_certificate_key_size", CHOSEN)}))'
    return add(
        made, "Who and what",
        rows(
            "Issuers", "How many MX hosts have a certificate of each issuer, by the name that the certificate gives.",
            Rows(
                (f"count by (issuer) (max by (mx, issuer) ({of('mx_certificate_info', CHOSEN)}))",),
                (Column("issuer", "Issuer"), Column("A", "MX hosts", units.Short)), Sorting("MX hosts", descending=True),
            ),
            span=8,
        ),
        rows(
            "Key sizes", "How many MX hosts have a key of each kind and size, the smallest of each kind.",
            Rows((sizes,), (Column("algorithm", "Key"), Column("bits", "Bits"), Column("A", "MX hosts", units.Short)), Sorting("Key")), span=8,
        ),
        rows(
            "Stapling that was promised", "Hosts with a certificate that demands a stapled OCSP response, and whether it comes with one.",
            Rows(
                (f"min by (mx, family) ({of('mx_must_staple_honoured', CHOSEN)})",),
                (Column("mx", "MX host", link=HOST_LINK), Column("family", "Family"), Column("A", "Stapled", words=WANTED)),
            ),
            span=8, missing="no such certificate",
        ),
    )  # fmt: skip
