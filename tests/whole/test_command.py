"""The command in a process of its own: its streams, its statuses, and a demonstration that ends as it should."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "mailtls.cli", *map(str, arguments)]


def ended(arguments: list[str], **streams: Any) -> tuple[int, str]:
    done = subprocess.run(arguments, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=30, check=False, **streams)
    return done.returncode, done.stderr.decode()


PRINTING = [
    ("check", "a.example", "--config.file", "DEAF"), ("check", "a.example", "--config.file", "DEAF", "--format", "json"),
    ("config", "schema"), ("--help",), ("demo", "--web.listen-address", "127.0.0.1:0"),
    ("run", "--config.file", "DEAF", "--log.level", "error", "--web.listen-address", "127.0.0.1:0"),
]  # fmt: skip


@pytest.mark.parametrize("arguments", PRINTING, ids=" ".join)
def test_a_reader_who_has_left_is_141_and_no_verdict(arguments: tuple[str, ...], deaf: Path) -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    with os.fdopen(theirs, "wb") as nobody:
        status, err = ended(command(*(deaf if a == "DEAF" else a for a in arguments)), stdout=nobody)
    assert (status, err) == (141, "")


@pytest.mark.parametrize("arguments", PRINTING, ids=" ".join)
def test_output_that_cannot_be_written_is_74_and_one_line(arguments: tuple[str, ...], deaf: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        status, err = ended(command(*(deaf if a == "DEAF" else a for a in arguments)), stdout=full)
    assert (status, err) == (74, "mailtls: cannot write to standard output: No space left on device\n")


def test_a_closed_output_is_74() -> None:
    status, err = ended(["sh", "-c", 'exec "$@" >&-', "sh", *command("--version")])
    assert (status, err) == (74, "mailtls: cannot write to standard output: Bad file descriptor\n")


def test_a_lost_stderr_changes_no_status(deaf: Path) -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    with os.fdopen(theirs, "wb") as nobody:
        for arguments, status in ((("check", "a..b"), 2), (("check", "a.example", "--config.file", deaf), 3)):
            done = subprocess.run(command(*arguments), stdout=subprocess.PIPE, stderr=nobody, timeout=30, check=False)
            assert done.returncode == status


def test_a_fault_of_ours_is_70_and_no_verdict() -> None:
    broken = "from mailtls import cli\ndef app(): raise OSError('a socket, say')\ncli.app = app\ncli.main()"
    status, err = ended([sys.executable, "-c", broken])
    assert (status, "OSError: a socket, say" in err) == (70, True)


def test_what_a_stream_cannot_encode_is_escaped(deaf: Path) -> None:
    arguments: Any = [*(os.fsencode(part) for part in command("config", "check")), os.fsencode(deaf.parent) + b"/geh\xf6r.yaml"]
    deaf.rename(os.fsdecode(arguments[-1]))
    done = subprocess.run(arguments, capture_output=True, timeout=30, check=False, env=os.environ | {"LC_ALL": "C.UTF-8"})
    assert (done.returncode, done.stdout.endswith(b"/geh\\udcf6r.yaml: good: 1 provider, 1 domain\n")) == (0, True)


@pytest.mark.parametrize(
    ("typed", "way"), [("müller.example".encode(), "xn--mller-kva.example"), (b"m\xfcller.example", "the name as xn--...")]
)
def test_a_locale_that_cannot_hold_the_name_is_named(typed: bytes, way: str) -> None:
    environment = os.environ | {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    arguments: Any = [*(os.fsencode(part) for part in command("check")), typed]
    status, err = ended(arguments, env=environment)
    assert status == 2
    assert err.endswith(f"ller.example: the locale is not UTF-8; write {way}, or set LC_ALL=C.UTF-8\n")
    assert err.count("\n") == 1


def test_the_demonstration_ends_quietly_when_its_reader_leaves() -> None:
    command = [sys.executable, "-m", "mailtls.cli", "demo", "--web.listen-address", "127.0.0.1:0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        lines = [process.stdout.readline() for _ in range(3)]  # as head -n 3 would
        process.stdout.close()
        said = process.stderr.read()
    assert lines[0].startswith(b"http://127.0.0.1:")
    assert (process.returncode, said) == (141, b"")


def test_the_demonstration_says_that_a_port_is_taken_and_how_to_check_its_world_and_that_it_ends() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        place = f"127.0.0.1:{taken.getsockname()[1]}"
        command = [sys.executable, "-m", "mailtls.cli", "demo", "--web.listen-address", place]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            url, said = (process.stdout.readline().rstrip() for _ in range(2))
            line = next(line for line in process.stdout if "--config.file" in line)
            told = line.replace("legacy-only", "null-mx").split()[1:]
            done = subprocess.run([sys.executable, "-m", "mailtls.cli", *told], capture_output=True, text=True, check=False)
            process.send_signal(signal.SIGINT)
            rest = process.stdout.read()
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", url)
    assert (said.startswith(f"{place} is taken; serving on "), place in url) == (True, False)
    assert (done.returncode, "NO-MAIL" in done.stdout) == (0, True)
    assert "Ending; once more ends it at once." in rest
    assert process.returncode == 0
