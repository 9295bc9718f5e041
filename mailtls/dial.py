"""Dialling: the only place where a TCP connection to a stranger is opened, and so where forbidden addresses are refused."""

from __future__ import annotations

import asyncio
import errno
import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_network
from typing import TYPE_CHECKING, Literal

from mailtls.model import Cause, Failure, Stage

if TYPE_CHECKING:
    from collections.abc import Iterable
    from ipaddress import IPv4Network, IPv6Network

    from mailtls.model import Endpoint

Address = IPv4Address | IPv6Address

# Ranges whose addresses carry an IPv4 address: the inner one decides as well (RFC 6052, RFC 3056).
_NAT64 = ip_network("64:ff9b::/96")
_RELAY_ANYCAST = ip_network("192.88.99.0/24")  # withdrawn (RFC 7526), and in nobody's hands
_SIX_TO_FOUR = ip_network("2002::/16")

_CAUSES = {
    errno.ECONNREFUSED: Cause.CONNECT_REFUSED,
    errno.ETIMEDOUT: Cause.CONNECT_TIMEOUT,
    errno.EHOSTUNREACH: Cause.UNREACHABLE,
    errno.ENETUNREACH: Cause.UNREACHABLE,
    errno.EHOSTDOWN: Cause.UNREACHABLE,
    errno.ENETDOWN: Cause.UNREACHABLE,
    errno.EADDRNOTAVAIL: Cause.UNREACHABLE,
    errno.EACCES: Cause.UNREACHABLE,
    errno.EPERM: Cause.UNREACHABLE,
    errno.ECONNRESET: Cause.CONNECTION_CLOSED,
    errno.ECONNABORTED: Cause.CONNECTION_CLOSED,
}


class Ended(Exception):  # noqa: N818 - it is how a visit ends, not an error of ours
    """A visit came to its end before its aim."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.detail)
        self.failure = failure


def ended(cause: Cause, stage: Stage, detail: str = "") -> Ended:
    """Return an :class:`Ended` to raise."""
    return Ended(Failure(cause, stage, detail))


@dataclass(frozen=True, slots=True)
class Network:
    """The rules of dialling.

    Args:
        allow_networks: non-global networks that may be dialled all the same.
        exclude_networks: networks that are never dialled.
        source_addresses: local addresses to bind to, at most one a family.
        ipv6: ``auto`` leaves IPv6 endpoints out of scope where this machine has no route to them.
        connect_timeout: seconds.

    """

    allow_networks: tuple[IPv4Network | IPv6Network, ...] = ()
    exclude_networks: tuple[IPv4Network | IPv6Network, ...] = ()
    source_addresses: tuple[Address, ...] = ()
    ipv6: Literal["auto", "always", "never"] = "auto"
    connect_timeout: float = 10.0


def is_public(address: Address) -> bool:
    """Whether an address is one that strangers may be at: global unicast, and so is any IPv4 address within it."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if address in _NAT64:
            return is_public(IPv4Address(int(address) & 0xFFFF_FFFF))
        if address in _SIX_TO_FOUR:
            return is_public(IPv4Address(int(address) >> 80 & 0xFFFF_FFFF))
        if address.teredo is not None or address.is_site_local:
            return False
    if address in _RELAY_ANYCAST:
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def _contains(networks: Iterable[IPv4Network | IPv6Network], address: Address) -> bool:
    inner = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return any(address in network or (inner is not None and inner in network) for network in networks)


def why_not_dialled(address: Address, network: Network) -> Failure | None:
    """Return why an address must not be dialled, or ``None``. Asked at the moment of dialling, so no name can slip past it."""
    if _contains(network.exclude_networks, address):
        return Failure(Cause.NOT_ATTEMPTED, Stage.CONNECT, f"{address} is excluded by configuration")
    if is_public(address) or _contains(network.allow_networks, address):
        return None
    return Failure(Cause.ADDRESS_FORBIDDEN, Stage.CONNECT, f"{address} is not a public address, and network.allow_networks does not list it")


