"""A mistake in the configuration is named with its file, its line, and the nearest right name."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
import yaml

from mailtls import config
from mailtls.config import yamlfile
from mailtls.config.sections import ProviderSection
from mailtls.tracking.maintenance import Once

EXAMPLE = Path(__file__).parent.parent / "config" / "mailtls.example.yaml"
PARTNER = "providers: [{name: A, domains: [a.example]}]\n"
NIGHT = datetime(2026, 11, 29, 2, tzinfo=UTC)
WINDOW = "maintenance:\n- from: 2026-11-29T02:00:00Z\n  until: 2026-11-29T04:00:00Z\n  why: moving\n"
WEBHOOK = "notifications:\n  webhooks:\n  - name: pager\n"
EVERY_KEY = """
vantage: {name: fra1, ehlo_name: probe.example}
resolver: {nameservers: ["127.0.0.1:53", "[::1]:5353"], timeout: 3s, trust_ad: true}
network:
  port: 2525
  allow_networks: [127.0.0.0/8, "::1/128"]
  source_addresses: [192.0.2.1, "2001:db8::1"]
  ipv6: never
  connect_timeout: 500ms
  probe_deadline: 1m
trust: {ca_file: null}
mta_sts: {https_port: 8443}
schedule: {interval: 1.5m, enumeration_interval: 2d, jitter: 25%}
limits: {concurrency: 7, per_operator: 3, pace: 0s, scan_deadline: 2h, operators: {mx.example: Someone}}
confirmation: {probes: 5, cycles: 4}
maintenance:
- {domains: [a.example], hosts: [mx.b.example], from: 2026-11-29T02:00:00Z, until: "2026-11-29T05:00:00+01:00", why: moving}
- {providers: [A], every: "sun 02:00-04:00 UTC", why: patching}
notifications:
  webhooks:
  - {name: pager, url: "https://alerts.example/x?key=s3cret", kinds: [regression], per_minute: 3, timeout: 4s}
