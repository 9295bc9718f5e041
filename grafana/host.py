"""One MX host: what it does in each address family, whether it can be measured, and why not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grafana_foundation_sdk.models import units

from grafana.board import HOST, add, board
from grafana.colours import GOOD, GREEN, GREY, ORANGE, RED, WANTED, YELLOW, Words, steps
from grafana.common import DOMAIN_LINK, HOST_LINK, LEFT, starttls
from grafana.panels import Column, Rows, Sorting, curves, equals, matrix, of, rows, timeline

if TYPE_CHECKING:
    from grafana_foundation_sdk.builders.dashboard import Dashboard

CHOSEN = 'mx=~"$mx"'
_PLACE = (Column("mx", "MX host", link=HOST_LINK), Column("family", "Family", width=80))
_LEGEND = "{{mx}}, {{family}}"
_MEASURED: Words = {"1": ("yes", GREEN), "0": ("no", GREY)}
_BROKEN: Words = {"1": ("spoken", RED), "0": ("no", GREEN)}
_OLD: Words = {"1": ("spoken", ORANGE), "0": ("no", GREEN)}
_MODERN: Words = {"1": ("spoken", GREEN), "0": ("no", YELLOW)}
_VERSIONS = {
    "SSLv2": _BROKEN, "SSLv3": _BROKEN, "TLSv1.0": _OLD, "TLSv1.1": _OLD, "TLSv1.2": _MODERN, "TLSv1.3": _MODERN,
}  # fmt: skip


def _each(metric: str, fold: str = "min") -> str:
    """Return an expression of a metric for each host and family; of several vantages the weakest."""
    return f"{fold} by (mx, family) ({of(metric, CHOSEN)})"


def host() -> Dashboard:
    """Return the dashboard."""
    made = board(HOST, "MX host", "What does an MX host do in each address family, since when, and can it be measured?", ("mx",))
    facts = Rows(
        (
            _each("mx_starttls_offered"), starttls("mx, family", CHOSEN), _each("mx_forward_secrecy"), _each("mx_post_quantum"),
            _each("mx_certificate_trusted"), _each("mx_certificate_name_match"), _each("mx_dh_key_size"),
            f"min by (mx, family) ({of('mx_certificate_key_size', CHOSEN, equals('algorithm', 'RSA'))})",
            f"min by (mx, family) ({of('mx_certificate_not_after_timestamp_seconds', CHOSEN)}) - time()",
        ),
        (
            *_PLACE, Column("A", "STARTTLS offered", words=GOOD), Column("B", "STARTTLS works", words=GOOD),
            Column("C", "Forward secrecy", words=GOOD), Column("D", "Post-quantum", words=WANTED), Column("E", "Trusted", words=WANTED),
            Column("F", "Names the host", words=WANTED), Column("G", "DH", units.NoUnit, colours=steps(RED, (2048, GREEN))),
            Column("H", "RSA key", units.NoUnit, colours=steps(RED, (2048, GREEN))),
            Column("I", "Certificate left", units.DurationSeconds, colours=LEFT),
        ),
        Sorting("MX host"),
    )  # fmt: skip
    made = add(
        made, "Now",
        rows(
            "What it does",
            "What was measured last, the weakest of all addresses and vantages. An empty cell could not be measured. Sizes are in bits.",
            facts, height=9, missing="",
        ),
        rows(
            "What is negotiated", "What a client with a modern offer gets, at each address that was measured.",
            Rows(
                (f"max by (mx, family, version, cipher_suite, group) ({of('mx_tls_info', CHOSEN)})",),
                (*_PLACE, Column("version", "Version"), Column("cipher_suite", "Cipher suite"), Column("group", "Group")), Sorting("MX host"),
            ),
            span=12,
        ),
        matrix(
            "Versions", "Which versions of TLS and SSL are spoken: of the old ones at any address, of TLS 1.2 and 1.3 at all of them.",
            f'label_join(max by (mx, family, version) ({of("mx_tls_version_accepted", CHOSEN)}), "host", ", ", "mx", "family")',
            Column("host", "MX host"), "version", unit=units.NoUnit, colours=steps(GREY), of_columns=_VERSIONS, span=12,
        ),
    )  # fmt: skip
    made = add(
        made, "Over time",
        timeline(
            "STARTTLS works",
            "Whether STARTTLS is offered, and answered with 220, at every address; grey or a gap is a time without a measurement.",
            starttls("mx, family", CHOSEN), _LEGEND, GOOD, span=12, height=10,
        ),
        timeline(
            "Could be measured", "Whether the last attempt at every address could decide. A no says nothing about the host's TLS.",
            _each("mx_probe_conclusive"), _LEGEND, _MEASURED, span=12, height=10,
        ),
        curves(
            "Age of what is known", "How long ago a visit last could decide, at the address where that is longest ago.",
            (f"time() - {_each('mx_last_conclusive_timestamp_seconds')}", _LEGEND), unit=units.Seconds, span=12,
        ),
        curves(
            "Addresses", "How many addresses a host has, and at how many of them the last attempt could not decide.",
            (_each("mx_addresses", "max"), f"{_LEGEND}, all"), (_each("mx_addresses_failing", "max"), f"{_LEGEND}, not measurable"),
            unit=units.Short, span=12,
        ),
    )  # fmt: skip
    causes = f"max by (mx, family, stage, cause) ({of('mx_inconclusive_info', CHOSEN)})"
    made = add(
        made, "Why it is unknown",
        rows(
            "Causes now", "Why the last attempt could not decide, when that was, and when one last could.",
            Rows(
                (
                    causes,
                    f"{causes} * on (mx, family) group_left () (1000 * {_each('mx_last_attempt_timestamp_seconds')})",
                    f"{causes} * on (mx, family) group_left () (1000 * {_each('mx_last_conclusive_timestamp_seconds')})",
                ),
                (
                    *_PLACE, Column("stage", "Stage"), Column("cause", "Cause"), Column("B", "Last tried", units.DateTimeFromNow),
                    Column("C", "Last measured", units.DateTimeFromNow),
                ),
            ),
            span=14, missing="never",
        ),
        curves(
            "Causes over time", "How many of the hosts could not be measured, by stage and cause.",
            (f"count by (stage, cause) (max by (mx, family, stage, cause) ({of('mx_inconclusive_info', CHOSEN)}))", "{{stage}}: {{cause}}"),
            unit=units.Short, stacked=True, span=10,
        ),
    )  # fmt: skip
    labels = "mx, family, check, attribution, counts"
    lost = (
        f"1000 * max by (mx, family, check) ({of('regression_confirmed_timestamp_seconds', CHOSEN)}) "
        f"* on (mx, family, check) group_right () max by ({labels}) ({of('regression_info', CHOSEN)})"
    )
    return add(
        made, "Promises",
        rows(
            "Open regressions", "What the host, or one of its addresses, lost, and since when.",
            Rows(
                (lost,),
                (
                    *_PLACE, Column("check", "Check lost"), Column("attribution", "Where it lies"), Column("counts", "Counts"),
                    Column("A", "Confirmed", units.DateTimeFromNow),
                ),
            ),
            span=12, missing="none is open",
        ),
        rows(
            "Domains that lead here", "The domains that name the host, and whether DANE and their MTA-STS policies vouch for it.",
            Rows(
                (
                    f"max by (domain, mx) ({of('domain_mx_info', CHOSEN)})", f"min by (domain, mx) ({of('domain_mx_dane_valid', CHOSEN)})",
                    f"min by (domain, mx) ({of('domain_mx_mta_sts_match', CHOSEN)})",
                    f"max by (domain, mx) ({of('domain_mx_info', CHOSEN)}) * on (mx) group_left () max by (mx) ({of('mx_tlsa_records', CHOSEN)})",
                ),
                (
                    Column("mx", "MX host"), Column("domain", "Domain", link=DOMAIN_LINK), Column("B", "DANE vouches", words=GOOD, missing="-"),
                    Column("D", "TLSA records"), Column("C", "In MTA-STS policy", words=GOOD, missing="-"),
                ),
                Sorting("MX host"),
            ),
            span=12, missing="",
        ),
    )  # fmt: skip
