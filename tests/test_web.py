"""The pages of the daemon, asked in this process: what they show, whom they refuse, and that a broken reload changes nothing."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from mailtls import config, web
from mailtls.daemon import Daemon
from mailtls.lab import Lab
from mailtls.web import application

DOMAINS = ("solid.example", "no-starttls.example", "null-mx.example")


@dataclass
class Site:
    """A daemon that looks when it is told to, its application, and the lab it looks at."""

    daemon: Daemon
    lab: Lab
    path: Path
    application: Callable[..., Any] = field(init=False)

    def __post_init__(self) -> None:
        self.application = application(self.daemon)

    async def ask(self, path: str, method: str = "GET", **headers: str) -> tuple[int, str, dict[str, str]]:
        path, _, query = path.partition("?")
        more = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http", "path": path,
            "raw_path": path.encode(), "query_string": query.encode(), "root_path": "", "headers": [(b"host", b"x"), *more],
            "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 9925),
        }  # fmt: skip
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        async with asyncio.timeout(30):
            await self.application(scope, receive, send)
        told = {name.decode().lower(): value.decode() for name, value in sent[0]["headers"]}
        return sent[0]["status"], b"".join(m.get("body", b"") for m in sent[1:]).decode(), told


@pytest.fixture
async def site(tmp_path: Path):
    async with await Lab.start() as lab:
        settings: Any = lab.configuration()
        settings["limits"]["pace"] = "0s"
        providers = [p for p in settings["providers"] if p["domains"][0] in DOMAINS]
        providers.append({"name": "<script>alert(1)</script>", "domains": ["nxdomain.example"]})
        path = tmp_path / "mailtls.yaml"
        path.write_text(yaml.safe_dump(settings | {"providers": providers}))
        running = Site(Daemon(config.load(path), path), lab, path)
        yield running
        await running.daemon.schedule.stop()


async def test_before_the_first_look_it_is_healthy_and_not_ready_and_everything_is_unknown(site: Site) -> None:
    assert (await site.ask("/-/healthy"))[0] == 200
    assert (await site.ask("/-/ready"))[0] == 503
    page = (await site.ask("/metrics"))[1]
    assert 'mailtls_domain_state{domain="solid.example",state="unknown"} 1.0' in page
    assert "mailtls_mx_starttls_offered{" not in page


async def test_what_was_measured_is_on_every_page(site: Site) -> None:
    for domain in DOMAINS:
        await site.daemon.schedule.look(domain)
    assert (await site.ask("/-/ready"))[0] == 200
    status, page, headers = await site.ask("/metrics")
    assert (status, headers["content-type"].split(";")[0]) == (200, "text/plain")
    assert 'mailtls_domain_state{domain="solid.example",state="protected"} 1.0' in page
    assert 'mailtls_domain_state{domain="null-mx.example",state="no-mail"} 1.0' in page
    assert 'mailtls_mx_starttls_offered{family="ipv4",mx="mx.no-starttls.example"} 0.0' in page
    assert "mailtls_config_last_reload_successful 1.0" in page
    document = json.loads((await site.ask("/api/v1/domains"))[1])
    assert {d["domain"]: d["verdict"] for d in document["domains"]} == {
        "solid.example": "protected", "no-starttls.example": "unprotected", "null-mx.example": "no-mail",
    }  # fmt: skip


async def test_the_landing_page_escapes_what_others_wrote_and_runs_no_script(site: Site) -> None:
    for look in (False, True):  # waiting, and looked at
        if look:
            await site.daemon.schedule.look("nxdomain.example")
        status, page, headers = await site.ask("/")
        assert status == 200
        assert "<script" not in page
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
        assert headers["content-security-policy"].startswith("default-src 'none'")
        assert headers["x-content-type-options"] == "nosniff"


async def test_a_schedule_that_is_stuck_is_not_healthy(site: Site) -> None:
    site.daemon.schedule.progressed_at -= 3 * 20 + 30 + 1
    assert (await site.ask("/-/healthy"))[0] == 503


@pytest.mark.parametrize(
    ("target", "status"),
    [("gmail.example", 403), ("sub.solid.example", 403), ("mx.solid.example", 403), ("127.0.0.1", 400), ("", 400), ("%20%3Cscript%3E", 400),
     ("a..b", 400), ("x" * 300, 400), ("solid.example%0d%0aX:%20y", 400)],
)  # fmt: skip
async def test_a_probe_goes_to_configured_targets_only(target: str, status: int, site: Site) -> None:
    answer, text, headers = await site.ask(f"/probe?target={target}")
    if target == "127.0.0.1":
        assert answer in (400, 403)
    else:
        assert answer == status
    assert headers["content-type"].startswith("text/plain")
    assert "\n" not in text.strip()
    assert sum(server.connections for server in site.lab.servers.values()) == 0


async def test_a_probe_shows_its_target_alone_and_remembers_nothing(site: Site) -> None:
    status, text, _ = await site.ask("/probe?target=SOLID.example.")
    assert status == 200
    assert 'mailtls_domain_state{domain="solid.example",state="protected"} 1.0' in text
    assert "no-starttls" not in text
    assert "# Transcript" not in text
    assert not site.daemon.schedule.measurer.tracks
    assert site.lab.server("mx.solid.example").connections == 1


async def test_debug_shows_the_transcript(site: Site) -> None:
    status, text, headers = await site.ask("/probe?target=solid.example&debug=true")
    assert (status, headers["content-type"].split(";")[0]) == (200, "text/plain")
    for words in ("# Transcript", "> STARTTLS", "< 220", "# Readings", '"verdict": "protected"', "# Metrics", "mailtls_domain_state{"):
        assert words in text


@pytest.mark.parametrize(("debug", "status", "shown"), [("1", 200, True), ("yes", 200, True), ("FALSE", 200, False), ("banana", 400, False)])
async def test_debug_is_switched_on_and_off_in_the_usual_words(debug: str, status: int, shown: bool, site: Site) -> None:
    answer, text, _ = await site.ask(f"/probe?target=null-mx.example&debug={debug}")
    assert (answer, "# Transcript" in text) == (status, shown)


async def test_a_transcript_without_a_visit_says_why_there_is_none(site: Site) -> None:
    assert "# Transcript\nno visit: it takes no mail\n" in (await site.ask("/probe?target=null-mx.example&debug=true"))[1]
    assert "# Transcript\nno visit: dns-failure at dns, " in (await site.ask("/probe?target=nxdomain.example&debug=true"))[1]


@pytest.mark.parametrize("query", ["", "?target=", "?target=%20", "?debug=true"])
async def test_a_probe_without_a_target_says_how_to_name_one(query: str, site: Site) -> None:
    assert (await site.ask(f"/probe{query}"))[:2] == (400, "target is missing; write /probe?target=DOMAIN\n")


@pytest.fixture
async def busy(site: Site, monkeypatch: pytest.MonkeyPatch):
    """Take every place for probes; give the event that ends those probes."""
    measurer = site.daemon.one_off()
    route, began, free = measurer.route, asyncio.Semaphore(0), asyncio.Event()

    async def slow(name: str) -> Any:
        began.release()
        await free.wait()
        return await route(name)

    monkeypatch.setattr(measurer, "route", slow)
    monkeypatch.setattr(site.daemon, "one_off", lambda: measurer)
    probes = [asyncio.create_task(site.ask("/probe?target=null-mx.example")) for _ in range(4)]
    for _ in probes:
        await began.acquire()
    yield free
    free.set()
    assert [answer[0] for answer in await asyncio.gather(*probes)] == [200] * 4


@pytest.mark.parametrize("timeout", ["0.6", "0.1"])
async def test_a_probe_that_finds_no_place_within_its_scrape_is_put_off(timeout: str, site: Site, busy: asyncio.Event) -> None:
    status, text, headers = await site.ask("/probe?target=solid.example", x_prometheus_scrape_timeout_seconds=timeout)
    assert (status, int(headers["retry-after"]) > 0, "try again later" in text) == (503, True, True)
    assert (await site.ask("/probe?target=gmail.example"))[0] == 403  # whom nobody may probe needs no place
    busy.set()
    assert (await site.ask("/probe?target=solid.example"))[0] == 200


@pytest.mark.parametrize("timeout", [None, "soon", "nan", "inf", "-1", "0"])
async def test_a_probe_that_names_no_sensible_time_out_is_put_off_as_well(
    timeout: str | None, site: Site, busy: asyncio.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "_PATIENCE", 0.05)
    headers = {} if timeout is None else {"x_prometheus_scrape_timeout_seconds": timeout}
    assert (await site.ask("/probe?target=solid.example", **headers))[0] == 503


async def test_a_probe_waits_for_a_place_that_becomes_free(site: Site, busy: asyncio.Event) -> None:
    waiting = asyncio.create_task(site.ask("/probe?target=solid.example", x_prometheus_scrape_timeout_seconds="1e9"))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    busy.set()
    assert (await waiting)[0] == 200


async def test_a_reload_is_asked_for_by_post_and_a_broken_file_changes_nothing(site: Site) -> None:
    assert (await site.ask("/-/reload"))[0] == 405
    await site.daemon.schedule.look("solid.example")
    before = site.daemon.schedule
    good = site.path.read_text()
    for broken, why in (("nonsense: 1\n", "nonsense: unknown key"), ("trust: {ca_file: none.pem}\n", ""), ("a: [\n", "not YAML")):
        site.path.write_text(good + broken)
        status, text, _ = await site.ask("/-/reload", "POST")
        assert (status, why in text, str(site.path) in text) == (500, True, True)
        assert site.daemon.schedule is before
    page = (await site.ask("/metrics"))[1]
    assert "mailtls_config_last_reload_successful 0.0" in page
    assert 'mailtls_domain_state{domain="solid.example",state="protected"} 1.0' in page


async def test_a_good_reload_keeps_what_is_known_and_drops_who_is_gone(site: Site) -> None:
    for domain in DOMAINS:
        await site.daemon.schedule.look(domain)
    settings = yaml.safe_load(site.path.read_text())
    settings["providers"] = [p for p in settings["providers"] if "no-starttls.example" not in p["domains"]]
    site.path.write_text(yaml.safe_dump(settings))
    assert (await site.ask("/-/reload", "POST"))[0] == 200
    page = (await site.ask("/metrics"))[1]
    assert 'mailtls_domain_state{domain="solid.example",state="protected"} 1.0' in page
    assert 'domain="no-starttls.example"' not in page
    assert 'mx="mx.no-starttls.example"' not in page
    assert (await site.ask("/probe?target=no-starttls.example"))[0] == 403


async def test_probe_tells_what_a_domain_declares_and_asks_its_policy_host_once(site: Site) -> None:
    server = site.lab.sts_servers["solid.example"]
    for _ in range(2):
        _status, text, _ = await site.ask("/probe?target=solid.example&debug=true")
        assert 'mailtls_domain_mta_sts_mode{domain="solid.example",mode="testing"} 1.0' in text
        assert 'mailtls_domain_tls_rpt_present{domain="solid.example"} 0.0' in text
        assert "    < mode: testing" in text
    before = len(server.requests)
    await site.daemon.schedule.look("solid.example")
    for _ in range(3):
        _status, text, _ = await site.ask("/probe?target=solid.example")
        assert 'mailtls_domain_mta_sts_mode{domain="solid.example",mode="testing"} 1.0' in text
    assert len(server.requests) == before + 1
async def test_policies_are_reloaded_as_a_whole_and_a_wrong_one_leaves_the_old_in_force(site: Site) -> None:
    await site.daemon.schedule.look("no-starttls.example")
    own = site.path.with_name("own.yaml")
    text = 'name: own\nversion: "1"\nextends: pledge-2013\n'
    own.write_text(text)
    site.path.write_text(f"{site.path.read_text()}\npolicies: [own.yaml]\n")

    async def grades() -> dict[str, Any]:
        domains = json.loads((await site.ask("/api/v1/domains"))[1])["domains"]
        return next(domain["grades"] for domain in domains if domain["domain"] == "no-starttls.example")

    assert set(await grades()) == {"rfc9325", "pledge-2013"}
    await site.daemon.reload()
    assert {name: (grade["version"], grade["level"]) for name, grade in (await grades()).items()} == {"own": ("1", "insufficient")}
    own.write_text(text.replace("pledge-2013", "pledge-2014"))
    with pytest.raises(config.BadConfiguration, match=r"own.yaml:3: extends: .* did you mean pledge-2013\?"):
        await site.daemon.reload()
    assert set(await grades()) == {"own"}
    own.write_text(text.replace('"1"', '"2"'))
    await site.daemon.reload()
    assert {grade["version"] for grade in (await grades()).values()} == {"2"}
    page = (await site.ask("/metrics"))[1]
    assert 'mailtls_domain_grade{domain="no-starttls.example",policy="own"} 0.0' in page


async def test_a_page_of_a_stranger_that_lets_its_name_lead_here_gets_nothing_until_the_name_is_ours(site: Site) -> None:
    for path in ("/", "/metrics", "/api/v1/domains", "/probe?target=solid.example", "/-/healthy"):
        assert (await site.ask(path, host="evil.example"))[0] == 421
    assert (await site.ask("/-/reload", "POST", host="evil.example"))[0] == 421
    for host in ("127.0.0.1:9925", "10.244.0.9:9925", "[fd00::9]:9925", "mailtls-0:9925", f"{socket.gethostname()}:9925"):
        assert (await site.ask("/metrics", host=host))[0] == 200
    settings = yaml.safe_load(site.path.read_text())
    settings["web"] |= {"hosts": ["mailtls.Example.net", "*.pods.example"], "external_url": "https://seen.example/mailtls"}
    site.path.write_text(yaml.safe_dump(settings))
    await site.daemon.reload()
    for host in ("mailtls.example.net", "a.pods.example:9925", "seen.example"):
        assert (await site.ask("/metrics", host=host))[0] == 200
    assert (await site.ask("/metrics", host="pods.example"))[0] == 421


@pytest.mark.parametrize(
    ("site_of", "status"), [(None, 200), ("same-origin", 200), ("none", 200), ("cross-site", 403), ("same-site", 403), ("x", 403), ("", 403)]
)
async def test_a_page_of_a_stranger_cannot_have_a_browser_ask_for_a_reload(site_of: str | None, status: int, site: Site) -> None:
    before = site.daemon.schedule
    headers = {} if site_of is None else {"sec_fetch_site": site_of}
    assert (await site.ask("/-/reload", "POST", **headers))[0] == status
    assert (site.daemon.schedule is before) == (status == 403)


async def test_prometheus_finds_each_configured_domain_as_a_target(site: Site) -> None:
    status, text, headers = await site.ask("/sd/targets")
    assert (status, headers["content-type"]) == (200, "application/json")
    groups = json.loads(text)
    assert [group["targets"] for group in groups] == [[d] for p in site.daemon.schedule.partners for d in p.domains]
    labels = next(group["labels"] for group in groups if group["targets"] == ["solid.example"])
    assert labels == {"__meta_mailtls_provider": site.daemon.owner_of("solid.example"), "__meta_mailtls_domain": "solid.example"}
    for group in groups:
        assert (await site.ask(f"/probe?target={group['targets'][0]}&debug=x"))[0] == 400  # and not 403: each may be probed
