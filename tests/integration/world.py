"""A small Internet of real servers: three MTAs behind a signing name server and a validating resolver, and mailtls's configuration."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from dane_cases import tlsa
from servers import Authority, Exim, Knot, OpenSMTPD, Postfix, Postscreen, Unbound, Zone


@dataclass
class World:
    """What the tests look at. ``mta`` are the mail servers by the first label of their domain."""

    directory: Path
    configuration: Path
    mta: dict[str, Any]
    resolver: Unbound
    knot: Knot

    async def mailtls(self, *arguments: str) -> tuple[int, str, str]:
        """Run mailtls, and return its exit status, output and errors."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "mailtls.cli", *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        async with asyncio.timeout(120):
            out, err = await process.communicate()
        assert process.returncode is not None
        return process.returncode, out.decode(), err.decode()

    async def check(self, *domains: str, options: tuple[str, ...] = ()) -> tuple[int, dict[str, Any]]:
        """Run ``mailtls check`` and return its exit status and the domains of its JSON by name."""
        command = ("check", *domains, "--config.file", str(self.configuration), "--format", "json", *options)
        status, out, err = await self.mailtls(*command)
        assert status in (0, 1, 3), err
        return status, {domain["domain"]: domain for domain in json.loads(out)["domains"]}


@asynccontextmanager
async def world(directory: Path) -> AsyncIterator[World]:
    """Start everything. Port 25, as in the wild; each server has an address of its own."""
    authority = Authority(directory)
    both = [authority.issue(["mx.postfix.test"], "rsa"), authority.issue(["mx.postfix.test"], "ecdsa")]
    mta: dict[str, Any] = {
        "postfix": Postfix(port=25, hostname="mx.postfix.test", certificates=both),
        "postscreen": Postfix(
            port=25, hostname="mx.postscreen.test", certificates=[authority.issue(["mx.postscreen.test"], "ecdsa")], postscreen=Postscreen()
        ),
        "plain": Postfix(port=25, hostname="mx.plain.test"),
        "refusing": Postfix(
            port=25, hostname="mx.refusing.test", certificates=[authority.issue(["mx.refusing.test"], "rsa")], refuse_clients=True
        ),
        "limited": Postfix(
            port=25, hostname="mx.limited.test", certificates=[authority.issue(["mx.limited.test"], "rsa")], rate_limit=1
        ),
        "exim": Exim(
            port=25, hostname="mx.exim.test", certificates=[authority.issue(["mx.exim.test"], "rsa"), authority.issue(["mx.exim.test"], "ecdsa")]
        ),
        "deferring": Exim(port=25, hostname="mx.deferring.test", connect="defer message = 421 4.7.0 come back later"),
        "opensmtpd": OpenSMTPD(port=25, hostname="mx.opensmtpd.test", certificate=authority.issue(["mx.opensmtpd.test"], "rsa")),
    }
    states = {"exim": "insecure"}
    records = {"postfix": "".join(f"_25._tcp.mx TLSA {record}\n" for record in tlsa({"postfix": both}, {}, "3 1 1", "postfix"))}
    zones = [Zone("test.", "")]
    for name, server in mta.items():
        text = f"@ MX 10 mx\nmx A {server.address}\n{records.get(name, '')}"
        zones.append(Zone(f"{name}.test.", text, states.get(name, "secure")))  # type: ignore[arg-type]
    zones += [
        Zone("bogus.test.", f"@ MX 10 mx\nmx A {mta['postfix'].address}\n", "bogus"),
        Zone("nomail.test.", "@ MX 0 .\n"),
        Zone("inward.test.", "@ MX 10 mx\nmx A 10.1.2.3\n"),
        Zone("shared.test.", "@ MX 10 mx.postfix.test.\n"),
    ]
    async with AsyncExitStack() as stack:
        for server in mta.values():
            await stack.enter_async_context(server)
        knot = await stack.enter_async_context(Knot(zones))
        resolver = await stack.enter_async_context(Unbound.of(knot))
        settings = {
            "vantage": {"name": "integration", "ehlo_name": "probe.integration.test"},
            "resolver": {"nameservers": [f"{resolver.address}:{resolver.port}"], "timeout": "3s"},
            "network": {"port": 25, "allow_networks": ["127.30.0.0/16"], "probe_deadline": "12s", "connect_timeout": "2s"},
            "trust": {"ca_file": str(authority.file)},
            "schedule": {"interval": "6s"},
            "limits": {"pace": "50ms", "scan_deadline": "30s"},
            "web": {"listen": ["127.0.0.1:0"]},
            "storage": {"url": f"sqlite:///{directory / 'mailtls.db'}"},
            "providers": [{"name": name.title(), "domains": [f"{name}.test"]} for name in [*mta, "bogus", "nomail", "inward", "shared"]],
        }
        configuration = directory / "mailtls.yaml"
        configuration.write_text(yaml.safe_dump(settings))
        yield World(directory, configuration, mta, resolver, knot)
