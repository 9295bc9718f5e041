"""A year of watching a thousand endpoints, in a few minutes: are regressions that are told true, and is none missed?

The real ledger runs against a virtual clock, noise and injected losses that follow from a seed; docs/simulation.md describes the model, and
where its numbers come from. Exits with 1 where a goal is missed. Run: python tests/bench/simulation.py [--no-confirmation]
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from simulated.fleet import CYCLE, make_fleet
from simulated.judging import Judgement, judge, percentile
from simulated.losses import OF_ENUMERATIONS, draw_losses
from simulated.running import Simulation
from simulated.weather import DAY, MINUTE, Noise, make_weather

from mailtls.tracking.standing import Confirmation, Event

SOON = CYCLE + 5 * MINUTE
"""Seconds from the first candidate within which a confirmation should come."""


def bar(share: float) -> None:
    """Show how far it has come, on a terminal."""
    if sys.stderr.isatty():
        print(f"\r[{'#' * int(share * 40):40}] {share:6.1%}", end="" if share < 1 else "\n", file=sys.stderr, flush=True)


def table(judgement: Judgement) -> str:
    """Return what became of each kind of loss, a row each."""
    head = f"{'loss':14}{'short':>6}{'told':>5}{'lasting':>8}{'missed':>7}{'hidden':>7}"
    lines = [
        f"{head}   {'confirmed after the candidate':^29}   {'after the loss itself':^21}",
        f"{'':47}   {'median':>9}{'99%':>10}{'longest':>10}   {'median':>10}{'99%':>11}",
    ]
    for kind, verdict in judgement.kinds.items():
        times = verdict.from_candidate
        lines.append(
            f"{kind:14}{verdict.short:6}{verdict.short_told:5}{verdict.lasting:8}{verdict.missed:7}{verdict.hidden:7}   "
            f"{percentile(times, 0.5) / 60:7.1f} m{percentile(times, 0.99) / 60:8.1f} m{max(times, default=float('nan')) / 60:8.1f} m   "
            f"{percentile(verdict.from_onset, 0.5) / 60:8.1f} m{percentile(verdict.from_onset, 0.99) / 60:9.1f} m"
        )
    return "\n".join(lines)


def main() -> int:
    """Run it, print the table, and say whether the goals are met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--endpoints", type=int, default=1000)
    parser.add_argument("--days", type=float, default=365)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--losses", type=int, default=24, help="of each kind")
    parser.add_argument("--mixed", type=int, default=3, help="addresses with two unlike machines behind them")
    parser.add_argument("--no-confirmation", action="store_true", help="believe every sighting at once: shows what confirmation is for")
    parser.add_argument("--no-weather", action="store_true", help="believe what all operators seem to lose at once, too")
    parser.add_argument("--no-skipping", action="store_true", help="take every turn; slow, and the same")
    options = parser.parse_args()
    began, length = time.monotonic(), options.days * DAY
    fleet = make_fleet(options.endpoints, options.seed, mixed=options.mixed)
    weather = make_weather(fleet, Noise(), length, options.seed)
    losses = draw_losses(fleet, options.losses, length, options.seed)
    confirmation = Confirmation()
    if options.no_confirmation:
        confirmation = replace(confirmation, probes=1, cycles=1)
    run = Simulation(fleet, weather, losses, length, options.seed, confirmation=confirmation, skips=not options.no_skipping)
    if options.no_weather:
        run.ledger.faults.sight = replace(run.ledger.faults.sight, operators=1_000_000)
    run.run(bar)
    judgement = judge(run, losses)
    endpoints = len(fleet.addresses)
    print(
        f"{endpoints} endpoints of {len(fleet.hosts)} hosts, {len({host.operator for host in fleet.hosts})} operators and "
        f"{len(fleet.domains)} domains, {options.days:g} days, seed {options.seed}; {len(losses)} losses\n"
        f"{run.done['scans']} scans and {run.done['looks']} looks absorbed, {run.done['revisits']} of the turns were revisits; "
        f"the rest of {int(length / CYCLE) * endpoints} scans changed nothing\n"
    )
    print(table(judgement))
    events = Counter(change.event for change in run.changes)
    quick = [each for kind, verdict in judgement.kinds.items() if kind not in OF_ENUMERATIONS for each in verdict.from_candidate]
    every = [each for verdict in judgement.kinds.values() for each in verdict.from_candidate]
    print(
        f"\ncandidates {events[Event.CANDIDATE]}, dismissed {events[Event.DISMISSED]}, confirmed {events[Event.CONFIRMED]}, "
        f"recovered {events[Event.RECOVERED]}, flapping {events[Event.FLAPPING]}, outages {events[Event.OUTAGE]}\n"
        f"confirmed after the candidate, of what quick probes see: median {percentile(quick, 0.5) / 60:.1f} m, "
        f"99% {percentile(quick, 0.99) / 60:.1f} m"
    )
    goals = {
        f"no false regression: {len(judgement.false)}": not judgement.false,
        f"none missed that lasts: {len(judgement.missed)}": not judgement.missed,
        f"none stays open without cause: {len(judgement.stuck)}": not judgement.stuck,
        f"confirmed within {SOON / 60:g} minutes of the candidate: 99% {percentile(every, 0.99) / 60:.1f} m": percentile(every, 0.99) <= SOON,
    }
    print()
    for goal, met in goals.items():
        print(f"{'met   ' if met else 'MISSED'} {goal}")
    for change in judgement.false[:10]:
        before, after = (each and each.shown for each in (change.before, change.after))
        print(f"  false: {change.at:%Y-%m-%d %H:%M} {change.subject} {change.check}: {before} -> {after}")
    for loss, subject, check in judgement.missed[:10]:
        hours = (loss.span.end - loss.span.start) / 3600
        print(f"  missed: {loss.kind} of {hours:.1f} h from day {loss.span.start / DAY:.3f}: {subject} {check}")
    for subject, check in judgement.stuck[:10]:
        print(f"  open: {subject} {check}")
    print(f"\nin {time.monotonic() - began:.0f} s")
    return 0 if all(goals.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
