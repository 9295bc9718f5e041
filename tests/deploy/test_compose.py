"""What Compose starts: right by the specification's schema, and nobody in it has more than it needs."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import fastjsonschema
import pytest
import schemas
import yaml
from containerfile import ROOT, Step, steps

from mailtls import config

COMPOSE = ROOT / "deploy/compose"
DOCUMENT = yaml.safe_load((COMPOSE / "compose.yaml").read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = DOCUMENT["services"]
IMAGE: Step = steps()[-1]

every_service = pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)


def settings() -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((COMPOSE / "mailtls/mailtls.yaml").read_text("utf-8"))
    return read


def test_it_is_right_by_the_schema_of_the_specification() -> None:
    judge = schemas.compose()
    judge(DOCUMENT)
    with pytest.raises(fastjsonschema.JsonSchemaException):
        judge({"services": {"mailtls": {**SERVICES["mailtls"], "netwoks": []}}})


@every_service
def test_a_service_is_not_root_has_no_capability_and_can_write_to_its_volume_only(service: dict[str, Any]) -> None:
    user = service["user"].split(":")[0]
    assert int(user) > 0
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"cap_add", "privileged", "network_mode", "pid", "ipc", "devices"} & service.keys()
    for volume in service.get("volumes", []):
        source, _target, *options = volume.split(":")
        assert (source in DOCUMENT["volumes"]) == (options != ["ro"]), volume


@every_service
def test_what_a_service_reads_is_there_and_it_says_how_it_is(service: dict[str, Any]) -> None:
    for volume in service.get("volumes", []):
        source = volume.split(":")[0]
        assert source in DOCUMENT["volumes"] or (COMPOSE / source).exists(), source
    assert service["healthcheck"]["test"][0] == "CMD"
    assert service["restart"] == "unless-stopped"
    assert "build" in service or re.fullmatch(r"[a-z/]+:v?\d+\.\d+\.\d+", service["image"])


def test_only_the_public_pages_and_grafana_are_published_and_for_this_machine_alone_unless_told_otherwise() -> None:
    ports = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert ports == {"mailtls": ["${PUBLISH:-127.0.0.1}:8080:8080"], "grafana": ["${PUBLISH:-127.0.0.1}:3000:3000"]}
    assert settings()["web"]["public_listen"] == ["0.0.0.0:8080"]
    inward = {name for name, network in DOCUMENT["networks"].items() if network and network.get("internal")}
    assert set(SERVICES["prometheus"]["networks"]) <= inward


def test_who_meets_whom() -> None:
    meets = {network: {name for name, service in SERVICES.items() if network in service["networks"]} for network in DOCUMENT["networks"]}
    assert meets == {
        "visits": {"mailtls"}, "lookups": {"unbound"}, "notices": {"alertmanager"}, "site": {"mailtls", "grafana"},
        "inside": {"mailtls", "prometheus", "alertmanager", "grafana"}, "names": {"mailtls", "unbound"},
    }  # fmt: skip


def test_the_configuration_of_mailtls_is_right_and_asks_the_resolver_that_compose_starts(tmp_path: Path) -> None:
    shutil.copytree(COMPOSE / "mailtls", tmp_path, dirs_exist_ok=True)
    file = tmp_path / "mailtls.yaml"
    (copy,) = (each.words for each in IMAGE.all("COPY") if "providers.yaml" in each.text)
    assert settings()["provider_files"] == copy[1:]
    file.write_text(file.read_text("utf-8").replace(copy[1], str(ROOT / copy[0])))
    read = config.load(file)
    address = SERVICES["unbound"]["networks"]["names"]["ipv4_address"]
    assert list(read.resolver.nameservers) == [(address, 5353)]
    unbound = (COMPOSE / "unbound/unbound.conf").read_text("utf-8")
    assert "interface: 0.0.0.0@5353\n" in unbound
    (subnet,) = (each["subnet"] for each in DOCUMENT["networks"]["names"]["ipam"]["config"])
    assert f"access-control: {subnet} allow\n" in unbound
    assert read.storage.url == f"sqlite:///{IMAGE.last('VOLUME').text}/mailtls.db"


def test_mailtls_is_built_and_asked_how_it_is_as_the_image_says() -> None:
    service = SERVICES["mailtls"]
    assert (COMPOSE / service["build"]["context"]).resolve() == ROOT
    assert service["user"] == IMAGE.last("USER").text
    for name in ("mailtls", "unbound"):
        assert f"{SERVICES[name]['user']}" in (ROOT / _containerfile(name)).read_text("utf-8")
    health = IMAGE.last("HEALTHCHECK").text
    for word in service["healthcheck"]["test"][1:]:
        assert word in health


def _containerfile(name: str) -> str:
    build = SERVICES[name]["build"]
    return build["dockerfile"] if isinstance(build, dict) else f"deploy/compose/{name}/Containerfile"


def test_prometheus_reads_our_rules_and_knows_everybody_by_the_name_that_compose_gives() -> None:
    read = yaml.safe_load((COMPOSE / "prometheus/prometheus.yml").read_text("utf-8"))
    assert "../prometheus/rules:/etc/prometheus/rules:ro" in SERVICES["prometheus"]["volumes"]
    assert read["rule_files"] == ["/etc/prometheus/rules/*.yml"]
    jobs = {job["job_name"]: job["static_configs"][0]["targets"] for job in read["scrape_configs"]}
    assert jobs["mailtls"] == ["mailtls:9925"]
    assert read["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"] == jobs["alertmanager"] == ["alertmanager:9093"]


def test_grafana_is_given_our_dashboards_a_source_and_a_password_that_is_no_default() -> None:
    service = SERVICES["grafana"]
    provider = yaml.safe_load((ROOT / "grafana/provisioning/dashboards/mailtls.yml").read_text("utf-8"))["providers"][0]
    assert f"../../grafana/dashboards:{provider['options']['path']}:ro" in service["volumes"]
    (ours,) = yaml.safe_load((COMPOSE / "grafana/datasources/prometheus.yml").read_text("utf-8"))["datasources"]
    (theirs,) = yaml.safe_load((ROOT / "grafana/provisioning/datasources/prometheus.yml").read_text("utf-8"))["datasources"]
    assert ours == {**theirs, "url": "http://prometheus:9090"}
    assert service["environment"]["GF_SECURITY_ADMIN_PASSWORD__FILE"] == "/run/secrets/grafana_admin_password"
    assert set(service["secrets"]) == set(DOCUMENT["secrets"])
    assert not (COMPOSE / "secrets").exists() or "/deploy/compose/secrets/" in (ROOT / ".gitignore").read_text("utf-8")
