"""The HTTP side of the daemon: metrics, health, reload, and a probe on demand."""

from __future__ import annotations

import asyncio
import json
import math
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from mailtls.config import BadConfiguration
from mailtls.domain_name import BadName, ascii_name
from mailtls.facts.routing import why_no_address, why_no_route
from mailtls.model import Snapshot
from mailtls.rebinding import OnlyForUs
from mailtls.serving_site import routes, site_of, to_the_site
from mailtls.show.declared import fetch_lines
from mailtls.show.document import document, domain_document
from mailtls.show.landing import landing as landing_page
from mailtls.show.metrics import SnapshotCollector
from mailtls.show.regression_document import open_of, regression_document, regressions_document
from mailtls.show.targets import target_groups
from mailtls.show.text import plain, transcript_lines

if TYPE_CHECKING:
    from starlette.requests import Request

    from mailtls.daemon import Daemon

_PROBES_AT_ONCE = 4
_PATIENCE = 10.0  # seconds that a request waits for one of these places
_LONGEST_PATIENCE = 60.0
_TO_ANSWER = 0.5  # seconds that are left of a scrape's time-out to say no
_RETRY_AFTER = "10"
_SWITCHES = {"": False, **dict.fromkeys(("true", "1", "yes", "on"), True), **dict.fromkeys(("false", "0", "no", "off"), False)}
_OUR_OWN_PAGES = frozenset({"same-origin", "none"})
"""Whose requests browsers mark so (Fetch Metadata, ``Sec-Fetch-Site``): a page of ours, or the person. Programs send nothing."""
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def application(daemon: Daemon, *, public: bool = False) -> Starlette:
    """Return the web application of a daemon; where it is for the public, only with the site and the API."""
    places = asyncio.Semaphore(_PROBES_AT_ONCE)

    async def landing(_request: Request) -> Response:
        return HTMLResponse(landing_page(daemon.snapshot(), daemon.told()), headers=_HEADERS)

    async def metrics(_request: Request) -> Response:
        daemon.refresh()
        return Response(generate_latest(daemon.registry), media_type=CONTENT_TYPE_LATEST)

    async def domains(_request: Request) -> Response:
        whole = document(daemon.snapshot().domains)
        known = daemon.told()
        for one in whole["domains"]:
            one["regressions"] = [regression_document(each) for each in open_of(one["domain"], known)]
        return JSONResponse(whole)

    async def regressions(_request: Request) -> Response:
        return JSONResponse(regressions_document(daemon.told(), daemon.configuration.vantage.name))

    async def targets(_request: Request) -> Response:
        return JSONResponse(target_groups(daemon.schedule.partners))

    async def healthy(_request: Request) -> Response:
        return PlainTextResponse("mailtls is healthy.\n") if daemon.is_healthy() else PlainTextResponse("mailtls is stuck.\n", 503)

    async def ready(_request: Request) -> Response:
        return PlainTextResponse("mailtls is ready.\n") if daemon.is_ready() else PlainTextResponse("mailtls is not ready.\n", 503)

    async def reload(request: Request) -> Response:
        if request.headers.get("Sec-Fetch-Site", "none").strip().lower() not in _OUR_OWN_PAGES:
            return PlainTextResponse("a page of somebody else asks for this; it has no say here\n", 403)
        try:
            await daemon.reload()
        except BadConfiguration as error:
            return PlainTextResponse(f"the old configuration stays in force:\n{error}\n", 500)
        return PlainTextResponse("reloaded.\n")

    async def probe(request: Request) -> Response:
        target = request.query_params.get("target", "")
        if not target.strip():
            return PlainTextResponse("target is missing; write /probe?target=DOMAIN\n", 400)
        debug = _SWITCHES.get(request.query_params.get("debug", "").strip().lower())
        if debug is None:
            return PlainTextResponse("debug: write true or false\n", 400)
        try:
            name = ascii_name(target)
        except BadName as error:
            return PlainTextResponse(f"target: {error}\n", 400)
        owner = daemon.owner_of(name)
        if owner is None:
            return PlainTextResponse(f"target: {name} is not among the configured domains\n", 403)
        try:
            async with asyncio.timeout(_patience(request)):
                await places.acquire()
        except TimeoutError:
            text = f"{_PROBES_AT_ONCE} probes are under way, and none ended in time; try again later\n"
            return PlainTextResponse(text, 503, {"Retry-After": _RETRY_AFTER})
        try:
            return await _probe(daemon, name, owner, debug=debug)
        finally:
            places.release()

    for_everybody = routes(site_of(daemon))
    for_us = [
        Route("/", landing),
        Route("/api/v1/domains", domains),
        Route("/api/v1/regressions", regressions),
        Route("/metrics", metrics),
        Route("/probe", probe),
        Route("/sd/targets", targets),
        Route("/-/healthy", healthy),
        Route("/-/ready", ready),
        Route("/-/reload", reload, methods=["POST", "PUT"]),
    ]
    served = [Route("/", to_the_site), *for_everybody] if public else for_us + for_everybody
    return Starlette(routes=served, middleware=[Middleware(OnlyForUs, daemon.names)])


def _patience(request: Request) -> float:
    """Return for how many seconds a request may wait for its place: less than the scrape that it may be."""
    try:
        asked = float(request.headers.get("X-Prometheus-Scrape-Timeout-Seconds", ""))
    except ValueError:
        return _PATIENCE
    if not math.isfinite(asked) or asked <= 0:
        return _PATIENCE
    return min(max(0.0, asked - _TO_ANSWER), _LONGEST_PATIENCE)


async def _probe(daemon: Daemon, name: str, owner: str, *, debug: bool) -> Response:
    """Measure one domain now, quickly, within the daemon's own budget, and show nothing but it."""
    measurer = daemon.one_off()
    route = await measurer.route(name)
    await daemon.schedule.driver.measure_now(measurer, route)
    domain = measurer.observe(owner, route, daemon.now())
    registry = CollectorRegistry()
    registry.register(SnapshotCollector(lambda: Snapshot((domain,))))
    text = generate_latest(registry)
    if not debug:
        return Response(text, media_type=CONTENT_TYPE_LATEST)
    lines = [plain(line) for track in measurer.tracks.values() for line in transcript_lines(track.latest)]
    if not lines:
        gap = why_no_route(route) or next((gap for host in route.hosts if (gap := why_no_address(host))), None)
        lines = ["no visit: " + ("it takes no mail" if gap is None else f"{gap.cause.value} at {gap.stage.value}, {gap.detail}")]
    fetch = measurer.fetch_of(name)
    lines += [] if fetch is None else [plain(line) for line in fetch_lines(fetch)]
    shown = json.dumps(domain_document(domain, explain=True), indent=2, ensure_ascii=True)
    sections = ("# Transcript", *lines, "", "# Readings", shown, "", "# Metrics", text.decode())
    return PlainTextResponse("\n".join(sections), headers={"X-Content-Type-Options": "nosniff"})
