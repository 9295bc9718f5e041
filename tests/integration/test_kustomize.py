"""What kubectl makes of the base for Kubernetes, and of an overlay as docs/deployment.md has it; no cluster takes part."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import schemas
import yaml
from containerfile import ROOT
from servers.server import find_program

BASE = ROOT / "deploy/kubernetes"


def built(directory: Path) -> dict[str, dict[str, Any]]:
    done = subprocess.run([find_program("kubectl"), "kustomize", str(directory)], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return {f"{document['kind']} {document['metadata']['name']}": document for document in yaml.safe_load_all(done.stdout)}


def is_old() -> bool:
    """Whether this is a kubectl as of Debian 12, 1.20, which knew bases by another key than files."""
    done = subprocess.run([find_program("kubectl"), "version", "--client", "-o", "json"], capture_output=True, check=True, timeout=60)
    return int(json.loads(done.stdout)["clientVersion"]["minor"].rstrip("+")) < 21


def test_kubectl_makes_of_the_base_what_it_says() -> None:
    made = built(BASE)
    assert set(made) == {
        "ConfigMap mailtls", "ConfigMap mailtls-unbound", "NetworkPolicy mailtls",
        "Service mailtls", "Service mailtls-public", "StatefulSet mailtls",
    }  # fmt: skip
    for document in made.values():
        for version in schemas.KUBERNETES:
            schemas.kubernetes(document, version)
    assert made["ConfigMap mailtls"]["data"] == {"mailtls.yaml": (BASE / "mailtls.yaml").read_text()}
    assert made["ConfigMap mailtls-unbound"]["data"] == {"unbound.conf": (BASE / "unbound.conf").read_text()}


def test_the_documented_overlay_puts_in_what_is_ones_own(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "deploy/kubernetes", tmp_path / "mailtls/deploy/kubernetes")
    overlay = tmp_path / "overlay"
    overlay.mkdir()
    blocks = re.findall(r"(?:^ {4}.*\n)+", (ROOT / "docs/deployment.md").read_text(), re.MULTILINE)
    (text,) = (block for block in blocks if "kind: Kustomization" in block)
    (overlay / "kustomization.yaml").write_text(text.replace("resources:", "bases:") if is_old() else text)
    (overlay / "mailtls.yaml").write_text("providers: [{name: Example, domains: [example.org]}]\n")
    made = built(overlay)
    for document in made.values():
        schemas.kubernetes(document, schemas.KUBERNETES[-1])
        assert document["metadata"]["namespace"] == "mailtls"
    assert made["ConfigMap mailtls"]["data"] == {"mailtls.yaml": (overlay / "mailtls.yaml").read_text()}
    images = [container["image"] for container in made["StatefulSet mailtls"]["spec"]["template"]["spec"]["containers"]]
    assert images == ["registry.example/mailtls:0.1.0", "registry.example/mailtls-unbound:0.1.0"]
