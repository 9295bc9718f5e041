"""Resolving: DNS questions asked with dnspython, answered as evidence. The only place that talks to a resolver."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import TYPE_CHECKING

import dns.asyncquery
import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.tlsabase
import dns.resolver

from mailtls.domain_name import LONGEST_NAME, BadName, ascii_name
from mailtls.evidence import Failure, HostRoute, Lookup, LookupOutcome, RouteEvidence, StsEvidence
from mailtls.model import Cause, Stage
from mailtls.readable import readable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Literal

    from dns.rdatatype import RdataType

MAX_HOSTS = 20
"""MX hosts of one domain that are visited; the largest providers have about ten."""
MAX_ADDRESSES = 32
"""Addresses of one host and family."""
MAX_TLSA = 32
"""TLSA records of one name; while a key is replaced there are four or so."""
MAX_TEXTS = 32
"""TXT records of one name; a wildcard may answer with all that a domain has."""
_VALIDATES_FOR = 60.0
"""Seconds for which a resolver that was seen to validate, or not to, is taken to go on with that; less than any interval that confirms."""
_MAX_CHAIN = 8
_TRIES = 2
# A record with a digest of the wrong length is the concern of who reads it; to dnspython the whole answer would be no answer.
dns.rdtypes.tlsabase.TLSABase._cert_length_by_mtype = {}  # noqa: SLF001 - no public way; a test fails should it be in vain
# Extended DNS errors that mean "validation failed" (RFC 8914 sections 4.7 to 4.13).
_BOGUS_ERRORS = frozenset({6, 7, 8, 9, 10, 11, 12})
_ANSWERS = frozenset({dns.rcode.NOERROR, dns.rcode.NXDOMAIN})


@dataclass(frozen=True, slots=True)
class Nameservers:
    """Which resolvers to ask, and what to believe.

    Args:
        addresses: address and port of each, in order of trial.
        timeout: seconds for one question, all trials together.
        trust_ad: whether their AD bit is believed; ``auto`` believes resolvers on loopback only (RFC 6698 section 10.1).
            That the bit is missing is believed only of one that vouches for the root zone, which is signed: else it validates nothing.

    """

    addresses: tuple[tuple[str, int], ...]
    timeout: float = 5.0
    trust_ad: bool | Literal["auto"] = "auto"

    def believes(self, server: tuple[str, int]) -> bool:
        """Whether one of them is believed where it says that an answer passed DNSSEC."""
        if self.trust_ad == "auto":
            return ip_address(server[0]).is_loopback
        return bool(self.trust_ad)


def system_nameservers() -> tuple[tuple[str, int], ...]:
    """Return the resolvers of /etc/resolv.conf; empty where there are none."""
    try:
        return tuple((str(address), 53) for address in dns.resolver.Resolver(configure=True).nameservers)
    except dns.resolver.NoResolverConfiguration:
        return ()


class Resolver:
    """Asks recursive resolvers. /etc/hosts has no say: what is measured is what the world sees."""

    def __init__(self, nameservers: Nameservers, concurrency: int = 100, port: int = 25) -> None:
        """Make a resolver.

        Args:
            nameservers: whom to ask.
            concurrency: questions at a time.
            port: of SMTP, which TLSA records are asked for.

        """
        self._nameservers = nameservers
        self._port = port
        self._places = asyncio.Semaphore(concurrency)
        self._validation: dict[tuple[str, int], tuple[float, asyncio.Task[dns.message.Message | None]]] = {}
        self._seen_to_vouch: dict[tuple[str, int], float] = {}

    async def lookup(self, name: str, rdtype: str) -> Lookup:
        """Ask one question. Never raises for what DNS does: failures are outcomes."""
        kind = dns.rdatatype.from_text(rdtype)
        try:
            absolute = dns.name.from_text(name)
        except dns.exception.DNSException as error:  # one too long, made of another by what stands before it
            return Lookup(name, rdtype, LookupOutcome.NO_SUCH_NAME, detail=f"no name: {error}")
        async with self._places:
            answer, server, (outcome, why) = await self._ask(absolute, kind, dns.flags.RD | dns.flags.AD)
            shown = absolute.to_text()
            if answer is None or server is None:
                return Lookup(shown, rdtype, outcome, detail=why)
            rcode = answer.rcode()
            unfit = _why_unfit(answer)
            if rcode in _ANSWERS and not unfit:
                return self._read(answer, absolute, kind, await self._vouched(answer, server))
            said = _extended_error(answer)
            bogus = any(isinstance(o, dns.edns.EDEOption) and int(o.code) in _BOGUS_ERRORS for o in answer.options)
            if rcode == dns.rcode.SERVFAIL and not bogus:
                # With checking disabled a bogus answer comes through, and a dead server still fails (RFC 4035 section 3.2.2).
                unchecked, _server, _why = await self._ask(absolute, kind, dns.flags.RD | dns.flags.CD)
                bogus = unchecked is not None and unchecked.rcode() in _ANSWERS and not _why_unfit(unchecked)
            outcome = LookupOutcome.BOGUS if bogus else LookupOutcome.SERVER_FAILURE
            text = unfit or dns.rcode.to_text(rcode) + (f" ({said})" if said else "") + (", DNSSEC validation failed" if bogus else "")
            return Lookup(shown, rdtype, outcome, detail=text)

    async def _ask(
        self, name: dns.name.Name, kind: RdataType, flags: int, servers: tuple[tuple[str, int], ...] | None = None
    ) -> tuple[dns.message.Message | None, tuple[str, int] | None, tuple[LookupOutcome, str]]:
        """Ask the resolvers in turn until one answers. Returns the answer, who gave it, and else what came instead, and why."""
        query = dns.message.make_query(name, kind, use_edns=0, payload=1232)
        query.flags = dns.flags.Flag(flags)
        servers = self._nameservers.addresses if servers is None else servers
        why = LookupOutcome.TIMED_OUT, "no resolver is configured" if not servers else ""
        patience = self._nameservers.timeout / _TRIES
        failed: tuple[dns.message.Message, tuple[str, int]] | None = None
        for _ in range(_TRIES):
            for server in servers:
                query.id = random.SystemRandom().randrange(65536)
                try:
                    answer, _tcp = await dns.asyncquery.udp_with_fallback(
                        query, server[0], port=server[1], timeout=patience / len(servers), ignore_unexpected=True
                    )
                except (dns.exception.Timeout, TimeoutError):
                    why = LookupOutcome.TIMED_OUT, f"no answer from {server[0]} within {self._nameservers.timeout:g} s"
                except (dns.exception.DNSException, OSError, EOFError) as error:
                    unreadable = isinstance(error, dns.exception.DNSException)
                    said = readable(str(error).encode("utf-8", "replace"), 120) or type(error).__name__
                    why = LookupOutcome.SERVER_FAILURE if unreadable else LookupOutcome.TIMED_OUT, f"{server[0]}: {said}"
                else:
                    if answer.rcode() in _ANSWERS and not _why_unfit(answer):
                        return answer, server, why
                    failed = answer, server
            if failed is not None:
                return *failed, why
        return None, None, why

    def _read(self, answer: dns.message.Message, name: dns.name.Name, kind: RdataType, authenticated: bool | None) -> Lookup:
        shown = name.to_text()
        rdtype = dns.rdatatype.to_text(kind)
        owner = name
        ttls = []
        for _ in range(_MAX_CHAIN):
            alias = answer.get_rrset(answer.answer, owner, dns.rdataclass.IN, dns.rdatatype.CNAME)
            if alias is None or kind == dns.rdatatype.CNAME:
                break
            owner = alias[0].target
            ttls.append(alias.ttl)
        else:
            return Lookup(shown, rdtype, LookupOutcome.SERVER_FAILURE, detail=f"more than {_MAX_CHAIN} aliases in a row")
        records = answer.get_rrset(answer.answer, owner, dns.rdataclass.IN, kind)
        canonical = owner.to_text()
        if records is None:
            gone = answer.rcode() == dns.rcode.NXDOMAIN
            outcome = LookupOutcome.NO_SUCH_NAME if gone else LookupOutcome.NO_DATA
            detail = "NXDOMAIN, the name does not exist" if gone else f"no {rdtype} record"
            return Lookup(shown, rdtype, outcome, canonical=canonical, authenticated=authenticated, detail=detail)
        texts = tuple(record.to_text() for record in records)
        return Lookup(shown, rdtype, LookupOutcome.ANSWERED, texts, canonical, authenticated, min([records.ttl, *ttls]))

    async def _vouched(self, answer: dns.message.Message, server: tuple[str, int]) -> bool | None:
        """Whether DNSSEC vouches for an answer, as the resolver that gave it says; ``None`` where its word is worth nothing."""
        if not self._nameservers.believes(server):
            return None
        if answer.flags & dns.flags.AD:
            self._seen_to_vouch[server] = time.monotonic()
            return True
        return False if await self._validates(server) else None

    async def _validates(self, server: tuple[str, int]) -> bool:
        """Whether a resolver validates: asked once for all who want to know meanwhile, and again after a while."""
        known = self._validation.get(server)
        if known is None or time.monotonic() - known[0] > _VALIDATES_FOR:
            known = self._validation[server] = time.monotonic(), asyncio.create_task(self._ask_for_root(server))
        root = await asyncio.shield(known[1])
        # One that refuses to speak of the root is of a private world, whose operator knows what it does.
        return _vouches(root) or (root is not None and root.rcode() == dns.rcode.REFUSED)

    async def _ask_for_root(self, server: tuple[str, int]) -> dns.message.Message | None:
        asked = dns.name.root, dns.rdatatype.SOA, dns.flags.RD | dns.flags.AD
        answer, _server, _why = await self._ask(*asked, servers=(server,))
        return answer

    def validates(self, within: float) -> bool | None:
        """Whether the resolvers that are believed were last seen to vouch for what is signed. Nothing is asked for that.

        Args:
            within: seconds; what was seen earlier is too old.

        Returns:
            False where one does not vouch for the root zone, ``None`` where that cannot be told of any.

        """
        since = time.monotonic() - within
        seen = [self._seen_of(server, since) for server in self._nameservers.addresses if self._nameservers.believes(server)]
        return False if False in seen else True if True in seen else None

    def _seen_of(self, server: tuple[str, int], since: float) -> bool | None:
        vouched_at = self._seen_to_vouch.get(server, since)
        asked_at, task = self._validation.get(server, (since, None))
        if task is not None and asked_at > max(since, vouched_at) and task.done() and not task.cancelled() and task.exception() is None:
            root = task.result()
            return _vouches(root) if root is not None and root.rcode() in _ANSWERS and not _why_unfit(root) else None
        return True if vouched_at > since else None

    async def route(self, domain: str) -> RouteEvidence:
        """Find out where mail for a domain goes (RFC 5321 section 5.1): its MX hosts, or itself, their addresses; and what it declares."""
        began = datetime.now(UTC)
        try:
            name = ascii_name(domain)
        except BadName as error:
            return RouteEvidence(domain, None, failure=Failure(Cause.DNS_FAILURE, Stage.DNS, str(error)), began=began)
        way, record, tls_rpt = await asyncio.gather(self._way(name, began), self._texts("_mta-sts", name), self._texts("_smtp._tls", name))
        return replace(way, mta_sts=StsEvidence(record), tls_rpt=tls_rpt)

    async def _way(self, name: str, began: datetime) -> RouteEvidence:
        mx = await self.lookup(name, "MX")
        if mx.outcome is LookupOutcome.ANSWERED:
            targets = sorted({_mx_target(record) for record in mx.records})
            # The root among other hosts is no host (RFC 7505 section 3), and one that is named twice is one, of its better preference.
            best = {host: preference for preference, host in reversed(targets) if host}
            hosts = sorted(best.items(), key=lambda each: (each[1], each[0]))
            omitted = max(0, len(hosts) - MAX_HOSTS)
            routes = await asyncio.gather(*(self._host(host, preference) for host, preference in hosts[:MAX_HOSTS]))
            return RouteEvidence(name, mx, tuple(routes), omitted_hosts=omitted, began=began)
        if mx.outcome is LookupOutcome.NO_DATA:
            return RouteEvidence(name, mx, (await self._host(name, 0),), implicit=True, began=began)
        return RouteEvidence(name, mx, began=began)

    async def _texts(self, label: str, domain: str) -> Lookup:
        """Ask for the TXT records below a domain; a name that is too long to exist has none."""
        name = f"{label}.{domain}"
        if len(name) > LONGEST_NAME:
            return Lookup(f"{name}.", "TXT", LookupOutcome.NO_SUCH_NAME, detail="longer than a name can be")
        return _capped(await self.lookup(name, "TXT"), MAX_TEXTS)

    async def addresses(self, host: str) -> tuple[Lookup, ...]:
        """Ask for the addresses of a host that is no MX host, both families.

        Raises:
            BadName: it cannot be one.

        """
        name = ascii_name(host)
        lookups = await asyncio.gather(self.lookup(name, "A"), self.lookup(name, "AAAA"))
        return tuple(_capped(lookup) for lookup in lookups)

    async def _host(self, host: str, preference: int) -> HostRoute:
        try:
            name = ascii_name(host)
        except BadName as error:
            return HostRoute(readable(host, 255), preference, await self._impossible(host, str(error)))
        lookups = await asyncio.gather(self.lookup(name, "A"), self.lookup(name, "AAAA"))
        addresses = tuple(_capped(lookup, MAX_ADDRESSES) for lookup in lookups)
        alias, tlsa = await self._tlsa(name, addresses)
        return HostRoute(name, preference, addresses, alias, tlsa)

    async def _impossible(self, host: str, why: str) -> tuple[Lookup, ...]:
        """Ask for the addresses of a host whose name cannot be one. Where it has some it is not nobody, though not all senders go there."""
        found = await asyncio.gather(self.lookup(host, "A"), self.lookup(host, "AAAA"))
        if any(lookup.records for lookup in found):
            return (Lookup(host, "A", LookupOutcome.SERVER_FAILURE, detail=f"{why}, and it has addresses"),)
        failed = tuple(lookup for lookup in found if not lookup.is_answer)
        return failed or (Lookup(host, "A", LookupOutcome.NO_SUCH_NAME, detail=why),)

    async def _tlsa(self, host: str, addresses: tuple[Lookup, ...]) -> tuple[Lookup | None, tuple[Lookup, ...]]:
        """Ask for a host's TLSA records where DNSSEC vouches for its addresses, or else for its being an alias (RFC 7672 section 2.2.2).

        There are servers that fail, or say nothing, when they are asked for a type that they do not know. In an insecure zone that would
        look like an attack; so nothing is asked there. The first set that DNSSEC vouches for counts, and so does the first failure.

        Returns:
            The look-up of the alias, where that was needed, and those of the records, in their order.

        """
        answered = [lookup for lookup in addresses if lookup.records]
        secure = next((lookup for lookup in answered if lookup.authenticated), None)
        names, alias = [], None
        if secure is not None:
            names = list(dict.fromkeys((secure.canonical.removesuffix(".").lower(), host)))
        elif any(lookup.authenticated is False and lookup.canonical.removesuffix(".").lower() != host for lookup in answered):
            alias = await self.lookup(host, "CNAME")
            names = [host] if alias.records and alias.authenticated else []
        asked: list[Lookup] = []
        for name in names:
            found = _capped(await self.lookup(f"_{self._port}._tcp.{name}", "TLSA"), MAX_TLSA)
            asked.append(found)
            if not found.is_answer or (found.records and found.authenticated):
                break
        return alias, tuple(asked)


def _vouches(answer: dns.message.Message | None) -> bool:
    return answer is not None and bool(answer.flags & dns.flags.AD)


def _why_unfit(answer: dns.message.Message) -> str:
    """Return why a response that reports no error is no answer all the same, or an empty text: the question is open then, and not denied."""
    if answer.flags & dns.flags.TC:
        return "truncated, over TCP as well"
    if answer.rcode() != dns.rcode.NOERROR:
        return ""
    asked = answer.question[0]
    if answer.answer and not any(rrset.name == asked.name and rrset.rdtype in (asked.rdtype, dns.rdatatype.CNAME) for rrset in answer.answer):
        return "an answer to another question"
    if any(rrset.rdtype == asked.rdtype for rrset in answer.answer):
        return ""
    held = {rrset.rdtype for rrset in answer.authority}
    if dns.rdatatype.NS in held and dns.rdatatype.SOA not in held:
        return "a referral to other servers, and no answer: that server does not resolve"  # RFC 2308 section 2.2
    return ""


def _mx_target(record: str) -> tuple[int, str]:
    preference, host = record.split(None, 1)
    return int(preference), host.removesuffix(".").lower()


def _capped(lookup: Lookup, most: int = MAX_ADDRESSES) -> Lookup:
    if len(lookup.records) <= most:
        return lookup
    return replace(lookup, records=tuple(sorted(lookup.records))[:most], omitted=len(lookup.records) - most)


def _extended_error(answer: dns.message.Message) -> str:
    options: Sequence[dns.edns.Option] = answer.options
    said = [o.to_text() for o in options if isinstance(o, dns.edns.EDEOption)]
    return readable("; ".join(said), 160)
