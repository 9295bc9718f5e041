"""A mistake in the configuration is named with its file, its line, and the nearest right name."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from mailtls import config

PARTNER = "providers: [{name: A, domains: [a.example]}]\n"


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (PARTNER + "schedul: {interval: 5m}\n", 2, "schedul: unknown key; did you mean schedule?"),
        ("providers:\n- {name: A, domains: [a.example], wieght: 2}\n", 2, "did you mean weight?"),
        (PARTNER + "schedule:\n  interval: fast\n", 3, "schedule.interval: 'fast' is no duration"),
        (PARTNER + "network:\n  port: 99999\n", 3, "network.port"),
        (PARTNER + "network:\n  allow_networks: [1.2.3.4/33]\n", 3, "network.allow_networks[0]"),
        (PARTNER + "resolver: {nameservers: [localhost]}\n", 2, "no address and port"),
        (PARTNER + "a: [\n", 3, "not YAML"),
        (PARTNER + "web: {}\nweb: {}\n", 3, "stands twice"),
        ("providers: [{name: A, domains: [a.example, a.example]}]\n", 1, "listed twice"),
        (PARTNER + "schedule: {jitter: 300%}\n", 2, "no share"),
        ("providers: [{name: A, domains: ['no domain']}]\n", 1, "not a domain name"),
    ],
)
def test_a_mistake_is_told_with_its_line(text: str, line: int, words: str, tmp_path: Path) -> None:
    path = tmp_path / "mailtls.yaml"
    path.write_text(text)
    with pytest.raises(config.BadConfiguration) as refused:
        config.load(path)
    assert str(refused.value).startswith(f"{path}:{line}:")
    assert words in str(refused.value)


def test_nobody_to_measure_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("schedule: {interval: 5m}\n")
    with pytest.raises(config.BadConfiguration, match="nobody to measure"):
        config.load(tmp_path / "c.yaml")


def test_provider_files_are_read_beside_the_configuration_and_everything_else_has_a_default(tmp_path: Path) -> None:
    (tmp_path / "more.yaml").write_text("providers: [{name: B, domains: [BÜCHER.example]}]\n")
    (tmp_path / "c.yaml").write_text(PARTNER + "provider_files: [more.yaml]\n")
    loaded = config.load(tmp_path / "c.yaml")
    assert [p.domains for p in loaded.partners()] == [("a.example",), ("xn--bcher-kva.example",)]
    assert loaded.schedule.interval == timedelta(minutes=15)
    assert loaded.limits.per_operator == 2


def test_the_shipped_example_is_right() -> None:
    loaded = config.load(Path(__file__).parent.parent / "config" / "mailtls.example.yaml")
    assert len(loaded.partners()) > 100
