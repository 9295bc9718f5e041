"""What a full enumeration of cipher suites and groups costs, mailtls beside sslscan, nmap and sslyze. Asserts nothing; prints a table.

Every contestant is a whole process, and visits the same running server through a relay of its own (``relay.py``), which counts its
connections and puts the server a given round trip away. CPU is that of the process and its children. "missing" are suites that another
contestant found, or that the server's own tools list, at that version; "alone" are those that only this one found. Ratios are to
mailtls: 5.0 means five times what mailtls takes. Root and ``install.sh`` needed, no network.

Run: python tests/bench/enumeration.py [--only SETUP,...] [--tools mailtls,nmap] [--rtt 0,20] [--rounds N] [--json FILE] [--differences]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import statistics
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[1] / "integration"))

from peers import PEERS, Found, PeerError, run_measured
from relay import Relay, round_trip
from servers import free_address
from setups import SETUPS, Setup, set_up

ONCE = Path(__file__).with_name("enumerate_once.py")
TOOLS = ("mailtls", *PEERS)
USUAL = ("postfix-modern", "postfix-wide", "postfix-server-order", "exim-gnutls", "gnutls-serv", "tlslite", "pyopenssl")
SECONDS = 600.0
Pairs = frozenset[tuple[str, str]]
Groups = frozenset[str]


async def mailtls(address: str, port: int, host: str) -> Found:
    """Run the enumeration of mailtls, as ``enumerate_once.py`` has it."""
    if not ONCE.exists():
        raise PeerError(f"{ONCE.name} is not there")
    run = await asyncio.to_thread(run_measured, [sys.executable, str(ONCE), host, address, str(port)], timeout=SECONDS)
    try:
        said = json.loads(run.out)
        suites = {version: frozenset(suites) for version, suites in said["suites"].items() if suites}
        complaints = [f"{version}: {number} suites left open" for version, number in said.get("open", {}).items()]
        complaints += [f"interrupted: {said['interrupted']}"] if said.get("interrupted") else []
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise PeerError(f"status {run.status}, {type(error).__name__} {error}: {run.err.strip()[-300:]}") from error
    return Found(suites, frozenset(said.get("groups") or ()), frozenset(), run.wall, run.cpu, tuple(complaints), run.out)


@dataclass
class Visit:
    """One contestant's turns with one server at one distance."""

    found: Found | None = None
    error: str = ""
    connections: list[int] = field(default_factory=list)
    at_once: int = 0
    octets: int = 0
    walls: list[float] = field(default_factory=list)
    cpus: list[float] = field(default_factory=list)

    @property
    def pairs(self) -> Pairs:
        """What it found, as pairs of version and suite."""
        suites = self.found.suites if self.found else {}
        return frozenset((version, suite) for version, names in suites.items() for suite in names)

    @property
    def wall(self) -> float:
        return statistics.median(self.walls)

    @property
    def cpu(self) -> float:
        return statistics.median(self.cpus)


Visits = dict[str, dict[float, Visit]]


async def visit(setup: Setup, tool: str, rtt: float, into: Visit) -> None:
    """Let a contestant have its turn."""
    run = mailtls if tool == "mailtls" else PEERS[tool]
    with Relay(setup.address, setup.port, listen=free_address(), rtt=rtt) as relay:
        try:
            found = await run(relay.address, relay.port, setup.host)
        except PeerError as error:
            into.error = str(error)
            return
        counts = relay.counts()
    into.found = found
    into.connections.append(counts.connections)
    into.at_once = max(into.at_once, counts.most_at_once)
    into.octets = counts.from_client + counts.from_server
    into.walls.append(found.wall)
    into.cpus.append(found.cpu)


async def warm_up(setup: Setup) -> None:
    """Say hello a few times at once, so that the first contestant does not pay for the server's start."""

    async def hello() -> None:
        reader, writer = await asyncio.open_connection(setup.address, setup.port)
        await reader.readline()
        writer.write(b"QUIT\r\n")
        await reader.read()
        writer.close()

    with contextlib.suppress(OSError):
        await asyncio.gather(*(hello() for _ in range(6)))


