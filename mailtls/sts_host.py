"""Fetching MTA-STS policies over HTTPS (RFC 8461 section 3.3): one GET, no redirect, no cache, no cookie, one limit of time over everything.

The address that is dialled is the address that was judged (``dial.py``), and a redirect is only ever written down. The policy host's
certificate is not verified here but read later, like those of mail servers, so that a bad one is described.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import TYPE_CHECKING

import h11
import structlog

from mailtls.dial import Ended, dial, ended, why_out_of_scope
from mailtls.domain_name import BadName
from mailtls.evidence import Failure, HostRoute, Lookup, LookupOutcome, StsFetch
from mailtls.facts.routing import why_no_address
from mailtls.handshake import Channel
from mailtls.hellos import Refused
from mailtls.model import Cause, Endpoint, Stage
from mailtls.readable import readable
from mailtls.tracking.clocks import Clocks
from mailtls.trust.mta_sts import MAX_POLICY

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv6Address

    from mailtls.budget import Budget
    from mailtls.dial import Network
    from mailtls.resolve import Resolver

MAX_ADDRESSES_TRIED = 4
MAX_HEAD = 16_384
"""Octets of a response's head."""
_BEGINNING = b"HTTP/1."
_PATH = "/.well-known/mta-sts.txt"
_HTTPS_PORT = 443
_KEPT = 300
"""Octets of a header field that are kept."""

# How far an attempt at one address came, where none brought a response: the one that came furthest is told.
_NOT_DIALLED = frozenset({Cause.ADDRESS_FORBIDDEN, Cause.NOT_ATTEMPTED, Cause.BUDGET_EXHAUSTED, Cause.UNREACHABLE})
_NOT_CONNECTED = frozenset({Cause.CONNECT_REFUSED, Cause.CONNECT_TIMEOUT})

log = structlog.get_logger(component="sts_host")


def sts_host_name(domain: str) -> str:
    """Return the name of the host that serves a domain's policy."""
    return f"mta-sts.{domain}"


@dataclass(frozen=True, slots=True)
class Fetching:
    """How policies are fetched.

    Args:
        network: the rules of dialling.
        agent: what we call ourselves; it should lead to a page that explains us.
        port: the TCP port of policy hosts.
        deadline: seconds for one attempt, all addresses together; waiting for a turn is not counted.

    """

    network: Network
    agent: str
    port: int = _HTTPS_PORT
    deadline: float = 60.0


class StsFetcher:
    """Fetches policies, within a budget of its own: a mail server that wants us to stay away does not speak for a web server."""

    def __init__(self, fetching: Fetching, resolver: Resolver, budget: Budget) -> None:
        self.fetching = fetching
        self.resolver = resolver
        self.budget = budget
        self.clocks = Clocks()
        """Those of the policy hosts."""

    async def fetch(self, domain: str, asked_by: str) -> StsFetch:
        """Fetch the policy of a domain. Never raises, but when it is cancelled.

        Args:
            domain: in ASCII, lower case.
            asked_by: the id of its TXT record.

        """
        host = sts_host_name(domain)
        began, clock = datetime.now(UTC), time.monotonic()
        port = "" if self.fetching.port == _HTTPS_PORT else f":{self.fetching.port}"
        fetch = StsFetch(f"https://{host}{port}{_PATH}", host, asked_by, began)
        try:
            async with asyncio.timeout(self.fetching.deadline):
                addresses = await self.resolver.addresses(host)
        except BadName as error:
            addresses = (Lookup(f"{host}.", "A", LookupOutcome.NO_SUCH_NAME, detail=str(error)),)
        except TimeoutError:
            late = Failure(Cause.DNS_TIMEOUT, Stage.DNS, f"the addresses of {host} did not come within {self.fetching.deadline:g} s")
            return replace(fetch, failure=late, took=time.monotonic() - clock)
        fetch = replace(fetch, addresses=addresses)
        gap = why_no_address(HostRoute(host, 0, addresses))
        if gap is not None:
            fetch = replace(fetch, failure=Failure(gap.cause, gap.stage, gap.detail))
        else:
            fetch = await self._try_all(fetch, self.fetching.deadline - (time.monotonic() - clock))
        fetch = replace(fetch, took=time.monotonic() - clock)
        log.debug("policy fetched", host=host, status=fetch.status, took=round(fetch.took, 3))
        return fetch

    async def _try_all(self, fetch: StsFetch, left: float) -> StsFetch:
        """Try one address after the other until one responds."""
        addresses = _in_turn(fetch.addresses)
        within = [address for address in addresses if why_out_of_scope(address, self.fetching.network) is None]
        if not within:
            return replace(fetch, failure=Failure(Cause.NOT_ATTEMPTED, Stage.HTTPS, why_out_of_scope(addresses[0], self.fetching.network) or ""))
        endpoints = [Endpoint(fetch.host, address, self.fetching.port) for address in within[:MAX_ADDRESSES_TRIED]]
        tried: list[StsFetch] = []
        turn_by = time.monotonic() + self.budget.limits.scan_deadline
        for number, endpoint in enumerate(endpoints):
            attempt = _Attempt(endpoint, fetch, self.fetching)
            try:
                async with self.budget.place(endpoint, turn_by):
                    began = time.monotonic()
                    await attempt.run(max(0.0, left) / (len(endpoints) - number))  # what one leaves over, the others have
                    left -= time.monotonic() - began
            except Ended as end:
                attempt.end(end.failure)
            else:
                self.budget.report(endpoint, attempt.about_us())
            if attempt.date:
                self.clocks.note(fetch.host, attempt.date, attempt.heard_at, attempt.heard_at - attempt.asked_at)
            tried.append(attempt.fetch)
            if attempt.fetch.status is not None:
                return attempt.fetch
        furthest = max(tried, key=_how_far)
        assert furthest.failure is not None
        detail = "; ".join(f"{seen.address}: {seen.failure.detail}" for seen in tried if seen.failure is not None)
        return replace(furthest, failure=replace(furthest.failure, detail=detail))


