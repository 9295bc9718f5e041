"""The public site over HTTP: the files of the last publication, made when they are first asked for, and kept while they are of use."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from email.utils import format_datetime
from typing import TYPE_CHECKING

import structlog
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from mailtls.publication.canonical import Malformed
from mailtls.rendered import Rendered, make
from mailtls.site import api
from mailtls.site.earlier import number_of
from mailtls.site.file import Caching, File
from mailtls.site.files import files
from mailtls.site.notices import NOT_FOUND, NOTHING_YET, Notice, root_from
from mailtls.site.openapi import MOST_OF_A_PAGE, PAGE
from mailtls.site.pages import HTML, SECURITY_POLICY
from mailtls.site.snapshots import find
from mailtls.store.database import StoreFailed
from mailtls.store.publications import Publications

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from starlette.requests import Request

    from mailtls.daemon import Daemon
    from mailtls.publishing import Published
    from mailtls.rendered import Made
    from mailtls.store.publications import Kept

log = structlog.get_logger(component="web")

_RETRY_AFTER = "60"
_CACHE_CONTROL = {Caching.EDITION: "public, max-age=60", Caching.FOR_EVER: "public, max-age=31536000, immutable"}
_HEADERS = {
    "Content-Security-Policy": f"{SECURITY_POLICY}; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
_FOR_OTHER_SITES = {"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin"}
_DATA = ("api/", "snapshots/")
_DATA_ENDINGS = (".svg", ".atom")


_READ_AT_ONCE = 2
"""Files of the chain that are read at a time."""
_OLD = File(HTML, bytes, Caching.FOR_EVER)
"""Stands for the page of a snapshot that is made already."""
Find = Callable[[str], Awaitable[File | None]]
Whole = Callable[[], Awaitable["Sequence[Kept]"]]


async def nothing_whole() -> Sequence[Kept]:
    """Return that no publication can be read in full."""
    return ()


class SiteServing:
    """Answers requests for the public site."""

    def __init__(
        self,
        last: Callable[[], Published | None],
        now: Callable[[], datetime],
        publishes: Callable[[], bool],
        find: Find,
        whole: Whole = nothing_whole,
    ) -> None:
        """Serve nothing yet.

        Args:
            last: returns the last publication; ``None`` before there is one.
            now: tells the time.
            publishes: whether there is to be any.
            find: returns a file of the chain of publications.
            whole: returns which of them can be read in full, the newest first.

        """
        self._last, self._now, self._publishes, self._find, self._whole = last, now, publishes, find, whole
        self._finding = asyncio.Semaphore(_READ_AT_ONCE)
        self._edition: Rendered | None = None
        self._changing = asyncio.Lock()

    async def _current(self) -> Rendered | None:
        """Return the files of the last publication."""
        published = self._last()
        if published is None:
            return None
        stale = published.is_stale(self._now())
        async with self._changing:
            if self._edition is None or not self._edition.is_of(published, stale=stale):
                fresh = Rendered(published, stale=stale)
                kept = await self._kept()
                fresh.files = await asyncio.to_thread(files, published.publication, published.link, stale=stale, kept=kept)
                self._edition = fresh
            return self._edition

    async def _kept(self) -> Sequence[Kept]:
        try:
            return await self._whole()
        except StoreFailed as error:
            log.warning("older publications cannot be listed", why=str(error))
            return ()

    async def answer(self, request: Request) -> Response:
        """Answer a request for a file, or for a page of a list."""
        path = request.url.path.removeprefix("/")
        if number_of(f"{path}/index.html") is not None:
            return RedirectResponse(f"{path.rpartition('/')[2]}/", 308, _HEADERS)
        if number_of(f"{path}index.html") is not None:
            path = f"{path}index.html"
        edition = await self._current()
        if edition is None:
            return _nothing_yet(path) if self._publishes() else _no_such(path)
        if path.startswith("snapshots/") or (number_of(path) is not None and not edition.has(path)):
            return await self._from_chain(edition, path, request)
        if path.startswith("api/v1/") and path not in edition.files:
            return await self._from_api(edition, path, request)
        file = _OLD if number_of(path) is not None else edition.files.get(f"{path}index.html" if path.endswith("/") else path)
        if file is None:
            if f"{path}/index.html" in edition.files:
                return RedirectResponse(f"{path.rpartition('/')[2]}/", 308, _HEADERS)
            return _no_such(path)
        return await _sent(edition, path, file, request)

    async def _from_chain(self, edition: Rendered, path: str, request: Request) -> Response:
        """Answer for what verifies a publication, be it an old one: out of the store, which has others to serve as well."""
        async with self._finding:
            try:
                file = await self._find(path)
            except (StoreFailed, Malformed) as error:
                log.warning("a file of the chain of publications cannot be read", path=path, why=str(error))
                return Response(b"it cannot be read now\n", 503, _headers(path) | {"Retry-After": _RETRY_AFTER}, "text/plain; charset=utf-8")
        if file is None:
            return _no_such(path)
        if number_of(path) is not None:
            return await _sent(edition, path, file, request)  # it takes a while to make
        return _with_octets(await asyncio.to_thread(make, file.render), path, file, edition, request)

    async def _from_api(self, edition: Rendered, path: str, request: Request) -> Response:
        """Answer for what has no ``.json`` behind its name: a document, or a page of a list."""
        name = path.removeprefix("api/v1/")
        lists = api.listings(edition.published.publication)
        if name not in lists:
            file = edition.files.get(f"{path}.json")
            return _no_such(path) if file is None else await _sent(edition, f"{path}.json", file, request)
        limit = _limit(request.query_params.get("limit", ""))
        if limit is None:
            text = f"limit is a number from 1 to {MOST_OF_A_PAGE}\n"
            return PlainTextResponse(text, 400, _HEADERS | _FOR_OTHER_SITES)
        after = request.query_params.get("after", "")
        known = after if after in lists[name].documents else ""  # what is kept must not grow with what strangers make up
        render = _page(edition, lists[name], limit, after)
        if after and not known:
            return _with_octets(await asyncio.to_thread(make, render), path, File(api.MEDIA_TYPE, render), edition, request)
        return await _sent(edition, f"{path}?{limit}&{known}", File(api.MEDIA_TYPE, render), request)


def _page(edition: Rendered, listing: api.Listing, limit: int, after: str) -> Callable[[], bytes]:
    return lambda: api.octets(api.page(edition.published.publication, listing, limit, after))


def _limit(text: str) -> int | None:
    if not text:
        return PAGE
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= len(str(MOST_OF_A_PAGE)) and 1 <= int(text) <= MOST_OF_A_PAGE else None


async def _sent(edition: Rendered, path: str, file: File, request: Request) -> Response:
    return _with_octets(await edition.made(path, file.render), path, file, edition, request)


def _with_octets(made: Made, path: str, file: File, edition: Rendered, request: Request) -> Response:
    is_packed = bool(made.packed) and takes_gzip(request.headers.get("Accept-Encoding", ""))
    tag = f'"{made.tag}-gzip"' if is_packed else f'"{made.tag}"'
    headers = {
        **_headers(path),
        **({"Content-Encoding": "gzip"} if is_packed else {}),
        "ETag": tag,
        "Vary": "Accept-Encoding",
        "Cache-Control": _CACHE_CONTROL[file.caching],
        "Last-Modified": format_datetime(edition.published.as_of, usegmt=True),
    }
    if _is_known(tag, request.headers.get("If-None-Match", "")):
        return Response(status_code=304, headers=headers)
    return Response(made.packed if is_packed else made.octets, headers=headers | {"Content-Type": file.media_type})


def _headers(path: str) -> dict[str, str]:
    is_data = path.startswith(_DATA) or path.endswith(_DATA_ENDINGS)
    return _HEADERS | (_FOR_OTHER_SITES if is_data else {})


def takes_gzip(accepted: str) -> bool:
    """Whether a client takes gzip, by its Accept-Encoding (RFC 9110 section 12.5.3); what cannot be read as a weight is none."""
    weights: dict[str, float] = {}
    for each in accepted.lower().split(","):
        coding, _, parameter = each.partition(";")
        name, _, weight = parameter.strip().partition("=")
        try:
            weights[coding.strip()] = float(weight) if name == "q" else 1.0
        except ValueError:
            weights[coding.strip()] = 0.0
    return weights.get("gzip", weights.get("*", 0.0)) > 0


def _is_known(tag: str, asked: str) -> bool:
    """Whether what a client has is what there is (RFC 9110 section 13.1.2; the comparison is the weak one)."""
    return asked.strip() == "*" or tag in (each.strip().removeprefix("W/") for each in asked.split(","))


def _no_such(path: str) -> Response:
    return _told(path, 404, NOT_FOUND, {"Cache-Control": "public, max-age=60"})


def _nothing_yet(path: str) -> Response:
    return _told(path, 503, NOTHING_YET, {"Retry-After": _RETRY_AFTER, "Cache-Control": "no-store"})


def _told(path: str, status: int, notice: Notice, more: dict[str, str]) -> Response:
    """Say why there is nothing."""
    if path.startswith(_DATA):
        return Response(notice.plain(), status, _headers(path) | more, "text/plain; charset=utf-8")
    return Response(notice.page(root_from(path) if notice is NOT_FOUND else None), status, _headers(path) | more, HTML)


def site_of(daemon: Daemon) -> SiteServing:
    """Return who serves what a daemon publishes."""

    async def found(path: str) -> File | None:
        store = daemon.persistence.store
        link = None if daemon.publisher.last is None else daemon.publisher.last.link
        return None if store is None or link is None else await find(Publications(store, daemon.configuration.vantage.name), path, link.number)

    async def whole() -> Sequence[Kept]:
        store = daemon.persistence.store
        link = None if daemon.publisher.last is None else daemon.publisher.last.link
        return () if store is None or link is None else await Publications(store, daemon.configuration.vantage.name).whole(link.number)

    return SiteServing(lambda: daemon.publisher.last, daemon.now, lambda: daemon.configuration.publication.enabled, found, whole)


def routes(serving: SiteServing) -> list[Route]:
    """Return the routes of the site."""
    return [Route(f"/{place}", serving.answer) for place in ("status", "status/{path:path}", "api/v1/{path:path}", "snapshots/{path:path}")]


def to_the_site(_request: Request) -> Response:
    """Lead a visitor of the public address to the site."""
    return RedirectResponse("status/", 307, _HEADERS)