async def contest(name: str, tools: list[str], rtts: list[float], rounds: int) -> tuple[Visits, Pairs | None, Groups | None]:
    """Return the visits by tool and distance, what the server's own tools list, and the groups it is known to take."""
    visits = {tool: {rtt: Visit() for rtt in rtts} for tool in tools}
    async with set_up(name) as setup:
        await warm_up(setup)
        for _ in range(rounds):
            for rtt in rtts:
                for tool in tools:
                    await visit(setup, tool, rtt / 1000, visits[tool][rtt])
                    print(".", end="", file=sys.stderr, flush=True)
        listed = setup.expected()
    expected = None if listed is None else frozenset((version, suite) for version, suites in listed.items() for suite in suites)
    return visits, expected, setup.groups


def make_table(rtts: list[float]) -> Table:
    table = Table(title="Full enumeration of cipher suites and groups, each contestant a whole process", header_style="bold")
    table.add_column("set-up")
    table.add_column("tool")
    heads = ["connections", "at once", "kB", *(f"wall s, {rtt:g} ms" for rtt in rtts), "CPU s", "suites", "missing", "alone", "groups"]
    for head in [*heads, "× conn.", *(f"× wall, {rtt:g} ms" for rtt in rtts), "× CPU"]:
        table.add_column(head, justify="right")
    return table


def span(values: list[int]) -> str:
    return f"{min(values)}" if min(values) == max(values) else f"{min(values)}..{max(values)}"


def add_rows(table: Table, name: str, visits: Visits, expected: Pairs | None, rtts: list[float]) -> None:
    """Write a set-up's rows."""
    found = {tool: frozenset().union(*(visit.pairs for visit in each.values())) for tool, each in visits.items()}
    union = frozenset().union(*found.values(), expected or ())
    base = visits.get("mailtls")
    if base and any(visit.found is None for visit in base.values()):
        base = None
    label = f"{name} ({len(expected) if expected is not None else '?'})"
    for tool, each in visits.items():
        if any(visit.found is None for visit in each.values()):
            table.add_row(label, tool, "[red]failed[/]")
            label = ""
            continue
        others = frozenset().union(*(pairs for other, pairs in found.items() if other != tool))
        cells = [
            span([count for visit in each.values() for count in visit.connections]),
            str(max(visit.at_once for visit in each.values())),
            f"{max(visit.octets for visit in each.values()) / 1000:.0f}",
            *(f"{each[rtt].wall:.2f}" for rtt in rtts),
            f"{statistics.mean(visit.cpu for visit in each.values()):.2f}",
            span([len(visit.pairs) for visit in each.values()]),
            str(len(union) - min(len(visit.pairs & union) for visit in each.values())),
            str(len(found[tool] - others)),
            _groups(each),
        ]
        if base:
            cells.append(f"{_connections(each) / _connections(base):.1f}")
            cells += [f"{each[rtt].wall / base[rtt].wall:.1f}" for rtt in rtts]
            cells.append(f"{sum(v.cpu for v in each.values()) / sum(v.cpu for v in base.values()):.1f}")
        table.add_row(label, tool, *cells)
        label = ""
    table.add_section()


def _connections(each: dict[float, Visit]) -> float:
    return statistics.mean(count for visit in each.values() for count in visit.connections)


def _groups(each: dict[float, Visit]) -> str:
    counts = [len(visit.found.groups) for visit in each.values() if visit.found and visit.found.groups is not None]
    return span(counts) if counts else "-"


