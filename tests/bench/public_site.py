"""What the public site costs: octets and time to make of each kind of page, and requests a second beside the same server's bare "hello".

A publication of so many made-up domains (tests/site/sample.py) is served by the program's own routes under uvicorn, in a process of its own;
beside them stands a route of the same server that says "hello", and does nothing else. The contestants take turns, so that what else the
machine does falls on all of them. Asserts nothing; prints tables. Run: python -m tests.bench.public_site [--domains N] [--seconds S]
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import multiprocessing
import statistics
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from mailtls.listening import Server, listening
from mailtls.publishing import Published
from mailtls.serving_site import SiteServing, routes
from mailtls.site.files import files
from mailtls.streams import asyncio_run
from tests.site.sample import publication

if TYPE_CHECKING:
    from collections.abc import Mapping
    from socket import socket

    from starlette.requests import Request

    from mailtls.publication import Publication
    from mailtls.site.file import File

CONNECTIONS = 16
ROUNDS = 5
NOW = datetime(2026, 11, 24, 12, 30, tzinfo=UTC)


@dataclass
class Kind:
    """Files that are alike."""

    name: str
    paths: list[str]


def kinds(made: Mapping[str, File]) -> list[Kind]:
    """Return the files of the site by their kind: the names of providers, domains and so on do not count."""
    found: dict[str, Kind] = {}
    for path in made:
        parts = path.split("/")
        named = parts[0] in ("status", "api") and len(parts) > 3 and parts[2 if parts[0] == "api" else 1] != "schemas"
        kind = "/".join([*parts[:2], "*", *parts[3:]]) if parts[0] == "status" and named else "/".join([*parts[:3], "*.json"]) if named else path
        found.setdefault(kind, Kind(kind, [])).paths.append(path)
    return list(found.values())


def weigh(made: Mapping[str, File]) -> None:
    print(f"{'file':<44} {'files':>6} {'octets':>12} {'gzip':>10} {'first ms':>9} {'then ms':>9}")
    for kind in kinds(made):
        chosen = kind.paths[:: max(1, len(kind.paths) // 25)]
        times, sizes, packed = [], [], []
        for path in chosen:
            began = time.perf_counter()
            octets = made[path].render()
            times.append(1000 * (time.perf_counter() - began))
            sizes.append(len(octets))
            packed.append(len(gzip.compress(octets, 6)))
        rest = statistics.median(times[1:]) if len(times) > 1 else float("nan")
        row = f"{kind.name:<44} {len(kind.paths):>6} {statistics.median(sizes):>12,.0f} {statistics.median(packed):>10,.0f}"
        print(f"{row} {times[0]:>9.1f} {rest:>9.1f}")


def serve(domains: int, bound: socket) -> None:
    """Serve the site and, beside it, a hello."""
    published = Published(publication(domains), None)

    async def hello(_request: Request) -> PlainTextResponse:
        return PlainTextResponse("hello")

    async def nothing(_path: str) -> None:
        """Keep no chain."""

    pages = SiteServing(lambda: published, lambda: NOW, lambda: True, nothing)
    application = Starlette(routes=[Route("/hello", hello), *routes(pages)])
    settings = uvicorn.Config(application, log_config=None, access_log=False, lifespan="off")
    asyncio_run(Server(settings).serve([bound]))


async def _ask(port: int, target: str, until: float) -> tuple[int, int]:
    """Ask for the same again and again on one connection. Returns how often, and how many octets came."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    request = f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
    asked = octets = 0
    while time.perf_counter() < until:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        length = int(next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")).partition(b":")[2])
        await reader.readexactly(length)
        asked, octets = asked + 1, octets + len(head) + length
    writer.close()
    return asked, octets


async def _rate(port: int, target: str, seconds: float) -> tuple[float, float]:
    began = time.perf_counter()
    done = await asyncio.gather(*(_ask(port, target, began + seconds) for _ in range(CONNECTIONS)))
    took = time.perf_counter() - began
    return sum(each[0] for each in done) / took, sum(each[1] for each in done) / took


def race(domains: int, made: Publication, seconds: float) -> None:
    bound = listening("127.0.0.1", 0)
    port = bound.getsockname()[1]
    server = multiprocessing.Process(target=serve, args=(domains, bound))
    server.start()
    name = next(iter(made.domains))
    targets = ["/hello", "/status/", f"/status/domains/{name}/", "/api/v1/edition", f"/api/v1/domains/{name}", "/api/v1/domains?limit=10"]
    rates: dict[str, list[tuple[float, float]]] = {target: [] for target in targets}
    try:
        for target in targets:
            asyncio.run(_rate(port, target, 0.3))  # each is made once
        for _ in range(ROUNDS):
            for target in targets:
                rates[target].append(asyncio.run(_rate(port, target, seconds)))
    finally:
        server.terminate()
        server.join()
        bound.close()
    base = statistics.median(rate for rate, _ in rates["/hello"])
    print(f"\n{CONNECTIONS} connections, median of {ROUNDS} rounds of {seconds} s\n{'asked for':<44} {'a second':>9} {'of hello':>9} {'MB/s':>8}")
    for target, found in rates.items():
        rate, octets = statistics.median(each[0] for each in found), statistics.median(each[1] for each in found)
        print(f"{target:<44} {rate:>9,.0f} {rate / base:>9.2f} {octets / 1e6:>8.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--domains", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=2.0)
    wanted = parser.parse_args()
    made = publication(wanted.domains)
    began = time.perf_counter()
    table = files(made)
    print(f"{wanted.domains} domains, {len(made.providers)} providers; the table of {len(table)} files: {time.perf_counter() - began:.2f} s\n")
    weigh(table)
    race(wanted.domains, made, wanted.seconds)


if __name__ == "__main__":
    main()
