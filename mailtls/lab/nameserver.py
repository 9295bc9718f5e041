"""A DNS server for a table of records, answering as a recursive resolver would, faults on demand."""

from __future__ import annotations

import asyncio
import contextlib
import enum
import errno
from typing import TYPE_CHECKING, cast

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_PORT_ATTEMPTS = 50
_CHAIN_LIMIT = 16  # CNAMEs followed before giving up, as resolvers do
_TCP_IDLE = 30.0  # seconds
_PAYLOAD = 1232  # bytes over UDP, the size of the DNS flag day
_PLAIN_PAYLOAD = 512
_ROOT = dns.name.root.to_text()


class Fault(enum.Enum):
    """What is wrong with a name, whatever the type asked for."""

    SERVFAIL = "servfail"
    REFUSED = "refused"
    TIMEOUT = "timeout"  # no answer, over UDP or TCP
    TRUNCATE = "truncate"  # TC and no records over UDP, the answer over TCP
    BOGUS = "bogus"  # SERVFAIL with EDE 6, or the answer if the query has CD set


def _key(name: dns.name.Name) -> str:
    return name.to_text(omit_final_dot=True).lower()


class Nameserver:
    """An authoritative DNS server over UDP and TCP, standing in for a recursive resolver (RA=1, CNAMEs followed).

    The records of a set come in random order. `records`, `faults` and `secure` may be changed while it runs; names in
    them are lower case, without the final dot.
    """

    def __init__(
        self,
        records: Mapping[tuple[str, str], list[str]] | None = None,
        faults: Mapping[str, Fault] | None = None,
        secure: Iterable[str] = (),
        ttl: int = 5,
    ) -> None:
        """Hold copies of the tables; `start` makes a server that listens.

        `records` maps (owner, type) to record texts, e.g. `{("good.example", "MX"): ["10 mx.good.example."]}`;
        `secure` holds the names whose answers carry AD=1 if the query has AD or DO set; `ttl` is in seconds.
        """
        self.records: dict[tuple[str, str], list[str]] = dict(records or {})
        self.faults: dict[str, Fault] = dict(faults or {})
        self.secure: set[str] = set(secure)
        self.ttl = ttl
        self.validates = True
        """Whether it vouches for what is secure, and for the root zone; else for nothing."""
        self.queries: list[tuple[str, str]] = []  # the last thousand (owner, type) asked for
        self._datagrams: asyncio.DatagramTransport | None = None
        self._server: asyncio.Server | None = None
        self._streams: set[asyncio.Task[None]] = set()
        self._address = ("", 0)

    @classmethod
    async def start(
        cls,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        records: Mapping[tuple[str, str], list[str]] | None = None,
        faults: Mapping[str, Fault] | None = None,
        secure: Iterable[str] = (),
        ttl: int = 5,
    ) -> Nameserver:
        """Listen on a host, which is an address; port 0 picks one that is free for both UDP and TCP.

        Raises OSError if the port is taken.
        """
        self = cls(records, faults, secure, ttl)
        for attempt in range(1, _PORT_ATTEMPTS + 1):
            try:
                await self._listen(host, port)
            except OSError as error:
                # A port free for TCP may be taken for UDP: another draw may do better.
                if port or attempt == _PORT_ATTEMPTS or error.errno != errno.EADDRINUSE:
                    raise
            else:
                break
        return self

    @property
    def address(self) -> tuple[str, int]:
        """The host and port listened on."""
        return self._address

    async def stop(self) -> None:
        """Close both sockets and drop open connections; stopping twice is harmless."""
        if self._datagrams is not None:
            self._datagrams.close()
            self._datagrams = None
        server, self._server = self._server, None
        if server is not None:
            server.close()
        for task in self._streams:
            task.cancel()
        await asyncio.gather(*self._streams, return_exceptions=True)
        if server is not None:
            await server.wait_closed()
        await asyncio.sleep(0)  # the datagram socket is closed by a callback already queued

    async def _listen(self, host: str, port: int) -> None:
        server = await asyncio.start_server(self._accept, host, port)
        self._address = (host, server.sockets[0].getsockname()[1])
        try:
            self._datagrams, _ = await asyncio.get_running_loop().create_datagram_endpoint(
                lambda: _Datagrams(self), local_addr=self._address
            )
        except BaseException:
            server.close()
            await server.wait_closed()
            raise
        self._server = server

    def answer(self, wire: bytes, *, stream: bool) -> bytes | None:
        """Return the response to a query in wire format, or None for silence; `stream` says it came over TCP."""
        try:
            query = dns.message.from_wire(wire, ignore_trailing=True)
        except Exception:  # noqa: BLE001  # the parser's ways to fail on garbage are many, and none may stop the server
            return _formerr(wire)
        if query.flags & dns.flags.QR:
            return None  # answering a response could go on for ever
        response = self._respond(query, stream=stream)
        if response is None:
            return None
        size = 65535 if stream else max(_PLAIN_PAYLOAD, min(query.payload, _PAYLOAD)) if query.edns >= 0 else 512
        return response.to_wire(max_size=size, prefer_truncation=True)

    def _respond(self, query: dns.message.Message, *, stream: bool) -> dns.message.Message | None:
        response = dns.message.make_response(query, recursion_available=True, our_payload=_PAYLOAD)
        response.flags |= query.flags & dns.flags.CD
        if query.opcode() != dns.opcode.QUERY:
            response.set_rcode(dns.rcode.NOTIMP)
            return response
        if len(query.question) != 1:
            response.set_rcode(dns.rcode.FORMERR)
            return response
        question = query.question[0]
        if question.rdclass != dns.rdataclass.IN:
            response.set_rcode(dns.rcode.REFUSED)
            return response
        self.queries.append((_key(question.name), dns.rdatatype.to_text(question.rdtype)))
        del self.queries[:-1000]

        names = self._resolve(response, question.name, question.rdtype)
        faults = {self.faults.get(name) for name in names}
        if Fault.TIMEOUT in faults:
            return None
        if Fault.TRUNCATE in faults and not stream:
            response.flags |= dns.flags.TC
            return _emptied(response)
        if Fault.REFUSED in faults:
            return _emptied(response, dns.rcode.REFUSED)
        if Fault.SERVFAIL in faults:
            return _emptied(response, dns.rcode.SERVFAIL)
        if Fault.BOGUS in faults and not query.flags & dns.flags.CD:
            if query.edns >= 0:
                bogus = dns.edns.EDEOption(dns.edns.EDECode.DNSSEC_BOGUS, "signature expired in the lab")
                response.use_edns(0, 0, _PAYLOAD, options=[bogus])
            return _emptied(response, dns.rcode.SERVFAIL)
        asked = query.flags & dns.flags.AD or query.ednsflags & dns.flags.DO
        sound = response.rcode() != dns.rcode.SERVFAIL and Fault.BOGUS not in faults
        if asked and sound and self.validates and (self.secure | {_ROOT}).issuperset(names):
            response.flags |= dns.flags.AD
        return response

    def _resolve(self, response: dns.message.Message, name: dns.name.Name, rdtype: dns.rdatatype.RdataType) -> list[str]:
        """Fill in the answer, following CNAMEs; return the names on the way, the one asked for first."""
        names = [_key(name)]
        if name == dns.name.root and rdtype == dns.rdatatype.SOA:
            response.answer.append(dns.rrset.from_text(name, self.ttl, "IN", "SOA", f". nobody.invalid. 1 3600 600 86400 {self.ttl}"))
            return names
        while True:
            texts, found = self.records.get((names[-1], dns.rdatatype.to_text(rdtype))), rdtype
            if texts is None:
                texts, found = self.records.get((names[-1], "CNAME")), dns.rdatatype.CNAME
            if not texts:
                self._deny(response, names[-1])
                return names
            try:
                rrset = dns.rrset.from_text_list(name, self.ttl, dns.rdataclass.IN, found, texts)
            except dns.exception.DNSException:
                response.set_rcode(dns.rcode.SERVFAIL)  # a record that makes no sense, say from a test's typing error
                return names
            response.answer.append(rrset)
            if found == rdtype:
                return names
            name = rrset[0].target
            names.append(_key(name))
            if len(names) > _CHAIN_LIMIT:
                _emptied(response, dns.rcode.SERVFAIL)
                return names

    def _deny(self, response: dns.message.Message, name: str) -> None:
        """Say that there is no such name, or that it has no such records: then another type or a child exists."""
        if not any(owner == name or owner.endswith("." + name) for (owner, _), texts in self.records.items() if texts):
            response.set_rcode(dns.rcode.NXDOMAIN)
        soa = f". nobody.invalid. 1 3600 600 86400 {self.ttl}"
        response.authority.append(dns.rrset.from_text(dns.name.root, self.ttl, "IN", "SOA", soa))

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._streams.add(task)
        task.add_done_callback(self._streams.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            # Clients leave when they like: between queries, in the middle of one, or while they are answered.
            with contextlib.suppress(OSError, EOFError, TimeoutError):
                while True:
                    async with asyncio.timeout(_TCP_IDLE):
                        wire = await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))
                    response = self.answer(wire, stream=True)
                    if response is not None:
                        writer.write(len(response).to_bytes(2, "big") + response)
                        await writer.drain()
        finally:
            writer.transport.abort()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, nameserver: Nameserver) -> None:
        self._nameserver = nameserver
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)  # asyncio's own is no subclass of it

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        response = self._nameserver.answer(data, stream=False)
        if response is not None and self._transport is not None:
            self._transport.sendto(response, addr)


def _emptied(response: dns.message.Message, rcode: dns.rcode.Rcode | None = None) -> dns.message.Message:
    response.answer.clear()
    response.authority.clear()
    if rcode is not None:
        response.set_rcode(rcode)
    return response


def _formerr(wire: bytes) -> bytes | None:
    """Return a bare FORMERR header for a query beyond parsing; None if even its header is not there."""
    if len(wire) < 12 or wire[2] & 0x80:
        return None
    return wire[:2] + bytes((0x80 | wire[2] & 0x79, 0x80 | dns.rcode.FORMERR)) + bytes(8)
