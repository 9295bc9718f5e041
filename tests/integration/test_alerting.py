"""mailtls, Prometheus and Alertmanager with the rules and routes that we ship: who is told what when a partner loses STARTTLS, and who is not
when others rate-limit, tarpit and blocklist us. All durations of the rules are a sixtieth: what says an hour takes a minute here."""

import asyncio
import re
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml
from processes import Timeline, until
from servers import Alertmanager, Prometheus, Receiver
from test_lost_starttls import killable, serve_on_one_port
from world import World

from mailtls.lab import Lab

DEPLOY = Path(__file__).parents[2] / "deploy"
PARTNER = ("solid", {"solid.example", "solid-mail.example"})
"""A provider with two domains on one MX host."""
SILENT = ("ratelimited", "tarpit", "blocklisting")
INTERVAL = 8.0
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def shortened(rules: str) -> str:
    """Divide every ``for``, ``keep_firing_for`` and range of a file of rules by 60."""

    def sixtieth(found: re.Match[str]) -> str:
        return f"{found['before']}{max(1, int(found['number']) * _SECONDS[found['unit']] // 60)}s"

    return re.sub(r"(?P<before>\b(?:for|keep_firing_for): |\[)(?P<number>\d+)(?P<unit>[smhd])\b", sixtieth, rules)


def routed(receiver: str) -> str:
    """Return the routes that we ship, with hooks of ours, and without the waits that put several alerts into one message."""
    text = (DEPLOY / "alertmanager/alertmanager.yml").read_text()
    document: Any = yaml.safe_load(text)
    document["route"] |= {"group_wait": "1s", "group_interval": "1s"}
    for each in document["receivers"]:
        each["webhook_configs"] = [{"url": f"{receiver}/{each['name']}"}]
    return yaml.safe_dump(document)


def configured(directory: Path, lab: Lab) -> World:
    settings: Any = lab.configuration()
    settings["schedule"] = {"interval": f"{INTERVAL}s", "jitter": "10%"}
    settings["network"] |= {"probe_deadline": "3s"}
    settings["limits"] |= {"scan_deadline": "4s"}  # so that who does not answer does not make a cycle longer than an interval
    settings["storage"] = {"url": f"sqlite:///{directory / 'mailtls.db'}"}
    settings["providers"] = [each for each in settings["providers"] if each["name"] in (PARTNER[0], "excellent", "expired", *SILENT)]
    file = directory / "mailtls.yaml"
    file.write_text(yaml.safe_dump(settings))
    return World(directory, file, {}, None, None)  # type: ignore[arg-type]


def test_durations_of_rules_are_shortened() -> None:
    assert shortened("for: 5m\nkeep_firing_for: 1h\nexpr: rate(x[1h]) > 5") == "for: 5s\nkeep_firing_for: 60s\nexpr: rate(x[60s]) > 5"


async def test_the_pager_is_told_once_of_each_domain_that_lost_starttls_and_once_that_it_is_over_and_never_of_silence(
    tmp_path: Path,
) -> None:
    async with await Lab.start() as lab, Receiver() as receiver, Alertmanager(routed(receiver.url)) as alertmanager:
        place = configured(tmp_path, lab)
        target = serve_on_one_port(place)
        configuration = yaml.safe_dump(
            {
                "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
                "scrape_configs": [{"job_name": "mailtls", "static_configs": [{"targets": [target]}]}],
                "alerting": {"alertmanagers": [{"static_configs": [{"targets": [f"{alertmanager.address}:{alertmanager.port}"]}]}]},
            }
        )
        rules = shortened((DEPLOY / "prometheus/rules/mailtls.yml").read_text())
        server = lab.server("mx.solid.example")
        whole = server.behaviour
        expected = sorted(("MailTLSStartTLSLost", domain) for domain in PARTNER[1])
        time_line = Timeline()

        def paged(state: str) -> list[tuple[str, str]]:
            """Return what the pager was told of partners. Of the daemon it may be told, rightly, that it is down, or late on a busy machine."""
            of_partners = [each for each in receiver.told if {"domain", "mx", "provider", "operator"} & each.labels.keys()]
            return sorted(each.about for each in of_partners if (each.receiver, each.state) == ("pager", state))

        async def is_paged() -> bool:
            return bool(paged("firing"))

        async def is_over() -> bool:
            return len(paged("resolved")) >= len(expected)

        async with AsyncExitStack() as stack:
            async with killable(place, kill=True):
                prometheus = await stack.enter_async_context(Prometheus(configuration, rules=rules))

                async def is_measured() -> bool:
                    good = await prometheus.query('mailtls_domain_state{state="protected"} == 1')
                    return {each["metric"]["domain"] for each in good} >= PARTNER[1]

                await until("the partner is measured", is_measured)
                time_line.note("the partner is protected, as Prometheus has it; three others answer with 421, 554 and nothing")
                await asyncio.sleep(3 * INTERVAL)  # by then he is held to what he does
                server.behaviour = replace(whole, tls=None)
                time_line.note("mx.solid.example loses STARTTLS")
                await until("the pager is told", is_paged, 120)
                await asyncio.sleep(2 * INTERVAL)
                assert paged("firing") == expected
                summaries = [each.annotations["summary"] for each in receiver.told if each.about in expected]
                time_line.note(f"the pager was told: {'; '.join(summaries)}")
            time_line.note("the daemon is killed")
            await asyncio.sleep(10)
            async with killable(place, kill=False):
                time_line.note("it is started again")
                await asyncio.sleep(2 * INTERVAL)
                assert not set(expected) & set(paged("resolved")), "nobody has seen STARTTLS again"
                server.behaviour = whole
                time_line.note("STARTTLS is back")
                await until("the pager is told that it is over", is_over, 180)
                time_line.note("the pager is told that it is over")
                await asyncio.sleep(2 * INTERVAL)
            assert time_line.now > 60, "what is an hour by the rules: the others have turned us away all the while"
            assert (paged("firing"), paged("resolved")) == (expected, expected), "once each, and nothing else"
            unmeasured = [each for each in receiver.told if each.about[0] == "MailTLSHostUnmeasurable"]
            assert {each.labels["mx"] for each in unmeasured} == {f"mx.{name}.example" for name in SILENT}
            assert {each.receiver for each in unmeasured} == {"morning"}
            for each in receiver.told:
                if each.about in expected:
                    assert each.labels["provider"] == PARTNER[0]
                    assert each.labels["domain"] in each.annotations["summary"]
            time_line.note(f"told in all: {sorted({(each.receiver, each.state, *each.about) for each in receiver.told})}")