def _in_turn(addresses: tuple[Lookup, ...]) -> list[IPv4Address | IPv6Address]:
    """Return the addresses of both families in turn, so that a cap leaves out no family."""
    families = [[ip_address(record) for record in lookup.records] for lookup in addresses]
    return [address for pair in itertools.zip_longest(*families) for address in pair if address is not None]


def _how_far(fetch: StsFetch) -> int:
    cause = None if fetch.failure is None else fetch.failure.cause
    return 0 if cause in _NOT_DIALLED else 1 if cause in _NOT_CONNECTED else 2


class _Attempt:
    """One connection to one address of a policy host: its state is kept outside the coroutine, so that a time-out finds it."""

    def __init__(self, endpoint: Endpoint, fetch: StsFetch, fetching: Fetching) -> None:
        self.fetch = replace(fetch, address=str(endpoint.address))
        self.stage = Stage.CONNECT
        self.octets_sent = self.octets_received = 0
        self._endpoint = endpoint
        self._fetching = fetching
        self._body = bytearray()
        self._heard = 0
        self._begins = b""
        self.date = ""
        self.asked_at = self.heard_at = 0.0

    async def run(self, patience: float) -> None:
        """Ask for the policy. Whatever comes of it is in ``fetch``."""
        try:
            async with asyncio.timeout(patience):
                await self._ask()
        except TimeoutError:
            self.end(self._timed_out())
        except Ended as end:
            self.end(end.failure)
        except Exception as error:
            log.exception("a fetch broke", host=self._endpoint.host, address=str(self._endpoint.address))
            self.end(Failure(Cause.INTERNAL_ERROR, Stage.HTTPS, f"{type(error).__name__}: {readable(str(error), 160)}"))
        self.fetch = replace(self.fetch, body=bytes(self._body))

    def end(self, failure: Failure) -> None:
        """Note what ended it; from outside all its stages are one."""
        self.fetch = replace(self.fetch, failure=replace(failure, stage=Stage.HTTPS))

    def about_us(self) -> Failure | None:
        """Return the failure that asks us to stay away, or to come back later; many policy hosts may share an address."""
        return Failure(Cause.RATE_LIMITED, Stage.HTTPS) if self.fetch.status in (429, 503) else self.fetch.failure

    async def _ask(self) -> None:
        connection = await dial(self._endpoint, self._fetching.network)
        try:
            transport, _ = await asyncio.get_running_loop().create_connection(asyncio.Protocol, sock=connection)
        except BaseException:
            connection.close()
            raise
        channel = Channel(transport, self, self._endpoint.host)
        try:
            handshake = await channel.shake_hands()
            if isinstance(handshake, Refused):
                self.fetch = replace(self.fetch, alert=handshake.alert)
                closed = handshake.alert is None
                cause = Cause.CONNECTION_CLOSED if closed else Cause.PROTOCOL_ERROR
                said = "closed the connection after our hello" if closed else f"answered our hello with the alert {handshake.name}"
                raise ended(cause, Stage.HTTPS, f"the server {said}")
            self.fetch = replace(self.fetch, chain=handshake.chain)
            await self._get(channel)
        finally:
            channel.close()

    async def _get(self, channel: Channel) -> None:
        http = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD)
        host = self._endpoint.host if self._endpoint.port == _HTTPS_PORT else f"{self._endpoint.host}:{self._endpoint.port}"
        headers = {
            "Host": host, "User-Agent": self._fetching.agent, "Accept": "text/plain", "Accept-Encoding": "identity", "Connection": "close",
        }  # fmt: skip
        request = h11.Request(method="GET", target=_PATH, headers=list(headers.items()))
        self.asked_at = time.monotonic()
        await channel.send((http.send(request) or b"") + (http.send(h11.EndOfMessage()) or b""))
        try:
            await self._read(http, channel)
        except (h11.RemoteProtocolError, ValueError) as error:
            too_long = isinstance(error, h11.RemoteProtocolError) and error.error_status_hint == 431
            cause = Cause.LIMIT_EXCEEDED if too_long else Cause.PROTOCOL_ERROR
            raise ended(cause, Stage.HTTPS, f"not HTTP as it should be: {readable(str(error), 160)}") from error

    async def _read(self, http: h11.Connection, channel: Channel) -> None:
        """Read the response: its head, and its body where the status is 200."""
        has_end = True
        while True:
            event = http.next_event()
            if event is h11.NEED_DATA:
                octets = await channel.receive()
                self._heard += len(octets)
                self._begins += octets[: len(_BEGINNING) - len(self._begins)]
                if not _BEGINNING.startswith(self._begins):
                    begins = readable(octets, 60)
                    raise ended(Cause.PROTOCOL_ERROR, Stage.HTTPS, f"not HTTP: the server's answer begins '{begins}'")
                if not octets and (has_end or not channel.closed_properly):
                    # Whoever cuts the connection must not decide how long a policy is.
                    raise ended(Cause.CONNECTION_CLOSED, Stage.HTTPS, "the server closed the connection before the end of its response")
                http.receive_data(octets)
            elif isinstance(event, h11.Response):
                has_end = self._note(event)
                if self.fetch.status != 200 or self.fetch.too_long:
                    return
            elif isinstance(event, h11.Data):
                self._body += event.data
                if len(self._body) > MAX_POLICY:
                    del self._body[MAX_POLICY:]
                    self.fetch = replace(self.fetch, too_long=True)
                    return
            elif isinstance(event, h11.EndOfMessage):
                return
            elif not isinstance(event, h11.InformationalResponse):
                raise ended(Cause.PROTOCOL_ERROR, Stage.HTTPS, "the server left HTTP before its response")

    def _note(self, response: h11.Response) -> bool:
        """Note the head of the response. Returns whether it says where the body ends, but for the end of the connection."""
        fields: dict[bytes, list[bytes]] = {}
        for name, value in response.headers:
            fields.setdefault(bytes(name), []).append(bytes(value))

        def said(name: bytes) -> str:
            return b", ".join(fields.get(name, ()))[:_KEPT].decode("latin-1")

        self.fetch = replace(
            self.fetch,
            status=response.status_code,
            content_type=said(b"content-type"),
            content_encoding=said(b"content-encoding"),
            location=said(b"location"),
        )
        if said(b"age") in ("", "0"):  # a cache tells the time at which it was filled
            self.date, self.heard_at = said(b"date"), time.monotonic()
        length = said(b"content-length")
        if response.status_code == 200 and length and int(length) > MAX_POLICY:
            self.fetch = replace(self.fetch, too_long=True)
        return bool(length) or b"transfer-encoding" in fields

    def _timed_out(self) -> Failure:
        if self.stage is Stage.CONNECT:
            return Failure(Cause.CONNECT_TIMEOUT, Stage.HTTPS, "no answer in time")
        if not self.fetch.chain:
            return Failure(Cause.READ_TIMEOUT, Stage.HTTPS, "the handshake was not complete in time")
        if self._heard:
            return Failure(Cause.TARPIT, Stage.HTTPS, f"{self._heard} octets of a response in time, and no end of it")
        return Failure(Cause.READ_TIMEOUT, Stage.HTTPS, "no response in time")
