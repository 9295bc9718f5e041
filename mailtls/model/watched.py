"""What is watched: providers, and the endpoints that take their mail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv6Address

Family = Literal["ipv4", "ipv6"]


@dataclass(frozen=True, slots=True)
class Provider:
    """A partner that owns recipient domains."""

    name: str
    domains: tuple[str, ...]
    weight: float = 1.0
    contact: str | None = None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One address of an MX host. Its TLS is measured once, however many domains lead to it.

    Args:
        host: the MX host's name in ASCII, lower case, without the final dot.
        address: that is visited.
        port: that is visited.
        server_name: what goes into the SNI, in the same form: the host's name, but the TLSA base domain where DANE speaks of another
            name (RFC 7672 section 8.1). Two names are two endpoints, since a server may show each another certificate.

    """

    host: str
    address: IPv4Address | IPv6Address
    port: int = 25
    server_name: str = ""

    def __post_init__(self) -> None:
        if not self.server_name:
            object.__setattr__(self, "server_name", self.host)

    @property
    def family(self) -> Family:
        """``ipv4`` or ``ipv6``."""
        return "ipv6" if self.address.version == 6 else "ipv4"

    def __str__(self) -> str:
        shown = f"[{self.address}]" if self.address.version == 6 else str(self.address)
        return f"{self.host} {shown}:{self.port}"
