"""What all tests share: an authority, and a prober that may visit loopback."""

from __future__ import annotations

from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import TYPE_CHECKING

import examples  # noqa: F401 - the profiles of hypothesis must be there before one is chosen
import hypothesis
import pytest
import structlog

from mailtls.budget import Budget, Limits
from mailtls.dial import Network
from mailtls.evidence import Purpose
from mailtls.lab import Authority, Behaviour, MailServer
from mailtls.model import Endpoint, EndpointObservation
from mailtls.probe import Prober
from mailtls.tracking.holding import absorb, observe
from mailtls.trust.pkix import Anchors
from mailtls.visit import Visitor

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterator

HOST = "mx.wild.example"

hypothesis.settings.load_profile("fast")  # unless --hypothesis-profile names the other one


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--uvloop", action="store_true", help="run the tests on the event loop of the extra 'speed'")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--uvloop"):
        import uvloop

        class Faster:
            def pytest_asyncio_loop_factories(self) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
                return {"uvloop": uvloop.new_event_loop}

        config.pluginmanager.register(Faster())
        # uvloop warns of a socket that a cancelled look-up left open while it closes; as an error, that would keep it from ever closing.
        config.addinivalue_line("filterwarnings", "default::ResourceWarning")


@pytest.fixture(autouse=True)
def _logs_as_they_were() -> Iterator[None]:
    """Leave logging as it was: a command that was tried in this process sets it up, on a stream that ends with its test."""
    structlog.reset_defaults()  # a fixture of the whole module may have tried one before this
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority.create(datetime.now(UTC))


@pytest.fixture(scope="session")
def anchors(authority: Authority) -> Anchors:
    return Anchors(authority.root_pem, "the lab's root")


@pytest.fixture
def visit(anchors: Anchors):
    """Play a server's behaviour, scan it, and return what may be said of it, and the server for a look at what it heard."""

    async def play(behaviour: Behaviour, purpose: Purpose = Purpose.FULL, deadline: float = 0.8) -> tuple[EndpointObservation, MailServer]:
        server = await MailServer.start("127.0.0.1", 0, behaviour)
        try:
            network = Network(allow_networks=(ip_network("127.0.0.0/8"),), connect_timeout=1)
            prober = Prober(Visitor(network, "probe.example", deadline), Budget(Limits(pace=0.0, scan_deadline=5)))
            endpoint = Endpoint(HOST, ip_address("127.0.0.1"), server.address[1])
            scan = await prober.scan(endpoint, purpose)
            return observe(absorb(None, scan, anchors), endpoint, scan.began, None), server
        finally:
            await server.stop()

    return play


@pytest.fixture
def deaf(tmp_path: Path) -> Path:
    """Write a configuration whose resolver never answers, so that every domain is unknown, soon and without the Internet."""
    path = tmp_path / "deaf.yaml"
    settings = ['resolver: {nameservers: ["127.0.0.1:1"], timeout: 50ms}', "providers: [{name: A, domains: [a.example]}]"]
    path.write_text("\n".join([*settings, 'storage: {url: "sqlite://"}', ""]))
    return path
