"""Loopback addresses and ports: which are free, and which are being listened on."""

import ipaddress
import itertools
import os
import random
import socket
from pathlib import Path

NETWORK = ipaddress.IPv4Network("127.30.0.0/16")
_WORKERS = 16
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % _WORKERS
_PLACES = range(256 // _WORKERS, NETWORK.num_addresses // _WORKERS - 1)
_places = itertools.cycle(random.sample(_PLACES, len(_PLACES)))


def free_address() -> str:
    """Return an address of 127.30.0.0/16 that neither this process nor another worker of its session was given before.

    They come in random order, so that test sessions beside this one seldom meet them. On an address of its own a server may take a
    well-known port, such as 25 or 53; and no client's own port is ever taken there, as it may be on 127.0.0.1.
    """
    return str(NETWORK[next(_places) * _WORKERS + _WORKER])


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
