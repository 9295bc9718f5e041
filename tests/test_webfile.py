"""The web configuration file: what is taken, and what is wrong with it, named with its line."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat, load_pem_private_key
from test_cli import run

from mailtls.config import BadConfiguration
from mailtls.config.webfile import NO_HTTP2, OPEN, Access, load_access
from mailtls.lab import Authority

HASH = "$2y$10$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG"
TLS = "tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\n"


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("web")
    authority = Authority.create(datetime.now(UTC))
    identity, other = authority.issue(["localhost"]), authority.issue(["other.example"])
    (made / "cert.pem").write_bytes(identity.chain_pem)
    (made / "key.pem").write_bytes(identity.key_pem)
    (made / "other.pem").write_bytes(other.key_pem)
    (made / "root.pem").write_bytes(authority.root_pem)
    (made / "empty.pem").write_bytes(b"")
    encryption = BestAvailableEncryption(b"secret")
    key = load_pem_private_key(identity.key_pem, None).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
    (made / "locked.pem").write_bytes(key)
    return made


def load(directory: Path, text: str) -> Access:
    (directory / "web.yml").write_text(text)
    return load_access(directory / "web.yml")


@pytest.mark.parametrize("text", ["", "{}\n", "tls_server_config:\nhttp_server_config:\nbasic_auth_users:\n", "http_server_config: {headers: }\n"])
def test_a_file_that_says_nothing_changes_nothing(text: str, directory: Path) -> None:
    assert load(directory, text) == OPEN


def test_every_key_that_is_served_is_taken(directory: Path) -> None:
    more = "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: root.pem\n  min_version: TLS12\n  max_version: TLS12\n"
    more += "  cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, TLS_AES_128_GCM_SHA256]\n"
    more += "  prefer_server_cipher_suites: false\n  curve_preferences: [X25519]\n"
    more += "http_server_config:\n  http2: true\n  headers: {X-Frame-Options: deny, Strict-Transport-Security: max-age=9, X-XSS-Protection: ''}\n"
    found = load(directory, f"{TLS}{more}basic_auth_users: {{alice: {HASH}}}\n")
    assert found.tls is not None
    for context, asks in zip(found.tls, (ssl.CERT_REQUIRED, ssl.CERT_NONE), strict=True):
        assert (context.verify_mode, context.minimum_version, context.maximum_version) == (asks, ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2)
        assert not context.options & ssl.OP_CIPHER_SERVER_PREFERENCE
        assert [suite["name"] for suite in context.get_ciphers() if suite["protocol"] == "TLSv1.2"] == ["ECDHE-ECDSA-AES256-GCM-SHA384"]
    assert found.headers == (("X-Frame-Options", "deny"), ("Strict-Transport-Security", "max-age=9"))
    assert (found.users, found.notes) == ({"alice": HASH.encode()}, (NO_HTTP2,))


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ("tls_server_confg: {}\n", 1, "unknown key; did you mean tls_server_config?"),
        (TLS + "  min_versoin: TLS12\n", 4, "did you mean min_version?"),
        ("http_server_config:\n  headers:\n    X-Frame-Option: deny\n", 3, "did you mean X-Frame-Options?"),
        ("http_server_config:\n  headers: {Server: x}\n", 2, "unknown key"),
        ("http_server_config:\n  headers: {X-Frame-Options: never}\n", 2, "none of deny, sameorigin"),
        ('http_server_config:\n  headers: {X-XSS-Protection: "a\\nb"}\n', 2, "printable ASCII only"),
        ("\ntls_server_config: {cert_file: cert.pem}\n", 2, "key_file is missing"),
        ("tls_server_config: {cert_file: none.pem, key_file: key.pem}\n", 1, "none.pem: No such file"),
        ("tls_server_config:\n  cert_file: cert.pem\n  key_file: other.pem\n", 3, "not the key of the certificate in"),
        ("tls_server_config:\n  cert_file: cert.pem\n  key_file: locked.pem\n", 3, "the key is encrypted"),
        ("tls_server_config:\n  cert_file: empty.pem\n  key_file: key.pem\n", 2, "no certificate and key that OpenSSL can use"),
        (TLS + "  client_ca_file: empty.pem\n  client_auth_type: VerifyClientCertIfGiven\n", 4, "holds no certificate in PEM"),
        (TLS + "  client_ca_file: root.pem\n", 1, "need each other"),
        (TLS + "  client_auth_type: RequireAndVerifyClientCert\n", 1, "need each other"),
        (TLS + "  client_auth_type: RequireAnyClientCert\n", 4, "which mailtls cannot do; write RequireAndVerifyClientCert"),
        (TLS + "  client_auth_type: Maybe\n", 4, "none of NoClientCert"),
        (TLS + "  min_version: TLS10\n", 4, "TLS10 is not served (RFC 8996)"),
        (TLS + "  min_version: TLS13\n  max_version: TLS12\n", 1, "min_version is newer"),
        (TLS + "  cipher_suites: [TLS_RSA_WITH_AES_128_CBC_SHA]\n", 4, "is no cipher suite that is served"),
        (TLS + "  cipher_suites: [TLS_AES_128_GCM_SHA256]\n", 1, "none of TLS 1.2"),
        (TLS + "  curve_preferences: [CurveP257]\n", 4, "is no curve that is served"),
        (TLS + "  client_allowed_sans: [a.example]\n", 4, "mailtls cannot do this"),
        ("tls_server_config:\n  cert: x\n", 2, "mailtls cannot do this; write cert_file"),
        ("rate_limit: {burst: 1}\n", 1, "mailtls cannot do this"),
        ("basic_auth_users:\n  alice: hunter2\n", 2, "is no bcrypt hash of a cost from 4 to 18"),
        (f"basic_auth_users:\n  alice: {HASH.replace('$10$', '$31$')}\n", 2, "of a cost from 4 to 18"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_line(text: str, line: int, told: str, directory: Path) -> None:
    with pytest.raises(BadConfiguration) as raised:
        load(directory, text)
    assert f"web.yml:{line}: " in raised.value.mistakes[0]
    assert told in raised.value.mistakes[0]
    assert "hunter2" not in str(raised.value)


@pytest.mark.skipif(hasattr(ssl.SSLContext, "set_groups"), reason="this Python can do it")
def test_more_curves_than_this_python_can_be_given_are_refused(directory: Path) -> None:
    with pytest.raises(BadConfiguration, match=r"web.yml:4: tls_server_config.curve_preferences: this Python can be given one curve only"):
        load(directory, TLS + "  curve_preferences: [X25519, CurveP256]\n")


def test_it_is_checked_alone_and_beside_the_configuration(directory: Path) -> None:
    (directory / "web.yml").write_text(f"{TLS}http_server_config: {{http2: true}}\nbasic_auth_users: {{alice: {HASH}}}\n")
    (directory / "mailtls.yaml").write_text("providers: [{name: A, domains: [a.example]}]\n")
    told = f"{directory}/web.yml: good: TLS, 1 user, 0 headers\n"
    alone = run("config", "check", "--web.config.file", directory / "web.yml")
    assert alone == (0, told, f"{directory}/web.yml: {NO_HTTP2}\n")
    status, out, _ = run("config", "check", directory / "mailtls.yaml", "--web.config.file", directory / "web.yml")
    assert (status, out.endswith(f"1 domain\n{told}")) == (0, True)
    (directory / "web.yml").write_text("basic_auth_user: {}\n")
    for command in (("config", "check"), ("run", "--config.file", directory / "mailtls.yaml")):
        status, _, err = run(*command, "--web.config.file", directory / "web.yml")
        assert (status, "web.yml:1: basic_auth_user: unknown key; did you mean basic_auth_users?" in err) == (1, True)
    assert run("config", "check")[0] == 2
