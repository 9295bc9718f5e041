"""The web configuration file of Prometheus' exporter-toolkit (``--web.config.file``): TLS, headers and passwords of the web servers."""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator

from mailtls.config.mistakes import mistakes_of
from mailtls.config.sections import Section
from mailtls.config.values import File, Text, shown
from mailtls.config.yamlfile import BadConfiguration, locate, read
from mailtls.serving_tls import CURVES, SUITES, BadFile, Contexts, contexts

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_HASH = re.compile(r"\$2[aby]\$(0[4-9]|1[0-8])\$[./A-Za-z0-9]{53}")
_OLD = frozenset({"TLS10", "TLS11", "SSL30"})
_UNVERIFIED = frozenset({"RequestClientCert", "RequireClientCert", "RequireAnyClientCert"})
NO_HTTP2 = "http_server_config.http2 is without effect: mailtls speaks HTTP/1.1"


def _cannot(why: str) -> BeforeValidator:
    def refuse(_value: object) -> object:
        raise ValueError(f"mailtls cannot do this; {why}")

    return BeforeValidator(refuse)


def _left_empty(value: object) -> object:
    return {} if value is None else value


def _version(value: object) -> object:
    if isinstance(value, str) and value in _OLD:
        raise ValueError(f"{value} is not served (RFC 8996); write TLS12 or TLS13")
    return value


def _client_auth(value: object) -> object:
    if isinstance(value, str) and value in _UNVERIFIED:
        raise ValueError(f"{value} takes certificates that nobody verifies, which mailtls cannot do; write RequireAndVerifyClientCert")
    return value or "NoClientCert"


def _suite(value: str) -> str:
    if value not in SUITES:
        raise ValueError(f"{shown(value)} is no cipher suite that is served; there are {', '.join(SUITES)}")
    return value


def _curve(value: str) -> str:
    if value not in CURVES:
        raise ValueError(f"{shown(value)} is no curve that is served; there are {', '.join(CURVES)}")
    return value


def _curves(value: tuple[str, ...]) -> tuple[str, ...]:
    if len(value) > 1 and not hasattr(ssl.SSLContext, "set_groups"):
        raise ValueError("this Python can be given one curve only; name one, or leave the key out for OpenSSL's choice")
    return value


def _hash(value: str) -> str:
    """Return a hash; what stands there may be a password, so it is never shown."""
    if _HASH.fullmatch(value) is None:
        raise ValueError("is no bcrypt hash of a cost from 4 to 18; htpasswd -nBC 10 USER makes one")
    return value


def _header(value: str) -> str:
    if not value.isascii() or not value.isprintable():
        raise ValueError("is no value of a header: printable ASCII only")
    return value


Version = Annotated[Literal["TLS12", "TLS13"], BeforeValidator(_version)]
HeaderValue = Annotated[Text, AfterValidator(_header)]


class TLSServer(Section):
    """How TLS is served."""

    cert_file: File | None = None
    key_file: File | None = None
    client_auth_type: Annotated[
        Literal["NoClientCert", "VerifyClientCertIfGiven", "RequireAndVerifyClientCert"], BeforeValidator(_client_auth)
    ] = "NoClientCert"
    client_ca_file: File | None = None
    min_version: Version = "TLS12"
    max_version: Version = "TLS13"
    cipher_suites: tuple[Annotated[Text, AfterValidator(_suite)], ...] = ()
    prefer_server_cipher_suites: bool = True
    curve_preferences: Annotated[tuple[Annotated[Text, AfterValidator(_curve)], ...], AfterValidator(_curves)] = ()
    cert: Annotated[None, _cannot("write cert_file")] = None
    key: Annotated[None, _cannot("write key_file")] = None
    client_ca: Annotated[None, _cannot("write client_ca_file")] = None
    client_allowed_sans: Annotated[None, _cannot("let client_ca_file have an authority of those clients alone")] = None

    @model_validator(mode="after")
    def _is_whole(self) -> TLSServer:
        if not self.model_fields_set:
            return self
        if self.cert_file is None or self.key_file is None:
            raise ValueError(f"{'cert_file' if self.cert_file is None else 'key_file'} is missing")
        if (self.client_auth_type == "NoClientCert") != (self.client_ca_file is None):
            raise ValueError("client_auth_type and client_ca_file need each other: who is asked for a certificate, and whose counts")
        if self.min_version > self.max_version:
            raise ValueError("min_version is newer than max_version")
        if self.cipher_suites and self.min_version == "TLS12" and not any(SUITES[name] for name in self.cipher_suites):
            raise ValueError("cipher_suites has none of TLS 1.2; add one, or set min_version: TLS13")
        return self


class Headers(Section):
    """What may be added to every answer."""

    content_security_policy: HeaderValue = Field(default="", alias="Content-Security-Policy")
    x_frame_options: Literal["deny", "sameorigin", ""] = Field(default="", alias="X-Frame-Options")
    x_content_type_options: Literal["nosniff", ""] = Field(default="", alias="X-Content-Type-Options")
    x_xss_protection: HeaderValue = Field(default="", alias="X-XSS-Protection")
    strict_transport_security: HeaderValue = Field(default="", alias="Strict-Transport-Security")


class HTTPServer(Section):
    """What is said over it."""

    http2: bool = True
    headers: Annotated[Headers, BeforeValidator(_left_empty)] = Headers()


class WebFile(Section):
    """A whole file."""

    tls_server_config: Annotated[TLSServer, BeforeValidator(_left_empty)] = TLSServer()
    http_server_config: Annotated[HTTPServer, BeforeValidator(_left_empty)] = HTTPServer()
    basic_auth_users: Annotated[dict[Text, Annotated[Text, AfterValidator(_hash)]], BeforeValidator(_left_empty)] = Field(default_factory=dict)
    rate_limit: Annotated[None, _cannot("let a proxy in front limit the rate")] = None


@dataclass(frozen=True, slots=True)
class Access:
    """What such a file comes to: how the web servers are reached, and by whom."""

    users: Mapping[str, bytes]
    """Names, and the bcrypt hashes of their passwords; nobody is asked for one where it is empty."""
    headers: tuple[tuple[str, str], ...] = ()
    """What each answer has, where a page does not say otherwise."""
    tls: Contexts | None = None
    """By what TLS is served; ``None`` where it is not."""
    notes: tuple[str, ...] = ()
    """What stands in the file without effect."""


OPEN = Access({})
"""Of servers without such a file."""


def load_access(path: Path) -> Access:
    """Read a web configuration file, and the certificates and keys that it names, relative to it.

    Raises:
        BadConfiguration: with one line for each mistake.

    """
    source, nodes = read(path)
    try:
        found = WebFile.model_validate(source)
    except ValidationError as error:
        raise BadConfiguration(mistakes_of(error, WebFile, nodes, path)) from None  # its words may hold a password
    tls = found.tls_server_config
    served = None
    if tls.cert_file is not None:
        files = {key: path.parent / name for key in ("cert_file", "key_file", "client_ca_file") if (name := getattr(tls, key)) is not None}
        try:
            served = contexts(tls.model_copy(update=files))
        except BadFile as error:
            line = locate(nodes, ["tls_server_config", error.key])[0]
            raise BadConfiguration([f"{path}:{line}: tls_server_config.{error.key}: {error}"]) from error
    http = found.http_server_config
    headers = tuple((name, value) for name, value in http.headers.model_dump(by_alias=True).items() if value)
    users = {name: text.encode() for name, text in found.basic_auth_users.items()}
    return Access(users, headers, served, (NO_HTTP2,) if "http2" in http.model_fields_set else ())
