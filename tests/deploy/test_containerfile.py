"""The Containerfile, as far as it can be judged without building it; tests/integration/test_container.py plays it."""

from __future__ import annotations

import json
import re
from pathlib import Path

from containerfile import PATH, ROOT, UNBOUND, instructions, steps

MADE, IMAGE = steps()


def test_it_has_two_steps_on_one_base_that_whoever_builds_it_chooses() -> None:
    first = instructions(PATH.read_text("utf-8"))[0]
    assert (first.name, first.text) == ("ARG", "BASE=debian:12-slim")
    assert MADE.base == IMAGE.base == "${BASE}"


def test_all_that_is_copied_is_there_and_reaches_the_builder() -> None:
    ignored = [line for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line and not line.startswith("#")]
    assert ignored[0] == "*"
    let_through = {line.removeprefix("!") for line in ignored if line.startswith("!")}
    copied = {name for step in (MADE, IMAGE) for each in step.all("COPY") if "--from" not in each.text for name in each.words[:-1]}
    assert copied == let_through
    assert all((ROOT / name).exists() for name in copied)
    assert [each.words[0] for each in IMAGE.all("COPY") if "--from" in each.text] == [f"--from={MADE.name}"]


def test_nothing_comes_from_elsewhere_but_debian_and_what_has_a_hash() -> None:
    text = PATH.read_text("utf-8")
    assert not re.search(r"://(?!127\.0\.0\.1)", text)
    assert not MADE.all("ADD") + IMAGE.all("ADD")
    installs = re.findall(r"pip install .*", text)
    assert installs
    assert all("--no-index" in line for line in installs)
    assert "make wheels" in text


def test_it_runs_as_a_user_who_is_a_number_and_not_root() -> None:
    user, group = IMAGE.last("USER").text.split(":")
    assert int(user) > 0
    assert int(group) > 0
    assert f"--uid {user} " in IMAGE.last("RUN").text
    assert IMAGE.last("VOLUME").text == IMAGE.last("WORKDIR").text == "/var/lib/mailtls"
    assert f"install -d -o mailtls -g mailtls -m 700 {IMAGE.last('VOLUME').text}" in IMAGE.last("RUN").text


def test_no_shell_stands_between_mailtls_and_its_signals() -> None:
    assert json.loads(IMAGE.last("ENTRYPOINT").text) == ["/opt/mailtls/bin/mailtls"]
    assert json.loads(IMAGE.last("CMD").text)[0] == "run"
    assert IMAGE.last("STOPSIGNAL").text == "SIGTERM"
    health = IMAGE.last("HEALTHCHECK").text
    command = json.loads(health[health.index("[") :])
    assert command[:2] == ["/opt/mailtls/bin/python", "-Ic"]
    compile(command[2], "HEALTHCHECK", "exec")
    assert f":{IMAGE.last('EXPOSE').text}/-/healthy" in command[2]


def test_the_licence_that_it_names_is_ours() -> None:
    labels = " ".join(each.text for each in IMAGE.all("LABEL"))
    assert 'licenses="Apache-2.0"' in labels
    assert Path(ROOT / "LICENSE").read_text("utf-8").lstrip().startswith("Apache License")


def test_unbound_is_debians_and_runs_as_a_user_who_is_a_number_and_not_root() -> None:
    (image,) = steps(UNBOUND)
    assert "://" not in UNBOUND.read_text("utf-8")
    assert not image.all("COPY") + image.all("ADD")
    assert "--no-install-recommends dns-root-data unbound " in image.last("RUN").text
    assert all(int(number) > 0 for number in image.last("USER").text.split(":"))
    assert image.last("ENTRYPOINT").words[0] == "/usr/sbin/unbound"
