"""One full enumeration as a whole process, what was found as JSON: ``python tests/bench/enumerate_once.py HOST ADDRESS PORT [AT_ONCE]``."""

from __future__ import annotations

import gc

gc.disable()  # a process that ends within a second has nothing to collect, and loads its modules faster without

import asyncio  # noqa: E402
import json  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
from ipaddress import ip_address, ip_network  # noqa: E402

from mailtls.dial import Network  # noqa: E402
from mailtls.hellos import Asked, HelloOffer  # noqa: E402
from mailtls.model import Endpoint  # noqa: E402
from mailtls.raw_hello import ask, ask_all  # noqa: E402
from mailtls.tls.enumeration import Enumeration  # noqa: E402
from mailtls.tls.names import VERSIONS, cipher_suite_name, group_of  # noqa: E402
from mailtls.tls.picture import read_picture  # noqa: E402

AT_ONCE = 5  # as many as nmap has


async def main(host: str, address: str, port: int, at_once: int = AT_ONCE) -> None:
    """Enumerate, and print."""
    network = Network(allow_networks=(ip_network("127.0.0.0/8"),))
    endpoint = Endpoint(host, ip_address(address), port)
    enumeration = Enumeration(in_haste=True)
    began, cpu = time.monotonic(), time.process_time()

    async def one(offer: HelloOffer) -> Asked:
        return await ask(endpoint, offer, network, "probe.example", 30, began)

    await ask_all(enumeration, one, at_once)
    picture = read_picture(enumeration.asked)
    odd = [item for item in enumeration.asked if not item.offer.is_plain and not item.offer.fallback]
    found = {
        "suites": {v: [cipher_suite_name(code) for code in picture.suites(v)] for v in VERSIONS if v in picture.accepted},
        "groups": sorted({group_of(code) for codes in picture.groups.values() for code in codes}),
        "open": {v: len(picture.open_suites(v)) for v in VERSIONS if picture.open_suites(v)},
        "interrupted": None if enumeration.interrupted is None else str(enumeration.interrupted),
        "connections": len(enumeration.asked),
        "of_these_intolerances": len(odd),
        "seconds": round(time.monotonic() - began, 3),
        "cpu": round(time.process_time() - cpu, 3),
        "cpu_with_start": round(time.process_time(), 3),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:])))
