"""What the command line says on its two streams, and which status it ends with when they, or the words it was given, are wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import structlog
import typer
from typer.testing import CliRunner

from mailtls.cli import app

TREE: Any = typer.main.get_command(app)
COMMANDS = {
    "check": {0, 1, 2, 3, 70, 74, 130, 141}, "run": {0, 1, 2, 70, 74, 141}, "demo": {0, 1, 2, 70, 74, 141},
    "doctor": {0, 1, 2, 70, 74, 130, 141}, "config check": {0, 1, 2, 70, 74, 141}, "config schema": {0, 2, 70, 74, 141},
}  # fmt: skip


def said(*arguments: object) -> tuple[int, str, str]:
    try:
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    finally:
        structlog.reset_defaults()  # the runner's streams are closed when it returns
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        ("127.0.0.1", "127.0.0.1: an address, but a domain is wanted"), ("[::1]:25", "an address, but a domain is wanted"),
        ("http://192.0.2.1/", "an address, but a domain is wanted"), ("user@192.0.2.1", "an address, but a domain is wanted"),
        ("user@gmail.com", "did you mean gmail.com?"), ("http://gmail.com/", "did you mean gmail.com?"),
        ("https://gmail.com:443/a@b?c#d", "did you mean gmail.com?"), ("mailto:A.User@Gmail.com", "did you mean gmail.com?"),
        ("gmail.com:25", "did you mean gmail.com?"), ("user@müller.example", "did you mean xn--mller-kva.example?"),
        ("a..b", "a..b: not a domain name\n"), ("user@", "user@: not a domain name\n"), ("http://", "not a domain name\n"),
        ("\x1b[31m", "\\x1b[31m: not a domain name\n"),
    ],
)  # fmt: skip
def test_what_is_no_domain_is_usage_and_says_what_may_have_been_meant(typed: str, answer: str) -> None:
    status, out, err = said("check", "--", typed)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert answer in err


@pytest.mark.parametrize("address", ["foo", "127.0.0.1:99999", "::1:80", ""])
def test_a_wrong_listen_address_is_usage_in_one_line(address: str, deaf: Path) -> None:
    for arguments in (("demo",), ("run", "--config.file", deaf)):
        status, out, err = said(*arguments, "--web.listen-address", address)
        assert (status, out) == (2, "")
        assert err == f"--web.listen-address: {address!r} is no address and port, such as 127.0.0.1:9925 or [::1]:9925\n"


def test_run_without_a_file_says_where_one_comes_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    status, _, err = said("run")
    assert status == 1
    assert err.startswith("mailtls.yaml: no such file; copy config/mailtls.example.yaml")
    assert err.endswith(", or name another with --config.file\n")
    assert err.count("\n") == 1


def test_domains_are_set_apart_and_counted(deaf: Path) -> None:
    status, out, _ = said("check", "b.example", "a.example", "b.example", "--config.file", deaf, "--explain")
    assert status == 3
    *blocks, last = out.strip().split("\n\n")
    first, second = (block for block in blocks if block.startswith("UNKNOWN"))
    assert first.startswith("UNKNOWN  b.example")
    assert second.startswith("UNKNOWN  a.example")
    assert last == "2 domains: 2 unknown"
    assert "domains:" not in said("check", "a.example", "--config.file", deaf)[1]


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_says_its_own_statuses_and_fits_its_line(name: str) -> None:
    node = TREE
    for word in name.split():
        node = node.commands[word]
        assert len(node.help.splitlines()[0]) <= 55
    statuses = {int(word) for word in node.epilog.removeprefix("Exit status: ").replace(". ", " ").split() if word.isdigit()}
    assert COMMANDS[name] <= statuses
    assert statuses <= COMMANDS[name]
