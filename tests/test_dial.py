"""Forbidden addresses are refused at the moment of dialling."""

from __future__ import annotations

import asyncio
from ipaddress import ip_address, ip_network

import pytest

from mailtls.dial import Ended, Network, dial, is_public
from mailtls.model import Cause, Endpoint


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "192.168.1.1", "172.16.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1", "240.0.0.1",
        "255.255.255.255", "192.0.2.1", "198.18.0.1", "192.88.99.1", "::", "::1", "fe80::1", "fc00::1", "ff02::1", "2001:db8::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a00:1", "64:ff9b:1::1", "2002:7f00:1::", "2002:a00:1::", "fec0::1",
        "2001::1",
    ],
)  # fmt: skip
def test_an_address_that_no_stranger_can_be_at_is_not_public(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1", "64:ff9b::808:808", "::ffff:8.8.8.8", "2002:808:808::"])
def test_an_address_on_the_internet_is_public(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    ("network", "cause"),
    [
        (Network(), Cause.ADDRESS_FORBIDDEN),
        (Network(allow_networks=(ip_network("127.0.0.0/8"),), exclude_networks=(ip_network("127.0.0.1/32"),)), Cause.NOT_ATTEMPTED),
    ],
)
async def test_a_forbidden_or_excluded_address_is_never_connected_to(network: Network, cause: Cause) -> None:
    connections = []
    server = await asyncio.start_server(lambda _r, w: connections.append(w), "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(Ended) as end:
            await dial(Endpoint("mx.example", ip_address("127.0.0.1"), port), network)
        await asyncio.sleep(0.05)
    assert end.value.failure.cause is cause
    assert connections == []