def differences(name: str, visits: Visits, expected: Pairs | None, groups: Groups | None) -> list[str]:
    """Say in words who found what others did not, and what a contestant said that it could not find out."""
    found = {f"{tool} at {rtt:g} ms": visit for tool, each in visits.items() for rtt, visit in each.items() if visit.found}
    union = frozenset().union(*(visit.pairs for visit in found.values()), expected or ())
    known_groups = frozenset().union(*(visit.found.groups or () for visit in found.values()), groups or ())
    lines = []
    for who, visit in found.items():
        for what, some in (("misses", union - visit.pairs), ("finds beyond the server's own list", visit.pairs - (expected or union))):
            for version in sorted({version for version, _ in some}):
                suites = sorted(suite for of, suite in some if of == version)
                shown = ", ".join(suites[:12]) + (f" and {len(suites) - 12} more" if len(suites) > 12 else "")
                lines.append(f"{name}: {who} {what} {version}: {shown}")
        if visit.found.groups is not None and known_groups - visit.found.groups:
            lines.append(f"{name}: {who} misses groups: {', '.join(sorted(known_groups - visit.found.groups))}")
        if groups is not None and visit.found.groups is not None and visit.found.groups - groups:
            lines.append(f"{name}: {who} finds groups beyond those configured: {', '.join(sorted(visit.found.groups - groups))}")
        lines += [f"{name}: {who} says: {complaint}" for complaint in visit.found.complaints]
    return lines


def failures(name: str, visits: Visits) -> list[str]:
    return [f"{name}: {tool} at {rtt:g} ms: {visit.error}" for tool, each in visits.items() for rtt, visit in each.items() if visit.error]


def as_record(name: str, visits: Visits, expected: Pairs | None) -> list[dict]:
    records = []
    for tool, each in visits.items():
        for rtt, visit in each.items():
            numbers = {key: value for key, value in asdict(visit).items() if key != "found"}
            suites = sorted(" ".join(pair) for pair in visit.pairs)
            groups = sorted(visit.found.groups) if visit.found and visit.found.groups is not None else None
            missing = sorted(" ".join(pair) for pair in (expected or frozenset()) - visit.pairs)
            records.append({"setup": name, "tool": tool, "rtt_ms": rtt, **numbers, "suites": suites, "groups": groups, "not_of_expected": missing})
    return records


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--only", default=",".join(USUAL), help=f"set-ups, by comma, or all: {', '.join(SETUPS)}")
    arguments.add_argument("--tools", default=",".join(TOOLS), help="contestants, by comma")
    arguments.add_argument("--rtt", default="0,20", help="round trips in ms, by comma")
    arguments.add_argument("--rounds", type=int, default=1, help="turns of each; times are medians")
    arguments.add_argument("--json", type=Path, help="write all that was found to this file")
    arguments.add_argument("--differences", action="store_true", help="say which suites and groups a contestant misses")
    wanted = arguments.parse_args()
    setups = list(SETUPS) if wanted.only == "all" else wanted.only.split(",")
    tools = wanted.tools.split(",")
    rtts = [float(rtt) for rtt in wanted.rtt.split(",")]
    for given, known in ((setups, SETUPS), (tools, TOOLS)):
        if unknown := set(given) - set(known):
            arguments.error(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    console = Console(width=None if sys.stdout.isatty() else 190)
    table = make_table(rtts)
    failed: list[str] = []
    different: list[str] = []
    records: list[dict] = []
    for name in setups:
        visits, expected, groups = asyncio.run(contest(name, tools, rtts, wanted.rounds))
        add_rows(table, name, visits, expected, rtts)
        failed += failures(name, visits)
        different += differences(name, visits, expected, groups)
        records += as_record(name, visits, expected)
    print(file=sys.stderr)
    console.print(table)
    console.print("In brackets: how many suites, over all versions, the server's own tools list. kB: octets on the wire both ways, at most.")
    for rtt in rtts:
        greeting, exchange = round_trip(rtt / 1000)
        console.print(f"The relay at {rtt:g} ms: greeting after {greeting * 1000:.1f} ms, a question and its answer {exchange * 1000:.1f} ms.")
    for line in (*failed, *(different if wanted.differences else ())):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    if wanted.json:
        wanted.json.write_text(json.dumps(records, indent=1))


if __name__ == "__main__":
    main()
