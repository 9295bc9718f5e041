"""The floors hold: a module imports from its own floor or lower, and the pure floors stay pure."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

import mailtls

ROOT = Path(mailtls.__file__).parent
FLOORS = {
    "model": 0, "hellos": 0, "evidence": 0, "yamltext": 0, "readable": 0, "remembering": 0, "instants": 0, "domain_name": 0, "thinning": 0,
    "smtp": 1, "tls": 1, "trust": 1,
    "facts": 2, "policy": 2, "tracking": 2, "observation": 2, "keyreuse": 2, "next_offer": 2,
    "resolve": 3, "dial": 3, "dialogue": 3, "handshake": 3, "probe": 3, "visit": 3, "raw_hello": 3, "budget": 3, "accounts": 3, "measure": 3,
    "recording": 3, "store": 3, "notifier": 3, "webhook": 3, "connecting": 3, "sts_host": 3, "sts_keeper": 3,
    "show": 4, "publication": 4, "site": 4,
}  # fmt: skip
TOP = 5
IMPURE = {"asyncio", "socket", "time", "random", "os", "ssl", "threading", "subprocess", "urllib", "secrets"}
FOREIGN = {"dns", "OpenSSL", "aiosmtplib", "structlog", "pydantic", "starlette", "prometheus_client", "yaml", "sqlalchemy", "alembic"}
ALLOWED_BELOW = ("cryptography", "dns.name", "dns.rdata")
READS_YAML = "mailtls.yamltext"  # text in, values out: the one place below that knows the library


def modules() -> list[Path]:
    return sorted(ROOT.rglob("*.py"))


def floor(name: str) -> int:
    return FLOORS.get(name.split(".")[1], TOP) if "." in name else 0


def name_of(path: Path) -> str:
    return ".".join(("mailtls", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__")


def imports(path: Path) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            found += [f"{node.module}.{alias.name}" if node.module == "mailtls" else node.module for alias in node.names]
    return found


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_a_module_never_imports_upwards(path: Path) -> None:
    own = floor(name_of(path))
    if name_of(path) == "mailtls":
        own = TOP
    upwards = [name for name in imports(path) if name.startswith("mailtls.") and not name.endswith("__version__") and floor(name) > own]
    assert upwards == []


@pytest.mark.parametrize("path", [p for p in modules() if floor(name_of(p)) <= 2 and name_of(p) != "mailtls"], ids=name_of)
def test_a_pure_module_knows_no_socket_no_loop_and_no_clock(path: Path) -> None:
    for name in imports(path):
        assert name.split(".")[0] not in IMPURE, name
        foreign = name.split(".")[0] in FOREIGN
        allowed = (*ALLOWED_BELOW, "yaml") if name_of(path) == READS_YAML else ALLOWED_BELOW
        assert not foreign or name.startswith(allowed), name


CLOCKS = {"now", "utcnow", "today", "fromtimestamp", "ctime"}
"""Names by which a moment is had that nobody gave; ``fromtimestamp`` and ``ctime`` use the zone of the machine."""


@pytest.mark.parametrize("path", [p for p in modules() if floor(name_of(p)) <= 2 and name_of(p) != "mailtls"], ids=name_of)
def test_a_pure_module_reads_no_clock_of_a_date_either(path: Path) -> None:
    dates = {"datetime", "date"}
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Attribute) and node.attr in CLOCKS:
            of = node.value.attr if isinstance(node.value, ast.Attribute) else getattr(node.value, "id", "")
            assert of not in dates, f"line {node.lineno}: {of}.{node.attr}"


def test_the_architecture_names_every_module() -> None:
    """A module of a package counts as named in a paragraph that names the package too, or in full; steps of migrations are the schema's."""
    text = (ROOT.parent / "docs" / "architecture.md").read_text("utf-8")
    paragraphs = [{word.strip("/") for word in re.findall(r"`([^`\n]+)`", paragraph)} for paragraph in text.split("\n\n")]
    missing = []
    for name in {name_of(path).removeprefix("mailtls").strip(".").replace(".", "/") for path in modules()} - {""}:
        package, _, last = name.rpartition("/")
        near = [named for named in paragraphs if package and any(word.partition("/")[0] == package for word in named)]
        if not any(name in named for named in paragraphs) and not any(last in named for named in near) and not name.startswith("store/migrations/"):
            missing.append(name)
    assert ", ".join(sorted(missing)) == ""


def test_no_two_files_of_tests_have_one_name() -> None:
    # There are no packages among them, so that pytest could not collect both in one run.
    names = Counter(path.name for path in Path(__file__).parent.rglob("test_*.py"))
    assert [name for name, count in names.items() if count > 1] == []