def why_out_of_scope(address: Address, network: Network) -> str | None:
    """Return why this vantage cannot speak of an address at all: it lacks the family. ``None`` where it does not."""
    if address.version == 4 or network.ipv6 == "always":
        return None
    if network.ipv6 == "never":
        return "IPv6 is switched off here (network.ipv6)"
    # Connecting a datagram socket sends nothing; it asks the kernel for a route.
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as asking:
            asking.connect((str(address), 53))
    except OSError as error:
        if error.errno in (errno.ENETUNREACH, errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL):
            return "this vantage has no IPv6"
    return None


async def dial(endpoint: Endpoint, network: Network) -> socket.socket:
    """Connect to an endpoint.

    Raises:
        Ended: with the cause, at the stage ``connect``; a forbidden address is never dialled.

    """
    source = _source_for(endpoint, network)
    family = socket.AF_INET if endpoint.address.version == 4 else socket.AF_INET6
    try:
        connection = socket.socket(family, socket.SOCK_STREAM)
        try:
            connection.setblocking(False)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if source is not None:
                connection.bind(source)
            async with asyncio.timeout(network.connect_timeout):
                await asyncio.get_running_loop().sock_connect(connection, (str(endpoint.address), endpoint.port))
        except BaseException:
            connection.close()
            raise
    except OSError as error:
        raise _not_connected(error, network) from error
    return connection


async def connect(endpoint: Endpoint, network: Network, protocol: asyncio.BaseProtocol) -> asyncio.Transport:
    """Connect a protocol to an endpoint: the same, with less work for the event loop than to take over a socket.

    Raises:
        Ended: with the cause, at the stage ``connect``; a forbidden address is never dialled.

    """
    source, loop = _source_for(endpoint, network), asyncio.get_running_loop()
    try:
        async with asyncio.timeout(network.connect_timeout):
            made = await loop.create_connection(lambda: protocol, str(endpoint.address), endpoint.port, local_addr=source)
    except OSError as error:
        raise _not_connected(error, network) from error
    return made[0]


def _source_for(endpoint: Endpoint, network: Network) -> tuple[str, int] | None:
    """Return the local address to dial an endpoint from, where one is configured. Raises Ended where it must not be dialled at all."""
    forbidden = why_not_dialled(endpoint.address, network)
    if forbidden is not None:
        raise Ended(forbidden)
    return next(((str(own), 0) for own in network.source_addresses if own.version == endpoint.address.version), None)


def _not_connected(error: OSError, network: Network) -> Ended:
    """Return what an error of the kernel, or our own time-out, says of the visit."""
    if isinstance(error, TimeoutError):
        limit = "the network gave up (ETIMEDOUT)" if error.errno == errno.ETIMEDOUT else f"no answer within {network.connect_timeout:g} s"
        return ended(Cause.CONNECT_TIMEOUT, Stage.CONNECT, limit)
    cause = _CAUSES.get(error.errno or 0, Cause.INTERNAL_ERROR)  # out of file descriptors, for one: ours, not the server's
    return ended(cause, Stage.CONNECT, (error.strerror or str(error)).lower())


def why_lost(error: Exception) -> Failure:
    """Return what it says of a visit that its connection broke off with an error; the stage is that of dialling."""
    cause = Cause.INTERNAL_ERROR
    if isinstance(error, OSError):
        cause = Cause.READ_TIMEOUT if error.errno == errno.ETIMEDOUT else _CAUSES.get(error.errno or 0, cause)
    return Failure(cause, Stage.CONNECT, f"{type(error).__name__}: {error}")


def source_of(connection: socket.socket | asyncio.BaseTransport) -> str:
    """Return our own address and port of a connection, as a partner's log shows it."""
    try:
        name = connection.getsockname() if isinstance(connection, socket.socket) else connection.get_extra_info("sockname")
    except OSError:
        return ""
    if not name:
        return ""
    return f"[{name[0]}]:{name[1]}" if ":" in name[0] else f"{name[0]}:{name[1]}"
