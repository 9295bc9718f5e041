"""A changed file is read again: whole, once, and not while it is being written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from mailtls import config
from mailtls.config.files import files_behind
from mailtls.daemon import Daemon
from mailtls.watching import Watch

TEXT = "storage: {url: 'sqlite://'}\nexclude: {domains: [example]}\nprovider_files: [more.yaml]\n"


def providers(*domains: str) -> str:
    return "providers:\n" + "".join(f"  - {{name: {domain}, domains: [{domain}]}}\n" for domain in domains)


class Running:
    """A daemon whose files are looked at when the test says so."""

    def __init__(self, path: Path, *, follow: bool = True) -> None:
        self.path = path
        self.daemon = Daemon(config.load(path), path, follow=follow)

    def domains(self) -> list[str]:
        return [domain for partner in self.daemon.schedule.partners for domain in partner.domains]

    async def look(self, times: int = 2) -> None:
        for _ in range(times):
            await self.daemon.reloading.if_changed()

    @property
    def is_good(self) -> bool:
        return self.daemon.registry.get_sample_value("mailtls_config_last_reload_successful") == 1


@pytest.fixture
async def running(tmp_path: Path):
    (tmp_path / "mailtls.yaml").write_text(TEXT)
    (tmp_path / "more.yaml").write_text(providers("a.example"))
    one = Running(tmp_path / "mailtls.yaml")
    yield one
    await one.daemon.schedule.stop()


async def test_nothing_is_read_where_nothing_has_changed(running: Running) -> None:
    before = running.daemon.schedule
    await running.look(5)
    assert running.daemon.schedule is before


async def test_who_turns_it_off_is_asked_to_say_when(tmp_path: Path) -> None:
    path = tmp_path / "mailtls.yaml"
    path.write_text(TEXT)
    path.with_name("more.yaml").write_text(providers("a.example"))
    running = Running(path, follow=False)
    path.with_name("more.yaml").write_text(providers("b.example", "c.example"))
    await running.look(4)
    assert running.domains() == ["a.example"]
    await running.daemon.reload()
    await running.look(4)
    assert running.domains() == ["b.example", "c.example"]
    await running.daemon.schedule.stop()


@pytest.mark.parametrize("name", ["mailtls.yaml", "more.yaml"])
async def test_a_file_that_was_replaced_is_read(name: str, running: Running) -> None:
    fresh = running.path.with_name("fresh")
    fresh.write_text(TEXT + providers("b.example") if name == "mailtls.yaml" else providers("a.example", "b.example"))
    fresh.replace(running.path.with_name(name))
    await running.look()
    assert set(running.domains()) == {"a.example", "b.example"}
    before = running.daemon.schedule
    await running.look(4)
    assert running.daemon.schedule is before


async def test_a_file_that_is_being_written_is_let_alone_until_it_is_quiet(running: Running) -> None:
    text = providers("a.example", "b.example", "c.example")
    with running.path.with_name("more.yaml").open("w") as written, capture_logs() as logs:
        for part in (text[:20], text[20:50], text[50:]):
            written.write(part)
            written.flush()
            await running.look(1)
        assert (running.domains(), logs) == (["a.example"], [])
    await running.look()
    assert running.domains() == ["a.example", "b.example", "c.example"]


async def test_a_wrong_file_keeps_the_old_one_is_told_once_and_read_again_when_it_is_mended(running: Running) -> None:
    more = running.path.with_name("more.yaml")
    more.write_text("provider: []\n")
    with capture_logs() as logs:
        await running.look(6)
    assert [entry["event"] for entry in logs if entry["log_level"] == "error"] == ["reload refused, the old configuration stays in force"]
    assert (running.domains(), running.is_good) == (["a.example"], False)
    more.write_text(providers("b.example"))
    await running.look()
    assert (running.domains(), running.is_good) == (["b.example"], True)


async def test_a_file_that_was_missing_is_read_once_it_is_there(running: Running) -> None:
    running.path.write_text(TEXT.replace("[more.yaml]", "[more.yaml, later.yaml]"))
    await running.look()
    assert not running.is_good
    running.path.with_name("later.yaml").write_text(providers("b.example"))
    await running.look()
    assert (running.domains(), running.is_good) == (["a.example", "b.example"], True)


async def test_what_was_reloaded_on_request_is_not_read_once_more(running: Running) -> None:
    running.path.with_name("more.yaml").write_text(providers("b.example", "c.example"))
    await running.daemon.reload()
    before = running.daemon.schedule
    await running.look(4)
    assert running.daemon.schedule is before


async def test_a_config_map_that_is_swapped_by_its_link_is_read(tmp_path: Path) -> None:
    for version, domain in (("1", "a.example"), ("2", "b.example")):
        (tmp_path / version).mkdir()
        (tmp_path / version / "mailtls.yaml").write_text(TEXT)
        (tmp_path / version / "more.yaml").write_text(providers(domain))
    (tmp_path / "..data").symlink_to("1")
    for name in ("mailtls.yaml", "more.yaml"):
        (tmp_path / name).symlink_to(f"..data/{name}")
    running = Running(tmp_path / "mailtls.yaml")
    assert running.domains() == ["a.example"]
    (tmp_path / "..data_tmp").symlink_to("2")
    (tmp_path / "..data_tmp").rename(tmp_path / "..data")
    await running.look()
    assert running.domains() == ["b.example"]
    await running.daemon.schedule.stop()


def test_a_change_that_is_taken_back_is_none(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("a")
    before = file.stat()
    watch = Watch(lambda: [file])
    os.utime(file, ns=(1, 1))
    assert not watch.is_due()
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert not watch.is_due()
    assert not watch.is_due()
    file.unlink()
    assert [watch.is_due(), watch.is_due()] == [False, True]


def test_all_files_are_known_that_a_configuration_names(tmp_path: Path) -> None:
    def write(name: str, text: str) -> Path:
        (tmp_path / name).write_text(text)
        return tmp_path / name

    path = write("mailtls.yaml", "provider_files: [more.yaml, 3]\npolicies: [rfc9325, own.yaml]\ntrust: {ca_file: ca.pem}\nnonsense: 1\n")
    write("own.yaml", "extends: base.yml\n")
    write("base.yml", "extends: own.yaml\n")
    web = write("web.yml", "tls_server_config: {cert_file: cert.pem, key_file: key.pem, client_ca_file: clients.pem}\n")
    names = {"mailtls.yaml", "more.yaml", "ca.pem", "own.yaml", "base.yml", "web.yml", "cert.pem", "key.pem", "clients.pem"}
    assert {found.name for found in files_behind(path, web)} == names
    for text in ("a: [\n", "provider_files: x\ntrust: 1\npolicies: {a: b}\n", ""):
        assert files_behind(write("mailtls.yaml", text)) == (path,)
    assert files_behind(tmp_path / "none.yaml") == (tmp_path / "none.yaml",)
