"""``mailtls publish`` and ``mailtls verify``: what the one writes, the other finds whole, and what is changed in it, it names."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from typer.testing import CliRunner

from mailtls.cli import app
from mailtls.publication import Link, Publication
from mailtls.publication.archive import add
from mailtls.publication.signing import load
from mailtls.sitefolder import LIST
from mailtls.store.database import Store
from mailtls.store.publications import Publications
from tests.site.sample import publication

HOUR = timedelta(hours=1)
NOW = datetime.now(UTC)
PROVIDERS = "providers: [{name: A, domains: [a.example]}]\n"


def run(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], env={"COLUMNS": "300"})
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


class World:
    """A configuration, a store, and a directory."""

    def __init__(self, root: Path) -> None:
        self.root, self.site, self.key = root, root / "site", root / "signing.pem"
        self.configuration = root / "mailtls.yaml"
        self.configuration.write_text(f"vantage: {{name: lab}}\nstorage: {{url: 'sqlite:///{root}/mailtls.db'}}\n" + PROVIDERS)
        key = Ed25519PrivateKey.generate()
        self.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        self.key.chmod(0o600)
        (root / "public.pem").write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))

    def add(self, *titles: str, at: datetime = NOW, signed: bool = True) -> Link:
        async def added() -> Link:
            store = await Store.open(f"sqlite:///{self.root}/mailtls.db")
            links = [
                await add(Publications(store, "lab"), titled(title), at, load(self.key) if signed else None) for title in titles
            ]
            await store.close()
            return links[-1]

        return asyncio.run(added())

    def publish(self, *arguments: object) -> tuple[int, str, str]:
        return run("publish", self.site, "--config.file", self.configuration, *arguments)


def titled(title: str) -> Publication:
    made = publication()
    few = dict(list(made.domains.items())[-2:])
    days = {name: made.days[name] for name in few}
    providers = tuple(each for each in made.providers if any(row["domain"] in few for row in each["domains"]))
    return replace(made, edition=made.edition | {"title": title}, domains=few, days=days, providers=providers, incidents=made.incidents[:1])


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> World:
    world = World(tmp_path_factory.mktemp("built"))
    world.add("One", at=NOW - 2 * HOUR)
    world.add("Two", at=NOW - HOUR)
    world.add("Three")
    status, told, _ = world.publish()
    assert (status, told[:12]) == (0, "Snapshot 3 (")
    return world


@pytest.fixture
def published(built: World, world: World) -> World:
    for name in ("signing.pem", "public.pem", "mailtls.db"):
        shutil.copy2(built.root / name, world.root / name)
    shutil.copytree(built.site, world.site)
    return world


def test_what_is_published_is_verified_and_a_hash_is_given_to_remember(published: World) -> None:
    status, told, _ = run("verify", published.site, "--key", published.root / "public.pem")
    assert status == 0, told
    lines = told.splitlines()
    assert lines[0].startswith("Snapshots 1 to 3, 3 in all, published from ")
    assert lines[-2] == "All is as it was published."
    remembered = lines[-1].rpartition(" ")[2]
    assert run("verify", published.site, "--since", remembered.upper())[0] == 0
    assert "Whose key that is, only the site itself says" in run("verify", published.site)[1]


def test_publishing_again_leaves_alone_what_did_not_change(published: World) -> None:
    before = {path: path.stat().st_ino for path in published.site.rglob("*.json") if "objects" in path.parts}
    assert "0 files written, 0 deleted" in published.publish()[1]
    published.add("Four", at=NOW)
    assert published.publish()[0] == 0
    assert before.items() <= {path: path.stat().st_ino for path in published.site.rglob("*.json")}.items()
    assert run("verify", published.site)[0] == 0


def test_the_page_of_a_snapshot_is_written_once_and_never_again(published: World) -> None:
    first = published.site / "status/snapshots/1/index.html"
    first.write_bytes(b"as an older program wrote it")
    published.add("Four", at=NOW)
    assert published.publish()[0] == 0
    assert first.read_bytes() == b"as an older program wrote it"
    assert b"This is how it was then." in (published.site / "status/snapshots/4/index.html").read_bytes()
    assert b'href="../snapshots/1/"' in (published.site / "status/snapshots/index.html").read_bytes()


def test_no_page_points_to_a_file_that_is_not_there(published: World) -> None:
    files = {str(path.relative_to(published.site)) for path in published.site.rglob("*") if path.is_file()}
    assert {"status/index.html", "status/style.css", "api/v1/edition.json", "snapshots/head.json", "snapshots/3.sig"} <= files
    assert set(json.loads((published.site / LIST).read_text())) == {path for path in files if not path.startswith(".mailtls")}


def test_a_changed_object_is_refused_by_name(published: World) -> None:
    victim = max((published.site / "snapshots/objects").iterdir(), key=lambda path: path.stat().st_size)
    victim.write_bytes(victim.read_bytes().replace(b"protected", b"protectec", 1))
    status, told, _ = run("verify", published.site)
    assert status == 1
    assert f"WRONG: snapshots/objects/{victim.name}: it is not what its name says" in told


def test_a_history_that_was_cut_off_is_found_by_who_remembers_more(published: World, tmp_path: Path) -> None:
    head = run("verify", published.site)[1].rpartition(" ")[2].strip()
    shorter = World(tmp_path / "shorter" if (tmp_path / "shorter").mkdir() is None else tmp_path)
    shutil.copy(published.key, shorter.key)
    shorter.add("One")
    assert shorter.publish()[0] == 0
    assert run("verify", shorter.site)[0] == 0
    status, told, _ = run("verify", shorter.site, "--since", head)
    assert status == 1
    assert f"the snapshot with hash {head} is not in it" in told


def test_what_is_deleted_is_written_again(published: World) -> None:
    shutil.rmtree(published.site / "snapshots")
    (published.site / "status/index.html").write_text("defaced")
    assert published.publish()[0] == 0
    assert run("verify", published.site)[0] == 0
    assert "defaced" not in (published.site / "status/index.html").read_text()


def test_of_nothing_nothing_is_published(world: World) -> None:
    asyncio.run(_made(world))
    status, _, told = world.publish()
    assert status == 3, told
    assert "nothing is known yet" in told


async def _made(world: World) -> None:
    await (await Store.open(f"sqlite:///{world.root}/mailtls.db")).close()


def test_a_directory_that_is_somebody_elses_is_wrong_usage(world: World) -> None:
    world.add("One")
    world.site.mkdir()
    (world.site / "index.html").write_text("theirs")
    status, _, told = world.publish()
    assert (status, (world.site / "index.html").read_text()) == (2, "theirs")
    assert "is not empty, and mailtls did not write it" in told


def test_a_store_that_is_not_there_is_said(world: World) -> None:
    status, _, told = world.publish()
    assert status == 1
    assert told.startswith("storage.url: ")


@pytest.mark.parametrize(
    ("arguments", "status", "why"),
    [
        (["--since", "abc"], 2, "64 hexadecimal digits are wanted"),
        (["--key", "missing.pem"], 2, "No such file"),
        (["--key", __file__], 2, "no public key in PEM"),
    ],
)
def test_wrong_usage_is_said(published: World, arguments: list[str], status: int, why: str) -> None:
    assert (run("verify", published.site, *arguments)[0], why in run("verify", published.site, *arguments)[2]) == (status, True)


def test_what_cannot_be_read_is_no_verdict(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "missing", "http://127.0.0.1:9/", "http://[/", "http://"):
        status, _, told = run("verify", place)
        assert status == (2 if place in ("http://[/", "http://") else 3), told


class Quiet(SimpleHTTPRequestHandler):
    """Serves a directory, and says nothing."""

    protocol_version = "HTTP/1.1"
    strange: ClassVar[dict[str, tuple[int, dict[str, str], bytes]]] = {}

    def do_GET(self) -> None:
        status, headers, body = self.strange.get(self.path, (0, {}, b""))
        if not status:
            super().do_GET()
            return
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        pass


@pytest.fixture
def url(published: World) -> Iterator[str]:
    Quiet.strange = {}
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=published.site)) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("below", ["", "/", "/status/", "/status/index.html"])
def test_what_is_served_is_verified_wherever_one_points(url: str, below: str) -> None:
    status, told, said = run("verify", url + below)
    assert status == 0, told + said


def test_a_server_that_fails_is_no_verdict(url: str) -> None:
    Quiet.strange = {"/snapshots/2.json": (500, {}, b"")}
    status, _, told = run("verify", url)
    assert (status, "it answers 500" in told) == (3, True)


def test_redirects_are_followed_so_far(url: str) -> None:
    Quiet.strange = {"/snapshots/2.json": (302, {"Location": "/elsewhere/2.json"}, b"")}
    Quiet.strange["/elsewhere/2.json"] = (307, {"Location": f"{url}/snapshots/2.json?x"}, b"")
    assert run("verify", url)[0] == 0
    for place in ("/snapshots/2.json", "ftp://127.0.0.1/", "file:///etc/passwd", "http://[", "\x80"):
        Quiet.strange = {"/snapshots/2.json": (302, {"Location": place}, b"")}
        status, _, told = run("verify", url)
        assert (status, "it leads" in told or "URL" in told) == (3, True), told


def test_an_answer_without_end_is_cut_off(url: str) -> None:
    Quiet.strange = {"/snapshots/head.json": (200, {"Content-Length": "1000000000"}, b"{" * 1_000_000)}
    status, told, _ = run("verify", url)
    assert (status, "WRONG: snapshots/head.json: it has more than 4,096 octets" in told) == (1, True)


def test_an_answer_that_breaks_off_is_no_verdict(url: str) -> None:
    Quiet.strange = {"/snapshots/2.json": (200, {"Content-Length": "5000", "Connection": "close"}, b"{")}
    assert run("verify", url)[0] == 3


def test_killed_while_it_writes_and_run_again_it_comes_out_right(published: World) -> None:
    published.add("Four", at=NOW)
    command = [sys.executable, "-m", "mailtls.cli", "publish", str(published.site), "--config.file", str(published.configuration)]
    for patience in (0.5, 0.9, 1.3):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        status, told, _ = run("verify", published.site)  # whoever reads meanwhile finds a whole one, the former or the next
        assert status == 0, told
    assert published.publish()[0] == 0
    assert run("verify", published.site)[0] == 0


def recipe() -> str:
    text = (Path(__file__).parent.parent / "docs" / "publication.md").read_text("utf-8")
    return text.partition("```sh\n")[2].partition("```")[0]


def by_hand(site: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["sh", "-c", recipe()], cwd=site, capture_output=True, text=True, check=False)


@pytest.mark.skipif(shutil.which("jq") is None, reason="the recipe needs jq")
def test_the_recipe_by_hand_verifies_what_is_whole_and_stops_at_what_is_not(published: World) -> None:
    done = by_hand(published.site)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "whole, down to the first snapshot"), done.stderr
    assert done.stdout.count("Signature Verified Successfully") == 3
    victims = (published.site / "snapshots/2.json", published.site / "snapshots/2.sig", next((published.site / "snapshots/objects").iterdir()))
    for victim in (*victims, published.site / "api/v1/edition.json"):
        octets = victim.read_bytes()
        victim.write_bytes(octets.replace(b"lab", b"lob") if victim.name == "edition.json" else octets[:-1] + bytes([octets[-1] ^ 1]))
        assert by_hand(published.site).returncode != 0, victim
        victim.write_bytes(octets)
    assert by_hand(published.site).returncode == 0
