"""The web servers on real sockets: what answers where."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import bcrypt
import certmaking
import httpx
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from structlog.testing import capture_logs

from mailtls import config
from mailtls import passwords as passwords_module
from mailtls.config import Configuration
from mailtls.config.webfile import OPEN, Access, load_access
from mailtls.daemon import Daemon
from mailtls.lab import Authority
from mailtls.listening import CannotListen
from mailtls.passwords import Passwords, TooManyWait, given
from mailtls.serving import Serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

HERE = ("127.0.0.1", 0)
FOR_EVERYBODY = ("/status/", "/api/v1/domains.json", "/snapshots/head.json")
FOR_US = ("/metrics", "/probe?target=a.example", "/sd/targets", "/-/healthy", "/-/ready", "/-/reload", "/-/", "/nonsense")


def daemon(**web: Any) -> Daemon:
    settings = {"providers": [{"name": "A", "domains": ["a.example"]}], "storage": {"url": "sqlite://"}, "web": web}
    return Daemon(Configuration.model_validate(settings))


@asynccontextmanager
async def running(of: Daemon, access: Access) -> AsyncIterator[Serving]:
    serving = Serving(of, [HERE], [HERE], access)
    serving.begin()
    try:
        yield serving
    finally:
        await serving.end()


@asynccontextmanager
async def served(of: Daemon, access: Access = OPEN) -> AsyncIterator[list[str]]:
    async with running(of, access) as serving:
        yield [url.rstrip("/") for url in serving.urls]


async def test_the_public_sees_the_site_and_the_api_and_nothing_else() -> None:
    async with served(daemon()) as (ours, public), httpx.AsyncClient() as client:
        for path in FOR_EVERYBODY:
            assert [(await client.get(url + path)).status_code for url in (ours, public)] == [503, 503]
        for path in FOR_US:
            for method in ("GET", "POST", "PUT"):
                assert (await client.request(method, public + path)).status_code == 404
        assert (await client.get(ours + "/metrics")).status_code == 200
        assert "/metrics" in (await client.get(ours)).text
        for path in ("/api/v1/domains", "/api/v1/regressions"):  # what is known this second is for us
            assert [(await client.get(url + path)).status_code for url in (ours, public)] == [200, 503]
        answer = await client.get(public)
        assert (answer.status_code, answer.headers["Location"]) == (307, "status/")


async def test_a_name_that_is_not_ours_is_refused_to_the_public_as_well_and_that_of_the_site_is_ours() -> None:
    async with served(daemon(external_url="https://status.example/")) as (_, public), httpx.AsyncClient() as client:
        assert (await client.get(public, headers={"Host": "evil.example"})).status_code == 421
        assert (await client.get(public, headers={"Host": "status.example"})).status_code == 307


async def test_where_one_address_cannot_be_had_the_others_are_given_back() -> None:
    first = Serving(daemon(), [HERE], [], OPEN)
    port = int(first.urls[0].rstrip("/").rpartition(":")[2])
    first.close()
    with pytest.raises(CannotListen):
        Serving(daemon(), [("127.0.0.1", port)], [("192.0.2.1", 80)], OPEN)
    Serving(daemon(), [("127.0.0.1", port)], [], OPEN).close()


def test_the_hosts_of_public_addresses_are_names_of_ours() -> None:
    assert "status.internal.example" in daemon(public_listen=["status.internal.example:80"]).names()


def hashed(password: bytes) -> bytes:
    return bcrypt.hashpw(password, bcrypt.gensalt(4))


async def test_whoever_is_not_public_is_asked_for_a_password_on_every_page() -> None:
    users = {"alice": hashed(b"s\xc3\xa9sam"), "bob": hashed(b"b" * 72)}
    async with served(daemon(), Access(users)) as (ours, public), httpx.AsyncClient() as client:
        for path in (*FOR_EVERYBODY, *FOR_US):
            answer = await client.get(ours + path)
            assert (answer.status_code, answer.headers["WWW-Authenticate"][:21]) == (401, 'Basic realm="mailtls"')
        assert (await client.post(ours + "/-/reload")).status_code == 401
        assert (await client.get(public)).status_code == 307
        for who, status in (
            (("alice", "sésam"), 200), (("alice", "sesam"), 401), (("alice", ""), 401), (("", ""), 401), (("carol", "sésam"), 401),
            (("bob", "sésam"), 401), (("bob", "b" * 100), 200), (("bob", "b" * 5000), 200), (("bob", "b" * 71), 401),
        ):  # fmt: skip
            assert (await client.get(ours + "/metrics", auth=who)).status_code == status, who


@pytest.mark.parametrize(
    "fields", [[], ["Bearer x"], ["Basic"], ["Basic !"], ["Basic YWxpY2U="], ["Basic /zp4"], ["Basic YTpi", "Basic YTpi"], ["Basic YTpi YTpi"]]
)
def test_what_is_no_name_and_password_is_neither(fields: list[str]) -> None:
    assert given(field.encode() for field in fields) is None


def test_name_and_password_are_parted_at_the_first_colon() -> None:
    assert given([b"bAsIc YTpiOmM="]) == ("a", b"b:c")


async def test_a_password_that_was_right_costs_nothing_again_and_a_wrong_one_or_a_name_that_nobody_has_always_costs() -> None:
    users, passwords = {"alice": hashed(b"a"), "bob": hashed(b"b")}, Passwords()
    for number, (name, password, right) in enumerate([
        ("alice", b"a", True), ("bob", b"b", True), ("alice", b"b", False), ("alice", b"b", False), ("carol", b"a", False),
        ("carol", b"a", False), ("dave", b"b", False), ("dave", b"b", False),
    ]):  # fmt: skip
        assert await passwords.is_right(users, name, password) is right
        assert passwords.verified == number + 1
    assert await passwords.is_right(users, "alice", b"a")
    assert passwords.verified == 8
    assert await passwords.is_right({"alice": hashed(b"c")}, "alice", b"a") is False  # another hash, and the memory is void
    assert passwords.verified == 9


async def test_what_is_remembered_has_a_bound_and_who_came_last_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords_module, "MOST_REMEMBERED", 2)
    users, passwords = {name: hashed(name.encode()) for name in "abc"}, Passwords()
    for name in "abac":
        assert await passwords.is_right(users, name, name.encode())
    assert passwords.verified == 3
    assert await passwords.is_right(users, "a", b"a")
    assert passwords.verified == 3
    assert await passwords.is_right(users, "b", b"b")
    assert passwords.verified == 4


async def test_where_too_many_wait_the_next_is_put_off_and_who_is_known_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords_module, "MOST_WAITING", 0)
    passwords, users = Passwords(), {"alice": hashed(b"a")}
    with pytest.raises(TooManyWait):
        await passwords.is_right(users, "alice", b"a")
    monkeypatch.setattr(passwords_module, "MOST_WAITING", 1)
    assert await passwords.is_right(users, "alice", b"a")
    monkeypatch.setattr(passwords_module, "MOST_WAITING", 0)
    assert await passwords.is_right(users, "alice", b"a")
    async with served(daemon(), Access(users)) as (ours, _), httpx.AsyncClient() as client:
        answer = await client.get(ours, auth=("alice", "a"))
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")


async def test_headers_are_added_to_every_answer_and_a_page_keeps_its_own() -> None:
    headers = (("X-Frame-Options", "deny"), ("Content-Security-Policy", "default-src *"))
    async with served(daemon(), Access({"a": hashed(b"a")}, headers)) as (ours, public), httpx.AsyncClient() as client:
        for url, status in ((ours, 401), (public + "/metrics", 404), (public, 307)):
            answer = await client.get(url)
            assert (answer.status_code, answer.headers["X-Frame-Options"]) == (status, "deny")
        assert answer.headers.get_list("Content-Security-Policy") == [
            "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        ]


class Files:
    """A web configuration file with a certificate, which can be replaced."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.authority = Authority.create(datetime.now(UTC))
        self.trusts = ssl.create_default_context(cadata=self.authority.root_pem.decode())

    def write(self, more: str = "") -> Path:
        identity = self.authority.issue(["localhost"])
        (self.directory / "cert.pem").write_bytes(identity.chain_pem)
        (self.directory / "key.pem").write_bytes(identity.key_pem)
        (self.directory / "web.yml").write_text(f"tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\n{more}")
        return self.directory / "web.yml"

    def renew(self, more: str = "") -> Access:
        return load_access(self.write(more))


