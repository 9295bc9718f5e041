"""What README, CONTRIBUTING and the pages of docs/ tell somebody to type or to click is there, and what they show is what happens."""

from __future__ import annotations

import ast
import re
import shlex
import textwrap
from datetime import UTC, datetime
from importlib.resources import files
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from mailtls import cli, facts
from mailtls.commands import ending
from mailtls.facts import starttls
from mailtls.lab import Authority
from mailtls.lab.providers import fake_providers
from mailtls.model import Endpoint, EndpointObservation, Known, MXObservation, Verdict
from mailtls.policy.evaluation import survey
from mailtls.policy.grammar import read_policy
from mailtls.policy.shipped import shipped
from mailtls.policy.telling import commands_of, remedy_of
from mailtls.yamltext import parse

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").rglob("*.md"))]
README = PAGES[0].read_text("utf-8")


def blocks(text: str) -> list[str]:
    """Return the indented blocks of a page, as they would be pasted."""
    found = re.findall(r"(?:^    .*\n(?:\n+(?=    ))?)+", text, re.MULTILINE)
    return [textwrap.dedent(block) for block in found]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:|mailto:|#)([^)#]+)", page.read_text("utf-8")):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_make_target_and_every_command_with_its_options_is_there(page: Path) -> None:
    text = page.read_text("utf-8")
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    pasted = [line.partition("  #")[0].strip() for block in blocks(text) for line in block.splitlines()]
    for line in pasted + re.findall(r"`([^`\n]+)`", text):
        if re.match(r"make [a-z]", line):
            assert set(line.split()[1:]) <= targets, line
        if re.match(r"mailtls [a-z]", line):
            node: Any = typer.main.get_command(cli.app)
            words = shlex.split(line)[1:]
            while words and words[0] in getattr(node, "commands", {}):
                node = node.commands[words.pop(0)]
            assert not getattr(node, "commands", {}), line
            options = {option for each in node.params for option in (*each.opts, *each.secondary_opts)} | {"--help"}
            assert {word for word in words if word.startswith("--")} <= options, line


def test_the_readme_counts_no_tests_and_takes_no_file_that_nobody_made() -> None:
    assert not re.search(r"\b\d+ passed", README)
    commands = [line for block in blocks(README) for line in block.splitlines()]
    copied = {name for line in commands for name in re.findall(r"cp (\S+)", line)}
    assert all((ROOT / name).exists() for name in copied)
    configured = [name for line in commands for name in re.findall(r"--config\.file (\S+)", line)]
    assert {name for name in configured if not name.startswith("/tmp/mailtls-demo-")} <= {"mailtls.yaml"}
    made = next(number for number, line in enumerate(commands) if line.startswith("cp ") and "mailtls.yaml" in line)
    assert all(number > made for number, line in enumerate(commands) if "--config.file mailtls.yaml" in line)


@pytest.mark.parametrize("page", [ROOT / "README.md", ROOT / "CHANGELOG.md"], ids=lambda page: page.name)
def test_the_providers_of_the_world_are_counted_as_they_are(page: Path) -> None:
    counted = len(yaml.safe_load((ROOT / "config" / "providers.yaml").read_text("utf-8"))["providers"])
    assert set(re.findall(r"(\d+) (?:mail )?providers of the\s+world", page.read_text("utf-8"))) == {str(counted)}


def test_the_readme_shows_every_verdict_and_every_status() -> None:
    assert set(re.findall(r"^\| `([a-z-]+)` \|", README, re.MULTILINE)) == {verdict.value for verdict in Verdict}
    rows = re.findall(r"^\| ([\d, ]+) \|", README, re.MULTILINE)
    statuses = {ending.GOOD, ending.BAD, ending.USAGE, ending.UNKNOWN, ending.FAULT, ending.CANNOT_WRITE, ending.INTERRUPTED, ending.NOBODY_READS}
    assert {int(number) for row in rows for number in row.split(",")} == statuses


def test_the_readme_shows_the_demonstration_as_it_is(authority: Authority) -> None:
    said = {domain: provider.conclusion for provider in fake_providers(authority, datetime.now(UTC)) for domain in provider.domains}
    shown = re.findall(r"^    ([a-z-]+) +([a-z-]+\.example) {2,}(.+)$", README, re.MULTILINE)
    assert len(shown) >= 5
    for verdict, domain, words in shown:
        assert verdict in {known.value for known in Verdict}
        assert said[domain].removeprefix(f"{verdict}: ") == words


def test_the_rule_that_contributing_adds_can_be_pasted() -> None:
    rule, row = (block for block in blocks((ROOT / "CONTRIBUTING.md").read_text("utf-8")) if "heartbeat" in block)
    text = files("mailtls.policy").joinpath("data", "rfc9325.yaml").read_text("utf-8")
    if "id: heartbeat" not in text:  # who follows the example word for word has pasted it already
        text += f"\n{textwrap.indent(rule, '  ')}"
    held = read_policy(*parse(text, "rfc9325.yaml"), "rfc9325.yaml", shipped, shipped=True)
    (policy, name, readings, level) = ast.literal_eval(row.strip().removesuffix(","))
    (added,) = (one for one in held.rules if one.id == name)
    ground = survey("a.example", {}, [MXObservation("mx", 1, {}, (_endpoint(**readings),))], None)
    (outcome,) = (added(subject.readings) for subject in ground.subjects[added.scope])
    assert commands_of(added.clause)
    assert remedy_of(added.clause)
    assert (policy, held.scale.levels[outcome.rank]) == (held.name, level)


def _endpoint(**readings: object) -> EndpointObservation:
    where = Endpoint("mx", ip_address("192.0.2.1"))
    return EndpointObservation(where, {name: Known(value) for name, value in readings.items()}, conclusive=True)


async def test_the_fact_that_contributing_adds_can_be_pasted(visit, monkeypatch: pytest.MonkeyPatch) -> None:
    declaration, test = (block for block in blocks((ROOT / "CONTRIBUTING.md").read_text("utf-8")) if "PIPELINING" in block)
    (fact,) = eval(f"({declaration})", vars(starttls))
    monkeypatch.setattr(facts, "ENDPOINT", (*facts.ENDPOINT, fact))
    pasted: dict[str, Any] = {}
    exec(compile(test, "tests/facts/test_pipelining.py", "exec"), pasted)
    (name,) = (name for name in pasted if name.startswith("test_"))
    await pasted[name](visit)
