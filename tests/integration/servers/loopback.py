"""Loopback addresses and ports: which are free, and which are being listened on."""

import ipaddress
import random
import socket
from pathlib import Path

NETWORK = ipaddress.IPv4Network("127.30.0.0/16")


def free_address() -> str:
    """Return an address of 127.30.0.0/16; random, so that test sessions beside this one seldom meet it.

    On an address of its own a server may take a well-known port, such as 25 or 53.
    """
    return str(NETWORK[random.randrange(256, NETWORK.num_addresses - 1)])


def free_port(address: str) -> int:
    """Return a port that is free at this address for both TCP and UDP (name servers need the two)."""
    for _ in range(50):
        with (
            socket.socket(socket.AF_INET, socket.SOCK_STREAM) as stream,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagram,
        ):
            stream.bind((address, 0))
            port = int(stream.getsockname()[1])
            try:
                datagram.bind((address, port))
            except OSError:
                continue
            return port
    raise RuntimeError(f"no port at {address} is free for both TCP and UDP")


def is_listening(address: str, port: int) -> bool:
    """Tell whether something listens for TCP there, without connecting.

    A trial connection would not be innocent: Postfix counts it against its rate limit, and every server logs it.
    """
    wanted = f"{int.from_bytes(socket.inet_aton(address), 'little'):08X}:{port:04X}"
    rows = Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]
    return any(fields[1] == wanted and fields[3] == "0A" for fields in map(str.split, rows))
