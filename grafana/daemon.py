"""The daemon itself: whether it keeps up, what ends its visits, what it remembers and tells, and what its vantage is worth."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grafana_foundation_sdk.models import units

from grafana.board import DAEMON, add, board
from grafana.colours import FAULT, GOOD, GREEN, ORANGE, RED, WANTED, Words, steps
from grafana.panels import SCOPE, Column, Rows, Sorting, curves, equals, number, of, rows, timeline

if TYPE_CHECKING:
    from grafana_foundation_sdk.builders.dashboard import Dashboard

_UP: Words = {"1": ("up", GREEN), "0": ("down", RED)}
_ANSWERS = f"up{{{SCOPE}}}"


def _rate(metric: str, *by: str) -> str:
    return f"sum by ({', '.join(by)}) (rate({of(metric)}[$__rate_interval]))"


def _rises(metric: str) -> str:
    return f"sum(increase({of(metric)}[$__range]))"


def daemon() -> Dashboard:
    """Return the dashboard."""
    made = board(DAEMON, "Daemon", "Does mailtls itself keep up, does it measure well, and can its vantage be trusted?", ())
    phases = of("probe_phase_duration_seconds_bucket")
    late = f"max((time() - {_age_of()}) / {_interval()})"
    build, loaded = f"max by (instance, version, python) ({of('build_info')})", of("config_last_reload_success_timestamp_seconds")
    made = add(
        made, "Now",
        number("Daemons up", "How many of the daemons answer Prometheus.", f"sum({_ANSWERS})", colours=steps(RED, (1, GREEN)), missing="none"),
        number(
            "Late by", "By how much the last look at a domain came late, at the daemon that is latest.", f"max({of('scheduler_lag_seconds')})",
            unit=units.Seconds, colours=steps(GREEN, (60, ORANGE), (600, RED)),
        ),
        number(
            "Cycles since all were seen", "How many intervals have passed since every domain was looked at, at the daemon where it is the most.",
            late, unit=units.Short, colours=steps(GREEN, (2, ORANGE), (3, RED)), missing="no cycle yet",
        ),
        number(
            "Store errors", "Times that what is remembered could not be read or written, in the time shown.", _rises("store_errors_total"),
            colours=steps(GREEN, (1, RED)),
        ),
        number(
            "Notices given up", "Notices of which a webhook could not be told at all, in the time shown.",
            f"sum(increase({of('notifications_total', equals('outcome', 'given-up'))}[$__range]))", colours=steps(GREEN, (1, RED)),
        ),
        number(
            "Left out of the page", "Samples left out of the page of metrics because of the cap on series.", f"max({of('series_dropped')})",
            colours=steps(GREEN, (1, RED)),
        ),
    )  # fmt: skip
    made = add(
        made, "Keeping up",
        curves(
            "Lag", "By how much the last look at a domain came late.", (f"max by (instance) ({of('scheduler_lag_seconds')})", "{{instance}}"),
            unit=units.Seconds, span=8,
        ),
        curves(
            "Age of the last full cycle", "How long ago every domain had been looked at, beside the interval in which that should happen.",
            (f"time() - {_age_of()}", "{{instance}}"), (_interval(), "{{instance}}, interval"), unit=units.Seconds, span=8,
        ),
        curves(
            "Visits under way", "How many mail servers are being visited at a time.",
            (f"max by (instance) ({of('probes_in_flight')})", "{{instance}}"), unit=units.Short, span=8,
        ),
        curves(
            "Visits and raw hellos", "How many connections are made to mail servers: visits, and single hellos by what came of them.",
            (_rate("probes_total", "instance"), "{{instance}}, visits"),
            (_rate("hellos_total", "instance", "answer"), "{{instance}}, hellos {{answer}}"),
            unit=units.CountsPerSecond, span=12,
        ),
        curves(
            "Traffic", "Octets that all visits send and receive in a second.",
            (_rate("probe_octets_total", "instance", "direction"), "{{instance}}, {{direction}}"),
            unit=units.BytesPerSecondSI, span=12,
        ),
    )  # fmt: skip
    made = add(
        made, "How visits go",
        curves(
            "Ended early, by stage", "Visits and raw hellos that could not go on, by where they ended.",
            (_rate("probe_failures_total", "stage"), "{{stage}}"), unit=units.CountsPerSecond, stacked=True, span=8,
        ),
        curves(
            "Ended early, by cause", "Visits and raw hellos that could not go on, by what kept them from it.",
            (f"{_rate('probe_failures_total', 'cause')} > 0", "{{cause}}"), unit=units.CountsPerSecond, stacked=True, span=8,
        ),
        curves(
            "Duration of a step, 95th percentile", "How long the slowest twentieth of each step of a visit takes at least.",
            (f"histogram_quantile(0.95, sum by (le, phase) (rate({phases}[$__rate_interval])))", "{{phase}}"), unit=units.Seconds, span=8,
        ),
    )  # fmt: skip
    blocked = f"sum by (operator) (increase({of('operator_visits_blocked_total')}[$__range]))"
    made = add(
        made, "Vantage",
        timeline(
            "Port 25 reachable", "Whether mail servers can be reached at all, in each family; grey where that cannot be told.",
            f"min by (instance, family) ({of('vantage_port25_reachable')})", "{{instance}}, {{family}}", GOOD, span=8, height=7,
        ),
        timeline(
            "Blind", "Whether the vantage cannot measure: then nothing that it sees is held against anybody.",
            f"max by (instance) ({of('vantage_blind')})", "{{instance}}", FAULT, span=8, height=7,
        ),
        timeline(
            "Resolver validates", "Whether the resolver vouches by DNSSEC for the root zone; without that DANE cannot be measured.",
            f"min by (instance) ({of('resolver_validates')})", "{{instance}}", WANTED, span=8, height=7,
        ),
        curves(
            "Clock", "Our clock minus that of MTA-STS policy hosts; nothing is shown while too few of them have answered.",
            (f"max by (instance) ({of('clock_skew_seconds')})", "{{instance}}"), unit=units.Seconds, span=8, height=7, least=None,
        ),
        rows(
            "Operators that turn us away", "Connections to an operator in the time shown, and those of them that it turned away.",
            Rows(
                (f"{blocked} > 0", f"sum by (operator) (increase({of('operator_visits_total')}[$__range])) and on (operator) {blocked} > 0"),
                (
                    Column("operator", "Operator"), Column("A", "Turned away", units.Short, decimals=0),
                    Column("B", "Connections", units.Short, decimals=0),
                ),
                Sorting("Turned away", descending=True),
            ),
            span=8, height=7, missing="none does",
        ),
        rows(
            "Held back as a fault of the vantage", "Operators that seem to have lost a check all at once: look at this vantage first.",
            Rows(
                (f"max by (instance, check) ({of('vantage_suspect')})",),
                (Column("instance", "Instance"), Column("check", "Check"), Column("A", "Operators", units.Short)),
                Sorting("Operators", descending=True),
            ),
            span=8, height=7, missing="nothing",
        ),
    )  # fmt: skip
    return add(
        made, "Remembering and telling",
        curves(
            "Store errors", "Times that what is remembered could not be read or written.",
            (_rate("store_errors_total", "instance"), "{{instance}}"), unit=units.CountsPerSecond, span=8,
        ),
        curves(
            "Notices", "Trials of telling a webhook by what came of them, and notices that wait.",
            (_rate("notifications_total", "outcome"), "{{outcome}}"), (f"max({of('notifications_pending')})", "waiting"),
            unit=units.Short, span=8,
        ),
        rows(
            "What runs", "The version of each daemon, whether its configuration could be loaded, and since when it has it.",
            Rows(
                (
                    build, f"{build} * on (instance) group_left () min by (instance) ({of('config_last_reload_successful')})",
                    f"{build} * on (instance) group_left () (1000 * min by (instance) ({loaded}))",
                ),
                (
                    Column("instance", "Instance"), Column("version", "Version"), Column("python", "Python"),
                    Column("B", "Configuration loaded", words=GOOD), Column("C", "Loaded", units.DateTimeFromNow),
                ),
            ),
            span=8,
        ),
        curves(
            "Samples on the page", "Samples about domains and MX hosts on the page of metrics, and the cap on them.",
            (f"max by (instance) ({of('series')})", "{{instance}}"), (f"max by (instance) ({of('series_limit')})", "{{instance}}, cap"),
            unit=units.Short, span=12, height=6,
        ),
        timeline(
            "Up", "Whether the daemon answers Prometheus; grey or a gap says that Prometheus did not ask.",
            f"max by (instance) ({_ANSWERS})", "{{instance}}", _UP, span=12, height=6,
        ),
    )  # fmt: skip


def _age_of() -> str:
    return f"min by (instance) ({of('cycle_last_success_timestamp_seconds')})"


def _interval() -> str:
    return f"max by (instance) ({of('cycle_interval_seconds')})"
