"""MTA-STS and TLS-RPT as ``mailtls check`` and the daemon find them: TXT records by Knot and Unbound, policies served by nginx."""

import asyncio
import datetime as dt
import json
import sys
import urllib.request
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from servers import Authority, Knot, Nginx, Postfix, Site, Unbound, Zone

PATH = ".well-known/mta-sts.txt"
DAY = dt.timedelta(days=1)


def policy(mode: str, *mx: str) -> str:
    return "".join(f"{line}\n" for line in ("version: STSv1", f"mode: {mode}", *(f"mx: {pattern}" for pattern in mx), "max_age: 604800"))


class World:
    """The servers, and the configuration with which mailtls looks at them."""

    def __init__(self, configuration: Path, nginx: Nginx, knot: Knot, zones: dict[str, Zone], resolver: Unbound) -> None:
        self.configuration = configuration
        self.nginx = nginx
        self.knot = knot
        self.zones = zones
        self.resolver = resolver

    async def check(self, *names: str) -> dict[str, Any]:
        """Run ``mailtls check`` and return the domains of its JSON by the first label of their names."""
        command = (sys.executable, "-m", "mailtls.cli", "check", "--quick", "--format", "json", "--config.file", str(self.configuration))
        process = await asyncio.create_subprocess_exec(
            *command, *(f"{name}.test" for name in names), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        async with asyncio.timeout(60):
            out, err = await process.communicate()
        assert process.returncode in (0, 1, 3), err.decode()
        return {domain["domain"].removesuffix(".test"): domain for domain in json.loads(out)["domains"]}


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    authority = Authority(tmp_path)
    good = policy("enforce", "*.enforce.test")
    own = ("enforce", "testing", "mismatch", "html", "gzip", "large", "missing")
    certificate = {name: authority.issue([f"mta-sts.{name}.test"]) for name in own}
    hosts = [
        Site("mta-sts.enforce.test", certificate["enforce"], {PATH: good}),
        Site("mta-sts.testing.test", certificate["testing"], {PATH: policy("testing", "mx.testing.test").replace("\n", "\r\n")}),
        Site("mta-sts.mismatch.test", certificate["mismatch"], {PATH: policy("enforce", "mail.mismatch.test")}),
        Site("mta-sts.html.test", certificate["html"], {PATH: good}, ["default_type text/html;", "types { }"]),
        Site("mta-sts.gzip.test", certificate["gzip"], {PATH: good}, ["add_header Content-Encoding gzip;"]),
        Site("mta-sts.large.test", certificate["large"], {PATH: good + "x: y\n" * 20_000}),
        Site("mta-sts.missing.test", certificate["missing"]),
        Site("mta-sts.redirect.test", authority.issue(["mta-sts.redirect.test"]), {}, ["return 301 https://mta-sts.enforce.test$request_uri;"]),
        Site("mta-sts.busy.test", authority.issue(["mta-sts.busy.test"]), {}, ["return 503;"]),
        Site("mta-sts.expired.test", authority.issue(["mta-sts.expired.test"], starts=-9 * DAY, ends=-DAY), {PATH: good}),
        Site("mta-sts.other.test", authority.issue(["policy.host.test"]), {PATH: good}),
    ]
    async with Postfix(port=25, hostname="mx.enforce.test", certificates=[authority.issue(["mx.enforce.test"])]) as mta, Nginx(hosts) as nginx:
        names = [site.name.split(".")[1] for site in hosts]
        zones = {name: Zone(f"{name}.test.", records(name, mta.address, nginx.address)) for name in names}
        rest = f"mx A {mta.address}\n@ MX 10 mx\nmta-sts A {nginx.address}\n"
        zones |= {
            "two": Zone("two.test.", rest + '_mta-sts TXT "v=STSv1; id=1"\n_mta-sts TXT "v=STSv1; id=2"\n'),
            "none": Zone("none.test.", rest),
            "alias": Zone("alias.test.", rest + "_mta-sts CNAME _mta-sts.enforce.test.\n_smtp._tls CNAME _smtp._tls.enforce.test.\n"),
            "split": Zone("split.test.", rest + '_mta-sts TXT "v=STSv1" "; id=" "split"\n'),
            "wildcard": Zone("wildcard.test.", rest + '* TXT "v=spf1 -all"\n'),
            "bogus": Zone("bogus.test.", rest + '_mta-sts TXT "v=STSv1; id=1"\n', "bogus"),
        }
        async with Knot([Zone("test.", ""), *zones.values()]) as knot, Unbound.of(knot, settings=["cache-max-ttl: 0"]) as resolver:
            settings = {
                "vantage": {"ehlo_name": "probe.integration.test"},
                "resolver": {"nameservers": [f"{resolver.address}:{resolver.port}"], "timeout": "3s"},
                "network": {"port": 25, "allow_networks": ["127.30.0.0/16"], "probe_deadline": "12s", "connect_timeout": "2s"},
                "mta_sts": {"https_port": nginx.port},
                "trust": {"ca_file": str(authority.file)},
                "limits": {"pace": "10ms"},
                "providers": [{"name": "All", "domains": [f"{name}.test" for name in zones]}],
            }
            configuration = tmp_path / "mailtls.yaml"
            configuration.write_text(yaml.safe_dump(settings))
            yield World(configuration, nginx, knot, zones, resolver)


def records(name: str, mta: str, sts_host: str) -> str:
    hosts = "@ MX 10 mx\n@ MX 20 dead\n"  # of the second there is no address
    report = '_smtp._tls TXT "v=TLSRPTv1; rua=mailto:tls@enforce.test,https://reports.enforce.test/"\n'
    return f'{hosts}mx A {mta}\nmta-sts A {sts_host}\n_mta-sts TXT "v=STSv1; id=20261124;"\n{report}'


def value(domain: dict[str, Any], name: str) -> Any:
    reading = domain["readings"][name]
    if reading["state"] == "unknown":
        return reading["cause"], reading["stage"]
    return reading.get("value", "absent")


async def test_a_policy_is_what_nginx_serves_and_what_is_wrong_with_it_has_its_name(world: World) -> None:
    names = [name for name in world.zones if name not in ("alias", "split")]
    seen = await world.check(*names)
    modes = {name: value(domain, "mta_sts") for name, domain in seen.items()}
    modes = {name: mode["mode"] if isinstance(mode, dict) else mode for name, mode in modes.items()}
    assert modes == {
        "enforce": "enforce", "testing": "testing", "mismatch": "enforce", "busy": ("deferred", "https"), "bogus": ("dnssec-bogus", "dns"),
    } | dict.fromkeys(("html", "gzip", "large", "missing", "redirect", "expired", "other", "two", "none", "wildcard"), "absent")  # fmt: skip
    errors = {name: value(domain, "mta_sts_error") for name, domain in seen.items()}
    assert errors == (
        dict.fromkeys(("html", "gzip", "large", "missing", "redirect"), "sts-policy-fetch-error")
        | dict.fromkeys(("expired", "other"), "sts-webpki-invalid")
        | {"two": "sts-policy-invalid", "busy": ("deferred", "https"), "bogus": ("dnssec-bogus", "dns")}
        | dict.fromkeys(("enforce", "testing", "mismatch", "none", "wildcard"), "absent")
    )
    assert "https://mta-sts.enforce.test/.well-known/mta-sts.txt" in value(seen["redirect"], "mta_sts_problems")[0]["why"]
    assert value(seen["enforce"], "mta_sts") == {"mode": "enforce", "max_age": 604800, "id": "20261124", "mx": ["*.enforce.test"]}
    assert value(seen["enforce"], "tls_rpt") == ["mailto:tls@enforce.test", "https://reports.enforce.test/"]
    assert value(seen["none"], "tls_rpt") == "absent"

    matches = {name: [value(host, "mta_sts_match") for host in seen[name]["mx"]] for name in ("enforce", "testing", "mismatch", "none", "busy")}
    assert matches == {
        "enforce": [True, True], "testing": [True, False], "mismatch": [False, False], "none": ["absent"], "busy": [("deferred", "https")] * 2,
    }  # fmt: skip

    requests = (world.nginx.directory / "access.log").read_text().splitlines()
    assert len(requests) == 11  # each policy host was asked once, the one that another redirects to included
    assert all('"GET /.well-known/mta-sts.txt HTTP/1.1"' in line and '(+https://probe.integration.test/)"' in line for line in requests)


async def test_a_record_by_an_alias_and_one_in_several_strings_are_records(world: World) -> None:
    seen = await world.check("alias", "split")
    for name in ("alias", "split"):  # nginx has no certificate for their policy hosts, and shows its first
        assert value(seen[name], "mta_sts_error") == "sts-webpki-invalid"
    assert value(seen["alias"], "tls_rpt") == ["mailto:tls@enforce.test", "https://reports.enforce.test/"]


async def test_the_daemon_sees_a_policy_weakened_under_a_new_id_and_asks_no_more_often_than_that(world: World) -> None:
    settings = yaml.safe_load(world.configuration.read_text())
    settings |= {"providers": [{"name": "A", "domains": ["enforce.test"]}], "schedule": {"interval": "2s"}, "web": {"listen": ["127.0.0.1:0"]}}
    settings["storage"] = {"url": f"sqlite:///{world.configuration.with_name('mailtls.db')}"}
    world.configuration.write_text(yaml.safe_dump(settings))
    command = (sys.executable, "-m", "mailtls.cli", "run", "--config.file", str(world.configuration), "--log.level", "error")
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    try:
        assert process.stdout is not None
        url = (await asyncio.wait_for(process.stdout.readline(), 120)).decode().strip()
        await until(f"{url}metrics", 'mailtls_domain_mta_sts_mode{domain="enforce.test",mode="enforce"} 1.0')
        await asyncio.sleep(5)
        access = world.nginx.directory / "access.log"
        assert len(access.read_text().splitlines()) == 1
        (world.nginx.directory / "mta-sts.enforce.test" / PATH).write_text(policy("testing", "*.enforce.test"))
        zone = world.zones["enforce"]
        await world.knot.replace(replace(zone, records=zone.records.replace("20261124", "20261125")))
        await until(f"{url}metrics", 'mailtls_domain_mta_sts_mode{domain="enforce.test",mode="testing"} 1.0')
        (domain,) = json.loads(await until(f"{url}api/v1/domains", "mode-weakened"))["domains"]
        changes = [(change["kind"], change["before"], change["after"]) for change in value(domain, "mta_sts_changes")]
        assert changes == [("mode-weakened", "enforce", "testing")]
        assert len(access.read_text().splitlines()) == 2
    finally:
        process.terminate()
        await process.wait()


async def until(url: str, words: str) -> str:
    """Return a page once it has these words."""
    async with asyncio.timeout(30):
        while words not in (page := await asyncio.to_thread(fetch, url)):
            await asyncio.sleep(0.3)
    return page


def fetch(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:
        page: str = answer.read().decode()
        return page
