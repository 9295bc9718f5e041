"""Four processes as three vantages, on one PostgreSQL, against the lab: the work is shared, and neither a killed process nor a database that
is started again is noticed for long."""

import asyncio
import itertools
import signal
import statistics
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psycopg
from processes import PROCESSES, VANTAGE_OF, Process, Timeline, until
from servers import PostgreSQL

from mailtls.lab import Behaviour, Delay, Lab, MailServer
from mailtls.lab.mailserver import Visit

INTERVAL = 6.0
PACE = 0.1
PER_OPERATOR = 2
LONGEST_SILENCE = 3.0
"""Seconds after which a process counts as dead, at this interval."""
TAKEN_OVER_WITHIN = LONGEST_SILENCE + 5.0
"""Seconds from the death of a process to the end of its work by another, on a machine that has time: silence, a second to notice it, and the
work itself. What a busy machine adds, it adds for those vantages too where nobody died."""
ONE_SCAN = 2.0
"""Visits that follow each other within so many seconds are of one scan."""
CROWD = 8
"""Addresses of one operator, which answers slowly enough for visits to be seen together."""
SLOW = 0.4
"""Seconds before its greeting."""
LATE = 0.15
"""Seconds by which the lab may notice late that a visit has ended."""
LAB = ("solid", "expired", "no-starttls", "ratelimited")

Visits = dict[tuple[str, str], list[Visit]]


@asynccontextmanager
async def world() -> AsyncIterator[tuple[Lab, dict[str, MailServer]]]:
    """Run the lab, and one operator more, who has many addresses."""
    async with await Lab.start() as lab:
        crowd = {}
        try:
            for number in range(1, CROWD + 1):
                host, address = f"mx{number}.crowd.example", f"127.21.0.{number}"
                behaviour = Behaviour(hostname=host, tls=None, greeting=(Delay(SLOW), f"220 {host} ESMTP\r\n".encode()))
                crowd[host] = await MailServer.start(address, lab.port, behaviour)
                lab.nameserver.records[f"in{number}.example", "MX"] = [f"10 {host}."]
                lab.nameserver.records[host, "A"] = [address]
            yield lab, crowd
        finally:
            await asyncio.gather(*(server.stop() for server in crowd.values()))


def settings_of(lab: Lab, url: str) -> dict[str, Any]:
    settings: Any = lab.configuration()
    settings["schedule"] = {"interval": f"{INTERVAL}s", "enumeration_interval": "10m", "jitter": "10%"}
    settings["limits"] = settings["limits"] | {"pace": f"{PACE}s", "per_operator": PER_OPERATOR}
    settings["storage"] = {"url": url}
    known = [provider for provider in settings["providers"] if provider["name"] in LAB]
    settings["providers"] = [*known, {"name": "crowd", "domains": [f"in{number}.example" for number in range(1, CROWD + 1)]}]
    return settings


def visits_of(servers: dict[str, MailServer]) -> Visits:
    """Return the visits of each vantage to each host, in order."""
    found: Visits = defaultdict(list)
    for host, server in servers.items():
        for visit in server.visits:
            found[VANTAGE_OF[visit.source], host].append(visit)
    return found


def scans_of(visits: list[Visit]) -> list[list[Visit]]:
    """Put visits that follow each other closely together."""
    scans: list[list[Visit]] = []
    for visit in visits:
        if scans and visit.began - (scans[-1][-1].ended or scans[-1][-1].began) < ONE_SCAN:
            scans[-1].append(visit)
        else:
            scans.append([visit])
    return scans


def most_at_once(visits: Iterable[Visit]) -> int:
    """Return how many visits there were at most at one time."""
    moments = sorted(moment for v in visits for moment in ((v.began, 1), (max(v.began, (v.ended or time.monotonic()) - LATE), -1)))
    return max(itertools.accumulate(step for _when, step in moments))


