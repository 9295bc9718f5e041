"""What runs on Kubernetes: right by its schemas, with nothing that it does not need, and at one with the image."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import fastjsonschema
import pytest
import schemas
import yaml
from containerfile import ROOT, steps

from mailtls import config

BASE = ROOT / "deploy/kubernetes"
IMAGE = steps()[-1]
KUSTOMIZATION = yaml.safe_load((BASE / "kustomization.yaml").read_text("utf-8"))
DOCUMENTS: list[dict[str, Any]] = [
    document for name in KUSTOMIZATION["resources"] for document in yaml.safe_load_all((BASE / name).read_text("utf-8"))
]
KINDS = {f"{document['kind']} {document['metadata']['name']}": document for document in DOCUMENTS}
POD = KINDS["StatefulSet mailtls"]["spec"]["template"]["spec"]
CONTAINERS: dict[str, dict[str, Any]] = {each["name"]: each for each in POD["containers"]}

every_container = pytest.mark.parametrize("container", CONTAINERS.values(), ids=CONTAINERS)


@pytest.mark.parametrize("version", schemas.KUBERNETES)
@pytest.mark.parametrize("document", DOCUMENTS, ids=KINDS)
def test_each_object_is_right_by_the_schema_of_its_kind(document: dict[str, Any], version: str) -> None:
    schemas.kubernetes(document, version)
    with pytest.raises(fastjsonschema.JsonSchemaException):
        schemas.kubernetes({**document, "spec": {**document["spec"], "selektor": {}}}, version)


def test_all_that_is_there_is_named() -> None:
    made = [file for each in KUSTOMIZATION["configMapGenerator"] for file in each["files"]]
    assert {path.name for path in BASE.iterdir()} == {"kustomization.yaml", *KUSTOMIZATION["resources"], *made}


@every_container
def test_a_container_is_not_root_has_no_capability_and_cannot_write_its_root(container: dict[str, Any]) -> None:
    rights = container["securityContext"]
    assert rights["runAsUser"] > 0
    assert rights["readOnlyRootFilesystem"] is True
    assert rights["allowPrivilegeEscalation"] is False
    assert rights["capabilities"] == {"drop": ["ALL"]}
    assert POD["securityContext"]["runAsNonRoot"] is True
    assert POD["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert POD["automountServiceAccountToken"] is False
    assert not {"hostNetwork", "hostPID", "hostIPC"} & POD.keys()
    written = [mount["name"] for mount in container["volumeMounts"] if not mount.get("readOnly")]
    assert written == (["state"] if container["name"] == "mailtls" else [])
    assert {"requests", "limits"} <= container["resources"].keys()


def test_users_are_those_of_the_images_and_the_state_is_theirs_to_write() -> None:
    user, group = map(int, IMAGE.last("USER").text.split(":"))
    rights = CONTAINERS["mailtls"]["securityContext"]
    assert (rights["runAsUser"], rights["runAsGroup"], POD["securityContext"]["fsGroup"]) == (user, group, group)
    unbound = CONTAINERS["unbound"]["securityContext"]
    assert f"USER {unbound['runAsUser']}:{unbound['runAsGroup']}" in (ROOT / "deploy/compose/unbound/Containerfile").read_text("utf-8")
    mounts = {mount["name"]: mount["mountPath"] for mount in CONTAINERS["mailtls"]["volumeMounts"]}
    assert mounts == {"state": IMAGE.last("VOLUME").text, "settings": str(Path(IMAGE.last("CMD").words[-1]).parent)}


def test_every_volume_is_there() -> None:
    claimed = {each["metadata"]["name"] for each in KINDS["StatefulSet mailtls"]["spec"]["volumeClaimTemplates"]}
    made = {each["name"] for each in KUSTOMIZATION["configMapGenerator"]}
    assert {volume["configMap"]["name"] for volume in POD["volumes"]} == made
    mounted = {mount["name"] for container in CONTAINERS.values() for mount in container["volumeMounts"]}
    assert mounted == claimed | {volume["name"] for volume in POD["volumes"]}


def test_probes_ask_what_the_daemon_answers_and_services_lead_to_its_ports(tmp_path: Path) -> None:
    settings = read(tmp_path)
    ports = {port["name"]: port["containerPort"] for port in CONTAINERS["mailtls"]["ports"]}
    assert settings.web.listen == (("0.0.0.0", ports["metrics"]),)
    assert settings.web.public_listen == (("0.0.0.0", ports["public"]),)
    asked = {name: CONTAINERS["mailtls"][name]["httpGet"] for name in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert {name: (get["path"], get["port"]) for name, get in asked.items()} == {
        "startupProbe": ("/-/healthy", "metrics"), "livenessProbe": ("/-/healthy", "metrics"), "readinessProbe": ("/-/ready", "metrics"),
    }  # fmt: skip
    labels = KINDS["StatefulSet mailtls"]["spec"]["template"]["metadata"]["labels"]
    for document in DOCUMENTS:
        if document["kind"] == "Service":
            assert document["spec"]["selector"] == labels
            assert {port["targetPort"] for port in document["spec"]["ports"]} <= set(ports)
    public = KINDS["Service mailtls-public"]["spec"]["ports"]
    assert [port["targetPort"] for port in public] == ["public"]


def test_nobody_is_reached_but_mail_hosts_name_servers_and_policy_hosts_and_metrics_are_for_prometheus() -> None:
    policy = KINDS["NetworkPolicy mailtls"]["spec"]
    assert policy["podSelector"]["matchLabels"] == KINDS["StatefulSet mailtls"]["spec"]["selector"]["matchLabels"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    (out,) = policy["egress"]
    assert {(port["port"], port["protocol"]) for port in out["ports"]} == {(25, "TCP"), (443, "TCP"), (53, "TCP"), (53, "UDP")}
    ways = {rule["ports"][0]["port"]: "from" in rule for rule in policy["ingress"]}
    assert ways == {8080: False, 9925: True}


def test_the_configuration_is_right_and_asks_the_resolver_beside_it(tmp_path: Path) -> None:
    settings = read(tmp_path)
    assert settings.resolver.nameservers == (("127.0.0.1", 5353),)
    assert settings.storage.url == f"sqlite:///{IMAGE.last('VOLUME').text}/mailtls.db"


def test_unbound_is_set_up_as_under_compose_but_for_whom_it_listens_to() -> None:
    ours = (BASE / "unbound.conf").read_text("utf-8").splitlines()[1:]
    theirs = (ROOT / "deploy/compose/unbound/unbound.conf").read_text("utf-8").splitlines()[1:]
    assert "  interface: 127.0.0.1@5353" in ours
    assert ours == [line.replace("0.0.0.0@", "127.0.0.1@") for line in theirs if "access-control" not in line]


def read(directory: Path) -> config.Configuration:
    """Read the configuration, with the list of the checkout in the place of the image's."""
    file = directory / "mailtls.yaml"
    shutil.copy(BASE / file.name, file)
    (copy,) = (each.words for each in IMAGE.all("COPY") if "providers.yaml" in each.text)
    assert copy[1] in file.read_text("utf-8")
    file.write_text(file.read_text("utf-8").replace(copy[1], str(ROOT / copy[0])))
    return config.load(file)