async def seen(url: str, trusts: ssl.SSLContext) -> tuple[bytes, str, bytes]:
    """Return certificate, version and answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]), ssl=trusts, server_hostname="localhost")
    try:
        writer.write(b"GET /-/healthy HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        answer = await reader.read()
        found = writer.get_extra_info("ssl_object")
        return found.getpeercert(binary_form=True), found.version(), answer
    finally:
        writer.close()


async def test_tls_is_served_and_a_renewed_certificate_from_the_next_connection_on(tmp_path: Path) -> None:
    files = Files(tmp_path)
    async with running(daemon(), files.renew()) as serving:
        ours, public = (url.rstrip("/") for url in serving.urls)
        assert (ours[:8], public[:8]) == ("https://", "https://")
        first = [await seen(url, files.trusts) for url in (ours, public)]
        assert [(version, answer[:12]) for _, version, answer in first] == [("TLSv1.3", b"HTTP/1.1 200"), ("TLSv1.3", b"HTTP/1.1 404")]
        serving.go_by(files.renew("  max_version: TLS12\n"))
        for url, before in zip((ours, public), first, strict=True):
            certificate, version, _ = await seen(url, files.trusts)
            assert (certificate != before[0], version) == (True, "TLSv1.2")
        with capture_logs() as logs:
            serving.go_by(OPEN)  # which takes a restart: nothing that was encrypted is suddenly not
        assert [entry["event"] for entry in logs] == ["whether TLS is served has changed; that takes a restart"]
        assert (await seen(ours, files.trusts))[1] == "TLSv1.2"


def lasting(name: str, by: certmaking.Issuer | None = None, *, authority: bool = False) -> certmaking.Issuer:
    """Return somebody whose certificate outlasts this test for whoever runs it."""
    own = certmaking.Issuer(name)
    return (by or own).sign(name, own.key, authority=authority, starts=-1000 * certmaking.DAY, ends=36500 * certmaking.DAY, purposes=())


async def test_a_client_certificate_is_asked_for_where_it_is_configured_and_never_of_the_public(tmp_path: Path) -> None:
    files, clients = Files(tmp_path), lasting("clients", authority=True)
    client, stranger = lasting("prometheus", clients), lasting("stranger", lasting("strangers", authority=True))
    (tmp_path / "clients.pem").write_bytes(clients.pem)
    access = files.renew("  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: clients.pem\n")
    async with running(daemon(), access) as serving:
        ours, public = (url.rstrip("/") for url in serving.urls)
        for who, welcome in ((None, False), (stranger, False), (client, True)):
            trusts = ssl.create_default_context(cadata=files.authority.root_pem.decode())
            if who is not None:
                key = who.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
                (tmp_path / "client.pem").write_bytes(who.pem + key)
                trusts.load_cert_chain(tmp_path / "client.pem")
            assert (await seen(public, trusts))[2].startswith(b"HTTP/1.1 404")
            answer = b""
            with contextlib.suppress(ssl.SSLError, ConnectionError):  # with TLS 1.3 a client may read of it, or see the end
                answer = (await seen(ours, trusts))[2]
            assert answer.startswith(b"HTTP/1.1 200") == welcome


async def test_a_reload_takes_passwords_and_certificates_along_and_a_wrong_file_leaves_all_as_it_was(tmp_path: Path) -> None:
    files = Files(tmp_path)
    configuration, web_file = tmp_path / "mailtls.yaml", files.write()
    configuration.write_text("providers: [{name: A, domains: [a.example]}]\nexclude: {domains: [a.example]}\nstorage: {url: 'sqlite://'}\n")
    of = Daemon(config.load(configuration), configuration, web_file)
    async with running(of, of._access) as serving:
        of._serving = serving
        url = serving.urls[0].rstrip("/")
        before = await seen(url, files.trusts)
        files.write("basic_auth_users: {alice: hunter2}\n")
        with pytest.raises(config.BadConfiguration, match=r"web.yml:4: basic_auth_users.alice: is no bcrypt hash"):
            await of.reload()
        assert (await seen(url, files.trusts))[0] == before[0]
        files.write(f"basic_auth_users: {{alice: {hashed(b'a').decode()}}}\n")
        await of.reload()
        certificate, _, answer = await seen(url, files.trusts)
        assert (certificate != before[0], answer[:12]) == (True, b"HTTP/1.1 401")
        await of.schedule.stop()