async def test_four_processes_as_three_vantages_one_killed_in_the_middle_and_postgresql_started_again(
    tmp_path: Path, processes: list[Process]
) -> None:
    async with PostgreSQL() as database, world() as (lab, crowd):
        url = database.fresh_database()
        servers = {f"mx.{name}.example": lab.server(f"mx.{name}.example") for name in LAB} | crowd
        processes += [Process(name, tmp_path, settings_of(lab, url)) for name in PROCESSES]
        one, two, *others = processes
        time_line = Timeline()
        await asyncio.gather(*(process.start() for process in processes))
        time_line.note("four processes serve")
        domains = {domain for provider in settings_of(lab, url)["providers"] for domain in provider["domains"]}

        async def all_know_everything() -> bool:
            shown = [await process.verdicts() for process in processes]
            measured = domains - {"ratelimited.example"}
            return all(
                each.keys() == domains and "unknown" not in {each[domain] for domain in measured} for each in shown
            ) and shown[0] == shown[1]

        await until("every process shows every domain, whoever measured it", all_know_everything, pause=1.0)
        time_line.note("every process shows every domain, the two of alpha the same")

        lags: list[float] = []
        with psycopg.connect(url) as connection:
            first = connection.execute("SELECT last_value FROM procrastinate_jobs_id_seq").fetchone()
            assert first is not None
        steady = time.monotonic()
        while time.monotonic() < steady + 1.5 * INTERVAL:
            lags += [await process.lag() for process in processes]
            await asyncio.sleep(0.5)
        with psycopg.connect(url) as connection:
            second = connection.execute("SELECT last_value FROM procrastinate_jobs_id_seq").fetchone()
            assert second is not None
        rate = (second[0] - first[0]) / (time.monotonic() - steady)
        time_line.note(f"{rate:.0f} jobs a second; from due to begun {statistics.median(lags):.2f} s in the middle, {max(lags):.2f} s at most")
        lately = [visit.source for server in servers.values() for visit in server.visits if visit.began > steady]
        share = [lately.count(one.source), lately.count(two.source)]
        time_line.note(f"visits of the two processes of alpha in this time: {share[0]} and {share[1]}")
        assert min(share) > 0.15 * sum(share)

        def in_the_middle() -> set[str]:  # it waits for a greeting that is sent later than that
            young = time.monotonic() - SLOW / 2
            begun = [(host, visit) for host, server in crowd.items() for visit in server.visits if visit.began > young]
            return {host for host, visit in begun if visit.source == one.source and visit.ended is None}

        async def is_in_the_middle() -> bool:
            return bool(in_the_middle())

        await until("the first process of alpha visits the crowd", is_in_the_middle)
        killed, visited = time.monotonic(), in_the_middle()
        assert await one.end(signal.SIGKILL) == -signal.SIGKILL
        time_line.note(f"alpha 1 is killed while it visits {', '.join(sorted(visited))}")

        async def is_taken_over() -> bool:
            return all(any(v.source == two.source and v.began > killed for v in servers[host].visits) for host in visited)

        took = await until("alpha 2 has taken over", is_taken_over)
        assert "took over" in two.log()
        time_line.note(f"alpha 2 visits all of these, {took:.1f} s after the death")
        await asyncio.sleep(1.5 * INTERVAL)

        await database.stop()
        stopped = time.monotonic()
        time_line.note("PostgreSQL is stopped")
        await asyncio.sleep(2)
        await database.start()
        back = time.monotonic()
        time_line.note("PostgreSQL is there again")
        alive = (two, *others)

        async def all_visit_again() -> bool:
            return all(any(v.source == p.source and v.began > back for server in servers.values() for v in server.visits) for p in alive)

        recovered = await until("everybody works again", all_visit_again)
        time_line.note(f"all three vantages visit again, {recovered:.1f} s after it came back")
        await asyncio.sleep(1.5 * INTERVAL)
        assert [await process.end(signal.SIGTERM) for process in alive] == [0, 0, 0]
        time_line.note("ended in order")
        ended = time.monotonic()
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT count(*) FROM procrastinate_jobs WHERE status = 'doing'").fetchone() == (0,)

        gaps: dict[str, list[float]] = defaultdict(list)
        too_soon = []
        disturbed = [(killed - ONE_SCAN, killed + 2 * INTERVAL, ("alpha",)), (stopped - ONE_SCAN, back + 2 * INTERVAL, ("alpha", "beta", "gamma"))]
        for (vantage, host), visits in visits_of(servers).items():
            if host == "mx.ratelimited.example":
                continue
            scans = scans_of(visits)
            for before, after in itertools.pairwise(scans):
                gap = after[0].began - before[0].began
                gaps[vantage].append(gap)
                excused = any(begin < after[0].began < end and vantage in whom for begin, end, whom in disturbed)
                if gap < 0.7 * INTERVAL - 0.5 and not excused:  # half a second for a scan that begins, and waits for its turn
                    too_soon.append((vantage, host, gap))
            gaps[vantage].append(ended - scans[-1][0].began)
        for vantage, found in sorted(gaps.items()):
            time_line.note(f"{vantage}: from scan to scan {statistics.median(found):.1f} s in the middle, {max(found):.1f} s at most")
        assert too_soon == []
        assert max(gaps["alpha"]) < max(gaps["beta"] + gaps["gamma"]) + TAKEN_OVER_WITHIN
        for moment, whom in ((killed, ("beta", "gamma")), (back, ("alpha", "beta", "gamma"))):
            seen = {key for key, visits in visits_of(servers).items() if any(visit.began > moment for visit in visits)}
            missed = {(vantage, host) for vantage in whom for host in servers} - seen
            assert {host for _vantage, host in missed} <= {"mx.ratelimited.example"}

        crowded: dict[str, list[Visit]] = defaultdict(list)
        for (vantage, host), visits in visits_of(servers).items():
            if host in crowd:
                crowded[vantage] += visits
        for vantage, visits in sorted(crowded.items()):
            starts = sorted(visit.began for visit in visits)
            nearest = [later - earlier for earlier, later in itertools.pairwise(starts)]
            time_line.note(
                f"{vantage} at its busiest operator: {len(visits)} visits, at most {most_at_once(visits)} at once, "
                f"a tenth of the gaps below {statistics.quantiles(nearest, n=10)[0]:.3f} s"
            )
            assert most_at_once(visits) <= PER_OPERATOR
        limited = {vantage: len(visits) for (vantage, host), visits in visits_of(servers).items() if host == "mx.ratelimited.example"}
        time_line.note(f"visits to the one who asked us to stay away: {limited}")
        assert limited["alpha"] <= max(limited["beta"], limited["gamma"]) + 1