storage: {url: "sqlite:///x.db", retention: 3w}
web: {listen: ["127.0.0.1:0", "[::1]:9925", "localhost:80"], external_url: "https://mailtls.example/"}
publication: {title: Ours, publisher: {name: Us, contact: "mailto:us@us.example"}, interval: 30m, stale_after: 1h}
policies: [rfc9325]
exclude: {domains: [no.example], networks: [198.51.100.0/24]}
providers: [{name: A, domains: [a.example], weight: 2.5, contact: "mailto:x@a.example"}]
provider_files: []
"""


def load(tmp_path: Path, text: str, **others: str) -> config.Configuration:
    for name, content in others.items():
        (tmp_path / f"{name}.yaml").write_text(content)
    (tmp_path / "mailtls.yaml").write_text(text)
    return config.load(tmp_path / "mailtls.yaml")


def refusal(tmp_path: Path, text: str, **others: str) -> list[str]:
    with pytest.raises(config.BadConfiguration) as refused:
        load(tmp_path, text, **others)
    return refused.value.mistakes


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (PARTNER + "schedul: {interval: 5m}\n", 2, "schedul: unknown key; did you mean schedule?"),
        (PARTNER + "network:\n  port: 25\n  allow_network: []\n", 4, "network.allow_network: unknown key; did you mean allow_networks?"),
        (PARTNER + "limits: {per_operater: 2}\n", 2, "did you mean per_operator?"),
        (PARTNER + "qqq: 1\n", 2, "known here: vantage, resolver"),
        ("providers:\n- {name: A, domains: [a.example], wieght: 2}\n", 2, "did you mean weight?"),
        ("providers:\n- name: A\n  domains: [a.example]\n- name: B\n", 4, "providers[1]"),
        (PARTNER + "schedule:\n  interval: fast\n", 3, "schedule.interval: 'fast' is no duration"),
        (PARTNER + "schedule:\n  interval: 15\n", 3, "a number and a unit"),
        (PARTNER + "schedule:\n  interval: -5m\n", 3, "is no duration"),
        (PARTNER + "schedule:\n  interval: 0s\n", 3, "longer than nothing"),
        (PARTNER + "network:\n  port: 99999\n", 3, "network.port"),
        (PARTNER + "network:\n  ipv6: sometimes\n", 3, "network.ipv6"),
        (PARTNER + "network:\n  allow_networks: [1.2.3.4/33]\n", 3, "network.allow_networks[0]"),
        (PARTNER + "resolver: {nameservers: [localhost]}\n", 2, "no address and port"),
        (PARTNER + "resolver: {nameservers: ['dns.example:53']}\n", 2, "no IP address"),
        (PARTNER + "web: {listen: ['127.0.0.1:99999']}\n", 2, "no address and port"),
        (PARTNER + "vantage: {ehlo_name: 'a b'}\n", 2, "vantage.ehlo_name"),
        (PARTNER + "storage:\n  url: mailtls.db\n", 3, "storage.url: is no URL of a database; write sqlite:/// and"),
        (PARTNER + "storage:\n  url: postgres://me:secret@db/x\n", 3, "storage.url: 'postgres' is no database of this version"),
        (PARTNER + "storage:\n  url: sqlite://mailtls.db\n", 3, "three slashes"),
        (PARTNER + "storage:\n  url: postgresql://me:secret@db\n", 3, "storage.url: names no database; write postgresql:// and user@host/database"),
        (PARTNER + "storage:\n  url: 5\n", 3, "storage.url: must be text"),
        (PARTNER + "schedule: 5\n", 2, "schedule"),
        (PARTNER + "web: {external_url: mailtls.example}\n", 2, "web.external_url: is no URL of a web server"),
        (PARTNER + WINDOW + "  domains: [aa.example]\n", 6, "maintenance[0].domains[0]: nobody is called 'aa.example'; did you mean a.example?"),
        (PARTNER + WINDOW + "  providers: [B, A]\n", 6, "maintenance[0].providers[0]: nobody is called 'B'; it is not among the providers"),
        (PARTNER + WINDOW, 3, "maintenance[0]: it is about nobody"),
        (PARTNER + WINDOW + "  hosts: [mx.a.example]\n  evry: sun\n", 7, "maintenance[0].evry: unknown key; did you mean every?"),
        (PARTNER + WINDOW + "  hosts: [mx.a.example]\n  every: sun 02:00-04:00 UTC\n", 3, "say when: either from and until, or every"),
        (PARTNER + "maintenance:\n- {hosts: [x.example], why: x, from: 2026-11-29}\n", 3, "from: 2026-11-29 is no moment"),
        (PARTNER + "maintenance:\n- {hosts: [x.example], why: x, from: 2026-11-29 02:00:00}\n", 3, "maintenance[0].from: says no offset"),
        (PARTNER + "maintenance:\n- {hosts: [x.example], why: x, every: sun 2-4}\n", 3, "maintenance[0].every: write days, hours and UTC"),
        (PARTNER + WEBHOOK + "    url: ftp://s3cret@x/\n", 5, "notifications.webhooks[0].url: is no URL of a web server; write one such as"),
        (PARTNER + WEBHOOK + "    url: https://me:s3cret@x/\n", 5, "notifications.webhooks[0].url: holds a user"),
        (PARTNER + WEBHOOK + "    url: https://x/\n    kinds: [regresion]\n", 6, "notifications.webhooks[0].kinds[0]"),
        (PARTNER + WEBHOOK + "    url: https://x/\n    timout: 5s\n", 6, "notifications.webhooks[0].timout: unknown key; did you mean timeout?"),
        (PARTNER + WEBHOOK + "    url: https://x/\n    bearer_token_file: absent\n", 6, "notifications.webhooks[0].bearer_token_file: "),
        (PARTNER + WEBHOOK + "    url: http://x/\n    bearer_token_file: absent\n", 4, "a token is not sent in the clear"),
        (PARTNER + WEBHOOK + "    url: https://x/\n  - {name: pager, url: https://y/}\n", 2, "two webhooks are called 'pager'"),
        (PARTNER + "a: [\n", 3, "not YAML"),
        (PARTNER + "1: 2\n", 2, "Keys should be strings"),
        ("- a list\n", 1, "mapping of keys to values"),
        (PARTNER + "web: {}\nweb: {}\n", 3, "stands twice"),
        (PARTNER + "network:\n  port: 25\n  port: 26\n", 4, "the key 'port' stands twice"),
        ("providers: [{name: A, domains: [a.example, a.example]}]\n", 1, "listed twice"),
        (PARTNER + "schedule: {jitter: 300%}\n", 2, "no share"),
        ("providers: [{name: A, domains: ['no domain']}]\n", 1, "not a domain name"),
        ("providers: [{name: A, domains: []}]\n", 1, "providers[0].domains: the list is empty"),
        (PARTNER + "web: {listen: []}\n", 2, "web.listen: the list is empty"),
        ("providers:\n- name: A\n  domains: [null]\n", 3, "domains[0]: must be text, and YAML reads it as nothing"),
        ("providers:\n- name: A\n  domains: [no]\n", 3, "domains[0]: must be text, and YAML reads it as true or false; put it in quotes"),
        ("providers:\n- name: A\n  domains: [a.example,\n    1.5]\n", 4, "domains[1]: must be text, and YAML reads it as a number"),
        ("providers:\n- name: A\n  domains: [[a.example]]\n", 3, "domains[0]: must be text, and YAML reads it as a list"),
        (PARTNER + "exclude:\n  domains: [2026-01-31]\n", 3, "domains[0]: must be text, and YAML reads it as a date"),
        (PARTNER + "vantage: {ehlo_name: 7}\n", 2, "vantage.ehlo_name: must be text"),
        (PARTNER + "limits: {operators: {no: Someone}}\n", 2, "limits.operators: must be text"),
        (PARTNER + "exclude: {networks: [5]}\n", 2, "exclude.networks[0]: must be text"),
        (PARTNER + "network: {source_addresses: [yes]}\n", 2, "network.source_addresses[0]: must be text"),
        (PARTNER + "network: {port: yes}\n", 2, "network.port: must be a number"),
        ("providers: [{name: A, domains: [a.example], weight: .inf}]\n", 1, "providers[0].weight"),
        ("schedule: {}\nproviders: []\n", 2, "nobody to measure"),
        (PARTNER + "vantage:\n  name: 2026-13-40\n", 3, "it looks like timestamp, and is none"),
        (PARTNER + "vantage:\n  name: !!int seven\n", 3, "it looks like int, and is none"),
        (PARTNER + "vantage:\n  name: \x07\n", 3, "not YAML: the character #x07"),
        (PARTNER + '"\\e]0;owned": 1\n', 2, r"'\x1b]0;owned': unknown key"),
        ("providers: &a [*a]\n", 1, "the alias *a stands within what it is an alias for"),
        (PARTNER + "limits:\n  operators: &a\n    mx.example: *a\n", 4, "the alias *a stands within"),
        (PARTNER + "policies:\n" + "".join(" " * level + "-\n" for level in range(1, 200)), 53, "nested deeper than 50 levels"),
        (PARTNER + "policies: " + "[" * 100_000 + "\n", 2, "nested deeper than 50 levels"),
    ],
)
def test_a_mistake_is_told_with_its_line(text: str, line: int, words: str, tmp_path: Path) -> None:
    mistakes = refusal(tmp_path, text)
    told = next(mistake for mistake in mistakes if words in mistake)
    assert told.startswith(f"{tmp_path / 'mailtls.yaml'}:{line}:")


def test_several_mistakes_are_told_together_in_the_order_of_their_lines(tmp_path: Path) -> None:
    mistakes = refusal(tmp_path, PARTNER + "schedul: 1\nnetwork: {port: x}\nlimits: {pace: soon}\n")
    assert [mistake.split(":")[1] for mistake in mistakes] == ["2", "3", "4"]


def test_one_bad_entry_of_a_list_is_one_mistake(tmp_path: Path) -> None:
    """Not a second one that calls the list empty."""
    for text in (PARTNER + "web: {listen: ['127.0.0.1:99999']}\n", "providers: [{name: A, domains: ['no domain']}]\n"):
        assert len(refusal(tmp_path, text)) == 1
    with pytest.raises(ValueError, match="1 validation error"):
        config.Web(listen=("127.0.0.1:99999",))  # type: ignore[arg-type] - as the command line does


def test_an_alias_may_be_used_and_a_short_file_that_means_a_vast_one_is_refused_in_few_words(tmp_path: Path) -> None:
    shared = "exclude: {networks: &n [192.0.2.0/24]}\nnetwork: {allow_networks: *n}\n"
    assert load(tmp_path, PARTNER + shared).network.allow_networks == (ip_network("192.0.2.0/24"),)
    laughs = "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9) if i else 'ha'}]\n" for i in range(15))
    told = refusal(tmp_path, laughs + PARTNER + "web: {listen: [*a14]}\nschedule: {interval: *a14, jitter: *a14}\n")
    assert all(len(mistake) < 500 for mistake in told)


def test_a_key_that_overrides_a_merged_one_is_the_one_that_is_named(tmp_path: Path) -> None:
    merged = "mta_sts: &x {https_port: 1}\nnetwork:\n  <<: *x\n  https_port: 2\n"
    assert refusal(tmp_path, PARTNER + merged)[0].startswith(f"{tmp_path / 'mailtls.yaml'}:5: network.https_port: unknown key")


OWN = 'name: own\nversion: "1"\nextends: rfc9325\n'


def test_policies_are_names_that_ship_and_files_beside_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(OWN)
    loaded = load(tmp_path, PARTNER + "policies: [ncsc-nl-2025, own.yaml]\n")
    assert [policy.name for policy in loaded.graded_by()] == ["ncsc-nl-2025", "own"]
    assert [policy.name for policy in config.Configuration().graded_by()] == ["rfc9325", "pledge-2013"]
    assert load(tmp_path, PARTNER + "policies: []\n").graded_by() == ()


@pytest.mark.parametrize(
    ("policies", "told"),
    [
        ("[rfc9325, rfc9326]", "mailtls.yaml:2: policies[1]: no policy that ships is called 'rfc9326'; did you mean rfc9325? a file of your own"),
        ("[verdict]", "mailtls.yaml:2: policies[0]: the verdict is given to every domain, and is no policy to grade by"),
        ("[rfc9325, rfc9325]", "mailtls.yaml:2: policies[1]: a second policy is called rfc9325; the first is at"),
        ("[own.yaml, own.yaml]", "mailtls.yaml:2: policies[1]: a second policy is called own; the first is at"),
        ("[other.yaml]", "mailtls.yaml:2: policies[0]: "),
        ("[wrong.yaml]", "wrong.yaml:3: extends: no policy that ships is called 'rfc9326'; did you mean rfc9325?"),
    ],
)
def test_a_policy_that_is_not_there_or_wrong_is_told_with_its_place(policies: str, told: str, tmp_path: Path) -> None:
    mistakes = refusal(tmp_path, PARTNER + f"policies: {policies}\n", own=OWN, wrong=OWN.replace("rfc9325", "rfc9326"))
    (mistake,) = mistakes
    assert mistake.removeprefix(f"{tmp_path}/").startswith(told)


def test_nobody_to_measure_is_a_mistake(tmp_path: Path) -> None:
    assert "nobody to measure" in refusal(tmp_path, "schedule: {interval: 5m}\n")[0]
    assert "nobody to measure" in refusal(tmp_path, "")[0]


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(config.BadConfiguration, match=r"none\.yaml: No such file"):
        config.load(tmp_path / "none.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"providers: [{name: M\xfcller, domains: [a.example]}]\n")
    with pytest.raises(config.BadConfiguration, match=r"latin\.yaml:1: not UTF-8 at byte 20"):
        config.load(tmp_path / "latin.yaml")
    (tmp_path / "big.yaml").write_bytes(b"#" * (yamlfile.MAX_FILE + 1))
    with pytest.raises(config.BadConfiguration, match="larger than"):
        config.load(tmp_path / "big.yaml")


def test_one_domain_under_two_providers_is_a_mistake_in_whatever_spelling_and_file(tmp_path: Path) -> None:
    twice = "providers: [{name: A, domains: [a.example]}, {name: B, domains: [A.EXAMPLE.]}]\n"
    assert "a.example is listed twice, under 'A' and under 'B'" in refusal(tmp_path, twice)[0]
    spread = PARTNER + "provider_files: [more.yaml]\n"
    assert "listed twice, under 'A' and under 'C'" in refusal(tmp_path, spread, more="providers: [{name: C, domains: [a.example]}]\n")[0]
    with pytest.raises(ValueError, match="listed twice, under 'A' and under 'B'"):
        config.Configuration.model_validate(yaml.safe_load(twice))


def test_a_domain_that_is_listed_twice_is_told_with_both_places(tmp_path: Path) -> None:
    spread = "providers:\n- name: A\n  domains: [a.example]\nprovider_files: [one.yaml, two.yaml]\n"
    one = "providers:\n- name: B\n  domains:\n  - b.example\n  - c.example\n"
    two = "providers:\n- {name: C, domains: [d.example]}\n- name: D\n  domains: [c.example, a.example]\n"
    main, first, second = (tmp_path / f"{name}.yaml" for name in ("mailtls", "one", "two"))
    assert refusal(tmp_path, spread, one=one, two=two) == [
        f"{second}:4: providers[1].domains[0]: the domain c.example is listed twice, under 'B' and under 'D'; the first is at {first}:5",
        f"{second}:4: providers[1].domains[1]: the domain a.example is listed twice, under 'A' and under 'D'; the first is at {main}:3",
    ]
    within = "providers:\n- name: A\n  domains:\n  - a.example\n  - A.example\n"
    assert refusal(tmp_path, within)[0].startswith(f"{main}:5: ")
    assert refusal(tmp_path, within)[0].endswith(f"; the first is at {main}:4")


def test_provider_files_are_read_beside_the_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    text = PARTNER + "provider_files: [more.yaml]\n"
    loaded = load(tmp_path, text, more="providers: [{name: B, domains: [BÜCHER.example]}]\n")
    assert [p.domains for p in loaded.partners()] == [("a.example",), ("xn--bcher-kva.example",)]
    only = load(tmp_path, "provider_files: [more.yaml]\n")
    assert [p.name for p in only.partners()] == ["B"]


def test_a_mistake_in_a_provider_file_is_told_with_that_file(tmp_path: Path) -> None:
    text = PARTNER + "provider_files: [more.yaml]\n"
    told = refusal(tmp_path, text, more="providers:\n- name: B\n  domain: [b.example]\n")
    assert any(mistake.startswith(f"{tmp_path / 'more.yaml'}:3:") and "did you mean domains?" in mistake for mistake in told)
    elsewhere = refusal(tmp_path, text, more="\nschedule: {interval: 5m}\n")
    assert elsewhere == [f"{tmp_path / 'more.yaml'}:2: schedule: unknown key; a provider file holds nothing but a providers list"]
    misspelt = refusal(tmp_path, text, more="\nprovider: []\n")
    assert misspelt == [f"{tmp_path / 'more.yaml'}:2: provider: unknown key; did you mean providers?"]


def test_a_file_that_is_missing_is_told_with_the_place_that_names_it(tmp_path: Path) -> None:
    main = tmp_path / "mailtls.yaml"
    text = PARTNER + "trust:\n  ca_file: none.pem\nprovider_files:\n- good.yaml\n- gone.yaml\n- bad.yaml\n"
    told = refusal(tmp_path, text, good="providers: [{name: B, domains: [b.example]}]\n", bad="\n\nprovider: []\n")
    assert told == [
        f"{main}:6: provider_files[1]: {tmp_path / 'gone.yaml'}: No such file or directory",
        f"{tmp_path / 'bad.yaml'}:3: provider: unknown key; did you mean providers?",
        f"{main}:3: trust.ca_file: {tmp_path / 'none.pem'}: No such file or directory",
    ]
    (tmp_path / "none.pem").write_text("no certificate\n")
    assert refusal(tmp_path, PARTNER + "\ntrust: {ca_file: none.pem}\n")[0].startswith(f"{main}:3: trust.ca_file: {tmp_path / 'none.pem'}: ")
    for odd in ("''", '"a\\0b"', "5"):
        assert refusal(tmp_path, PARTNER + f"trust: {{ca_file: {odd}}}\n")[0].startswith(f"{main}:2: trust.ca_file: ")
        assert refusal(tmp_path, PARTNER + f"provider_files: [{odd}]\n")[0].startswith(f"{main}:2: provider_files[0]: ")


def test_everything_but_the_providers_has_a_default(tmp_path: Path) -> None:
    loaded = load(tmp_path, PARTNER)
    assert loaded.schedule.interval == timedelta(minutes=15)
    assert loaded.schedule.enumeration_interval == timedelta(hours=24)
    assert loaded.schedule.jitter == 0.1
    assert (loaded.limits.concurrency, loaded.limits.per_operator, loaded.limits.pace) == (100, 2, timedelta(seconds=1))
    assert (loaded.network.port, loaded.network.ipv6, loaded.network.allow_networks) == (25, "auto", ())
    assert loaded.network.probe_deadline == timedelta(seconds=60)
    assert loaded.web.listen == (("127.0.0.1", 9925),)
    assert loaded.partners()[0].weight == 1.0


def test_every_key_of_the_contract_is_accepted_and_means_what_it_says(tmp_path: Path) -> None:
    loaded = load(tmp_path, EVERY_KEY)
    assert set(yaml.safe_load(EVERY_KEY)) == set(config.Configuration.model_fields)
    assert loaded.schedule.interval == timedelta(seconds=90)
    assert loaded.schedule.jitter == 0.25
    assert loaded.storage.retention == timedelta(weeks=3)
    assert loaded.web.listen == (("127.0.0.1", 0), ("::1", 9925), ("localhost", 80))
    once, weekly = loaded.windows()
    assert (once.names, once.when) == ({"a.example", "mx.b.example"}, Once(NIGHT, NIGHT + timedelta(hours=2)))
    assert (weekly.names, weekly.why) == ({"a.example"}, "patching")
    (pager,) = loaded.notifications.webhooks
    assert (pager.kinds, pager.per_minute, pager.timeout) == (("regression",), 3, timedelta(seconds=4))
    assert loaded.nameservers().addresses == (("127.0.0.1", 53), ("::1", 5353))
    dialling = loaded.dialling()
    assert dialling.source_addresses == (ip_address("192.0.2.1"), ip_address("2001:db8::1"))
    assert (dialling.exclude_networks, dialling.connect_timeout) == ((ip_network("198.51.100.0/24"),), 0.5)
    assert (loaded.budget().pace, loaded.budget().scan_deadline, loaded.budget().operators) == (0.0, 7200.0, {"mx.example": "Someone"})


def test_the_schema_knows_every_key() -> None:
    assert set(config.schema()["properties"]) == set(config.Configuration.model_fields)


def test_the_schema_says_of_every_key_what_it_means() -> None:
    schema = config.schema()
    sections = {"": schema, **schema["$defs"]}
    keys = {f"{name}.{key}": value for name, section in sections.items() for key, value in section["properties"].items()}
    assert len(keys) > 40
    for name, key in keys.items():
        meaning = key.get("description") or schema["$defs"][key["$ref"].rpartition("/")[2]]["description"]
        assert meaning.endswith("."), name
        assert "|" not in meaning, name  # it becomes a cell of a table
    assert sections["Web"]["properties"]["listen"]["minItems"] == sections["ProviderSection"]["properties"]["domains"]["minItems"] == 1


def test_the_schema_of_a_provider_file_takes_what_the_configuration_takes_and_nothing_else() -> None:
    schema = config.schema_of_providers()
    assert list(schema["properties"]) == ["providers"]
    assert schema["additionalProperties"] is False
    assert schema["$defs"]["ProviderSection"] == config.schema()["$defs"]["ProviderSection"]


def test_each_default_of_the_schema_can_be_written_in_the_file_and_is_the_default(tmp_path: Path) -> None:
    schema = config.schema()
    written = {name: key["default"] for name, key in schema["properties"].items() if "default" in key}
    assert written["storage"] == {"url": "sqlite:///mailtls.db", "retention": "400d"}
    assert written["web"]["listen"] == ["127.0.0.1:9925"]
    written["providers"] = [{"name": "A", "domains": ["a.example"]}]
    assert load(tmp_path, yaml.safe_dump(written)) == load(tmp_path, PARTNER)
    for name, section in written.items():
        if isinstance(section, dict):
            inner = schema["$defs"][schema["properties"][name]["$ref"].rpartition("/")[2]]["properties"]
            assert section == {key: inner[key]["default"] for key in inner}


def test_what_the_schema_takes_as_text_is_what_the_example_and_every_key_have() -> None:
    schema = config.schema()
    patterns = {f"{name}.{key}": kind for name, section in schema["$defs"].items() for key, kind in section["properties"].items()}
    held = 0
    for text in (EVERY_KEY, EXAMPLE.read_text("utf-8")):
        for name, section in yaml.safe_load(text).items():
            for key, value in section.items() if isinstance(section, dict) else ():
                kind = patterns[f"{schema['properties'][name]['$ref'].rpartition('/')[2]}.{key}"]
                for entry in value if isinstance(value, list) else [value]:
                    pattern = kind.get("items", kind).get("pattern", "")
                    held += bool(pattern)
                    assert pattern == "" or re.search(pattern, entry), key
    assert held > 20
    assert not re.search(patterns["ResolverSection.nameservers"]["items"]["pattern"], "192.0.2.1")
    assert not re.search(patterns["Schedule.interval"]["pattern"], "PT15M")


@pytest.mark.parametrize(
    ("seconds", "short"), [(0, "0s"), (0.5, "0.5s"), (5, "5s"), (90, "90s"), (900, "15m"), (129600, "36h"), (86400, "1d"), (34560000, "400d")]
)
def test_a_duration_is_shown_as_one_writes_it(seconds: float, short: str) -> None:
    assert config.short_duration(timedelta(seconds=seconds)) == short


@pytest.mark.parametrize(("text", "seconds"), [("500ms", 0.5), ("10s", 10), ("1.5m", 90), ("2h", 7200), ("1d", 86400), ("2w", 1209600)])
def test_durations_are_a_number_and_a_unit(text: str, seconds: float, tmp_path: Path) -> None:
    assert load(tmp_path, PARTNER + f"schedule: {{interval: {text}}}\n").schedule.interval.total_seconds() == seconds


def test_the_trust_store_is_found_beside_the_configuration(tmp_path: Path, authority, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    (tmp_path / "ca.pem").write_bytes(authority.root_pem)
    loaded = load(tmp_path, PARTNER + "trust: {ca_file: ca.pem}\n")
    assert loaded.trust.ca_file == tmp_path / "ca.pem"
    loaded.anchors()
    assert load(tmp_path, PARTNER + f"trust: {{ca_file: {tmp_path / 'ca.pem'}}}\n").trust.ca_file == tmp_path / "ca.pem"
    (tmp_path / "ca.pem").write_text("no certificate\n")
    with pytest.raises(config.BadConfiguration, match=r"ca\.pem"):
        loaded.anchors()


def test_the_shipped_example_is_right() -> None:
    loaded = config.load(EXAMPLE)
    assert len(loaded.partners()) > 100
    assert all(not domain.endswith("example.org") for partner in loaded.partners() for domain in partner.domains)


def test_the_paths_of_what_is_published_go_from_their_file(tmp_path: Path) -> None:
    (tmp_path / "conf").mkdir()
    loaded = load(tmp_path / "conf", PARTNER + "publication: {statements: said, corrections: ../wrong.yaml}\n").publication
    assert (loaded.statements, loaded.corrections) == (tmp_path / "conf/said", tmp_path / "conf/../wrong.yaml")
    assert loaded.signing_key is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{publisher: {contact: us@us.example}}", "no contact; write one such as mailto:mailtls@example.net"),
        ("{publisher: {contact: 'javascript:alert(1)'}}", "no contact"),
        ("{publisher: {url: 'javascript:alert(1)'}}", "is no URL of a web server"),
        ("{interval: 2h, stale_after: 1h}", "out of date before the next"),
        ("{licence: {name: ''}}", "publication.licence.name"),
    ],
)
def test_what_cannot_be_published_is_told_with_its_key(tmp_path: Path, text: str, told: str) -> None:
    (mistake,) = refusal(tmp_path, PARTNER + f"publication: {text}\n")
    assert mistake.startswith(f"{tmp_path / 'mailtls.yaml'}:2: publication")
    assert told in mistake


def test_the_shipped_example_has_every_key_of_the_schema() -> None:
    text = EXAMPLE.read_text("utf-8")
    shown: dict[str, Any] = yaml.safe_load(text)
    assert shown.keys() == config.Configuration.model_fields.keys()
    for name, field in config.Configuration.model_fields.items():
        keys = getattr(field.annotation, "model_fields", {}).keys()
        assert not keys or shown[name].keys() == keys
    (partner,) = yaml.safe_load("\n".join(re.findall(r"^#(  .*)$", text.partition("# Whom to measure")[2], re.MULTILINE)))
    assert partner.keys() == ProviderSection.model_fields.keys()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("limits: {concurrency: 0}\n", ":2: limits.concurrency: 0 is out of bounds; it must be at least 1"),
        ("policies: [rfc9326]\n", "did you mean rfc9325? a file of your own ends in .yaml"),
        ("policies: rfc9325\n", "policies: must be a list, and YAML reads it as text; write it in brackets: [...]"),
        ("maintenance: {why: x}\n", "maintenance: must be a list, and YAML reads it as a mapping; begin each entry with a hyphen"),
        ("web: {listen: }\n", "web.listen: must be a list, and YAML reads it as nothing (null)"),
        ("vantage: fra1\n", "vantage: must be a mapping of keys to values, and YAML reads it as text"),
        ("storage:\n", "storage: must be a mapping of keys to values, and YAML reads it as nothing (null)"),
        ("limits: {operators: [a]}\n", "limits.operators: must be a mapping of keys to values, and YAML reads it as a list"),
        ("vantage: {name: no}\n", "vantage.name: must be text, and YAML reads it as true or false; put it in quotes where text is meant"),
        ("network: {ipv6: yes}\n", "network.ipv6: true is none of auto, always, never"),
        ("resolver: {trust_ad: maybe}\n", "resolver.trust_ad: 'maybe' is none of true, false, auto"),
        ("resolver: {nameservers: [192.0.2.1]}\n", "'192.0.2.1' is no address and port, such as 127.0.0.1:53 or [::1]:53"),
        ("network: {allow_networks: [10.0.0.1/8]}\n", "network.allow_networks[0]: '10.0.0.1/8' is no network; did you mean 10.0.0.0/8?"),
        ("network: {allow_networks: [ten]}\n", "'ten' is no network; write address and length, such as 10.20.0.0/16"),
        ("network: {source_addresses: [ten]}\n", "network.source_addresses[0]: 'ten' is no IP address"),
        ("network: {port: smtp}\n", "network.port: 'smtp' is no whole number"),
        ("confirmation: {probes: 1.5}\n", "confirmation.probes: 1.5 is no whole number"),
        ("notifications: {webhooks: [{name: '', url: 'https://x/'}]}\n", "notifications.webhooks[0].name: must not be empty"),
        (f"maintenance: [{{why: {'x' * 1001}, hosts: [a.example]}}]\n", "maintenance[0].why: is longer than 1000 characters"),
        (f"vantage: {{controls: [{', '.join(['a.example'] * 21)}]}}\n", "vantage.controls: is longer than 20 entries"),
        ("notifications: {webhooks: [{name: x}]}\n", "notifications.webhooks[0].url: is missing, and has no default"),
    ],
)
def test_a_value_that_is_wrong_is_shown_in_a_sentence(text: str, told: str, tmp_path: Path) -> None:
    (mistake,) = refusal(tmp_path, PARTNER + text)
    assert mistake.endswith(told)


def test_each_key_that_is_missing_is_named(tmp_path: Path) -> None:
    assert [mistake.partition(": ")[2] for mistake in refusal(tmp_path, "providers: [{weight: 1}]\n")] == [
        "providers[0].domains: is missing, and has no default",
        "providers[0].name: is missing, and has no default",
    ]


def test_a_provider_who_lists_a_domain_twice_or_has_the_name_of_another_is_told(tmp_path: Path) -> None:
    twice = refusal(tmp_path, "providers: [{name: A, domains: [a.example, A.example]}]\n")
    assert ["the domain a.example is listed twice under 'A'; the first is at" in mistake for mistake in twice] == [True]
    (named,) = refusal(tmp_path, PARTNER + "provider_files: [more.yaml]\n", more="providers:\n  - {name: A, domains: [b.example]}\n")
    assert named.endswith(f"more.yaml:2: providers[0].name: a second provider is called 'A'; the first is at {tmp_path / 'mailtls.yaml'}:1")
