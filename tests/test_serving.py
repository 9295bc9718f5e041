"""The web servers on real sockets: what answers where."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from mailtls.config import Configuration
from mailtls.daemon import Daemon
from mailtls.listening import CannotListen
from mailtls.serving import Serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

HERE = ("127.0.0.1", 0)
FOR_EVERYBODY = ("/", "/api/v1/domains", "/api/v1/regressions")
FOR_US = ("/metrics", "/probe?target=a.example", "/sd/targets", "/-/healthy", "/-/ready", "/-/reload", "/-/", "/nonsense")


def daemon(**web: Any) -> Daemon:
    settings = {"providers": [{"name": "A", "domains": ["a.example"]}], "storage": {"url": "sqlite://"}, "web": web}
    return Daemon(Configuration.model_validate(settings))


@asynccontextmanager
async def served(of: Daemon, **more: Any) -> AsyncIterator[list[str]]:
    serving = Serving(of, [HERE], [HERE], **more)
    serving.begin()
    try:
        yield [url.rstrip("/") for url in serving.urls]
    finally:
        await serving.end()


async def test_the_public_sees_the_site_and_the_api_and_nothing_else() -> None:
    async with served(daemon()) as (ours, public), httpx.AsyncClient() as client:
        for path in FOR_EVERYBODY:
            assert [(await client.get(url + path)).status_code for url in (ours, public)] == [200, 200]
        for path in FOR_US:
            for method in ("GET", "POST", "PUT"):
                assert (await client.request(method, public + path)).status_code == 404
        assert (await client.get(ours + "/metrics")).status_code == 200
        assert "/metrics" in (await client.get(ours)).text
        page = (await client.get(public)).text
        assert ("a.example" in page, "/metrics" in page, "/probe" in page) == (True, False, False)


async def test_a_name_that_is_not_ours_is_refused_to_the_public_as_well_and_that_of_the_site_is_ours() -> None:
    async with served(daemon(external_url="https://status.example/")) as (_, public), httpx.AsyncClient() as client:
        assert (await client.get(public, headers={"Host": "evil.example"})).status_code == 421
        assert (await client.get(public, headers={"Host": "status.example"})).status_code == 200


async def test_where_one_address_cannot_be_had_the_others_are_given_back() -> None:
    first = Serving(daemon(), [HERE], [])
    port = int(first.urls[0].rstrip("/").rpartition(":")[2])
    first.close()
    with pytest.raises(CannotListen):
        Serving(daemon(), [("127.0.0.1", port)], [("192.0.2.1", 80)])
    Serving(daemon(), [("127.0.0.1", port)], []).close()


def test_the_hosts_of_public_addresses_are_names_of_ours() -> None:
    assert "status.internal.example" in daemon(public_listen=["status.internal.example:80"]).names()
