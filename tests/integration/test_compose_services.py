"""What Compose starts, as far as it goes without Compose: each configuration under the program that it is for, and each health check run."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from servers import Alertmanager, Prometheus
from servers.server import find_program

if TYPE_CHECKING:
    from collections.abc import Iterator

DEPLOY = Path(__file__).parents[2] / "deploy"
SERVICES: dict[str, Any] = yaml.safe_load((DEPLOY / "compose/compose.yaml").read_text())["services"]
CONFIGURATION = DEPLOY / "compose/unbound/unbound.conf"


def health(service: str, own: str = "", here: str = "") -> list[str]:
    """Return a service's health check, with an address of this test's in the place of its own."""
    kind, program, *arguments = SERVICES[service]["healthcheck"]["test"]
    assert kind == "CMD"
    return [find_program(program), *(word.replace(own, here) if own else word for word in arguments)]


def succeeds(command: list[str]) -> bool:
    return subprocess.run(command, capture_output=True, check=False, timeout=30).returncode == 0


class Resolver:
    """Unbound with the configuration that Compose gives it, as its user, in a network that leads nowhere."""

    def __init__(self) -> None:
        user, group = SERVICES["unbound"]["user"].split(":")
        script = 'ip link set lo up; exec setpriv "$@"'
        rights = [f"--reuid={user}", f"--regid={group}", "--clear-groups", "--no-new-privs", "--inh-caps=-all", "--bounding-set=-all"]
        command = [find_program("unbound"), "-d", "-p", "-c", str(CONFIGURATION)]
        self.process = subprocess.Popen(["unshare", "--net", "sh", "-euc", script, "resolver", *rights, *command])

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        entered = ["nsenter", "--target", str(self.process.pid), "--net", *command]
        return subprocess.run(entered, capture_output=True, text=True, check=False, timeout=30)


@pytest.fixture
def resolver() -> Iterator[Resolver]:
    started = Resolver()
    yield started
    started.process.kill()
    started.process.wait()


def test_unbound_serves_without_root_or_anything_to_write_and_holds_on_to_the_keys_of_the_root(resolver: Resolver) -> None:
    assert succeeds([find_program("unbound-checkconf"), str(CONFIGURATION)])
    check = [word.replace("/etc/unbound/unbound.conf", str(CONFIGURATION)) for word in health("unbound")]
    end = time.monotonic() + 20
    while resolver.run(*check).returncode:
        assert resolver.process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.1)
    control = [find_program("unbound-control"), "-c", str(CONFIGURATION)]
    anchors = resolver.run(*control, "get_option", "trust-anchor-file").stdout.strip()
    assert Path(anchors).read_text().count(" DNSKEY 257 ") >= 2
    ask = "from dns import message, query; print(query.udp(message.make_query('localhost.', 'A'), '127.0.0.1', port=5353, timeout=9).rcode())"
    assert resolver.run(sys.executable, "-c", ask).stdout == "0\n"


async def test_prometheus_takes_the_configuration_with_the_rules_and_its_health_check_tells_whether_it_is_there() -> None:
    text = (DEPLOY / "compose/prometheus/prometheus.yml").read_text().replace("/etc/prometheus/rules", str(DEPLOY / "prometheus/rules"))
    async with Prometheus(text) as server:
        here = f"http://{server.address}:{server.port}"
        assert succeeds([find_program("promtool"), "check", "config", str(server.directory / "prometheus.yml")])
        assert '"MailTLSDown"' in await server.get("/api/v1/rules")
        command = health("prometheus", "http://127.0.0.1:9090", here)
        assert here in command
        assert succeeds(command)
    assert not succeeds(command)


async def test_alertmanager_takes_its_own_and_its_health_check_tells_whether_it_is_there() -> None:
    async with Alertmanager((DEPLOY / "alertmanager/alertmanager.yml").read_text()) as server:
        here = f"http://{server.address}:{server.port}"
        command = health("alertmanager", "http://127.0.0.1:9093", here)
        assert f"--alertmanager.url={here}" in command
        assert succeeds(command)
    assert not succeeds(command)
