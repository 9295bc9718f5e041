"""One full enumeration as a whole process: ``python tests/bench/enumerate_once.py HOST ADDRESS PORT``, what was found as JSON."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network

from mailtls.asking import ask, ask_all
from mailtls.dial import Network
from mailtls.hellos import Asked, HelloOffer
from mailtls.model import Endpoint
from mailtls.tls.enumeration import Enumeration
from mailtls.tls.names import VERSIONS, cipher_suite_name, group_of
from mailtls.tls.picture import read_picture

PARALLEL = 4


async def main(host: str, address: str, port: int) -> None:
    """Enumerate, and print."""
    network = Network(allow_networks=(ip_network("127.0.0.0/8"),))
    endpoint = Endpoint(host, ip_address(address), port)
    enumeration, places = Enumeration(), asyncio.Semaphore(PARALLEL)
    began, cpu = time.monotonic(), time.process_time()

    async def one(offer: HelloOffer) -> Asked:
        async with places:
            return await ask(endpoint, offer, network, "probe.example", 30, began)

    await ask_all(enumeration, one)
    picture = read_picture(enumeration.asked)
    odd = [item for item in enumeration.asked if not item.offer.is_plain and not item.offer.fallback]
    print(
        json.dumps(
            {
                "suites": {v: [cipher_suite_name(code) for code in picture.suites(v)] for v in VERSIONS if v in picture.accepted},
                "groups": sorted({group_of(code) for codes in picture.groups.values() for code in codes}),
                "open": {v: len(picture.open_suites(v)) for v in VERSIONS if picture.open_suites(v)},
                "interrupted": None if enumeration.interrupted is None else str(enumeration.interrupted),
                "connections": len(enumeration.asked),
                "of_these_intolerances": len(odd),
                "seconds": round(time.monotonic() - began, 3),
                "cpu": round(time.process_time() - cpu, 3),
                "cpu_with_start": round(time.process_time(), 3),
                "date": datetime.now(UTC).isoformat(),
            }
        )
    )


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
