"""The configuration: YAML in, one frozen object out; a mistake is named with its file, its line and the nearest right name."""

from __future__ import annotations

import difflib
import re
from datetime import timedelta
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import certifi
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from mailtls.budget import Limits
from mailtls.dial import Network
from mailtls.model import Provider
from mailtls.resolve import BadName, Nameservers, ascii_name, system_nameservers
from mailtls.trust.pkix import Anchors, NoAnchors
from mailtls.yamlfile import BadConfiguration, locate, read

if TYPE_CHECKING:
    from collections.abc import Iterable

    import yaml

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}


def _duration(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("a duration is a number and a unit, such as 500ms, 10s, 15m, 24h or 400d")  # noqa: TRY004 - pydantic collects it
    match = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+)?)\s*(ms|s|m|h|d|w)\s*", str(value))
    if match is None:
        raise ValueError(f"{value!r} is no duration; write a number and a unit, such as 500ms, 10s, 15m, 24h or 400d")
    seconds = float(match[1]) * _UNITS[match[2]]
    if seconds > 100 * _UNITS["d"] * 365:
        raise ValueError(f"{value!r} is longer than a hundred years")
    return timedelta(seconds=seconds)


def _share(value: object) -> object:
    match = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+)?)\s*%\s*", str(value))
    if match is None or float(match[1]) > 100:
        raise ValueError(f"{value!r} is no share; write a percentage from 0% to 100%, such as 10%")
    return float(match[1]) / 100


def _address(value: object) -> object:
    match = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([^:\[\]]+)):([0-9]{1,5})", str(value))
    if match is None or int(match[3]) > 65535:
        raise ValueError(f"{value!r} is no address and port, such as 127.0.0.1:9925 or [::1]:9925")
    return match[1] or match[2], int(match[3])


def _resolver_address(value: tuple[str, int]) -> tuple[str, int]:
    try:
        ip_address(value[0])
    except ValueError:
        raise ValueError(f"{value[0]!r} is no IP address; a resolver is named by its address and port, such as 127.0.0.1:53") from None
    return value


def _positive(value: timedelta) -> timedelta:
    if value <= timedelta(0):
        raise ValueError("must be longer than nothing")
    return value


def _domain(value: object) -> object:
    try:
        return ascii_name(str(value))
    except BadName as error:
        raise ValueError(str(error)) from None


Duration = Annotated[timedelta, BeforeValidator(_duration)]
Wait = Annotated[timedelta, BeforeValidator(_duration), AfterValidator(_positive)]
Share = Annotated[float, BeforeValidator(_share)]
HostPort = Annotated[tuple[str, int], BeforeValidator(_address)]
ResolverAddress = Annotated[tuple[str, int], BeforeValidator(_address), AfterValidator(_resolver_address)]
Domain = Annotated[str, BeforeValidator(_domain)]


def _span(**units: int) -> Any:
    return Field(default=timedelta(**units), json_schema_extra={"type": "string", "examples": ["10s", "15m", "24h"]})


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=False)


class Vantage(_Section):
    """Where we measure from."""

    name: str = Field(default="default", description="A short name of this place, e.g. fra1.")
    ehlo_name: Domain | None = Field(
        default=None, description="What we call ourselves in EHLO; it should lead to a page that explains us. Default: this host's name."
    )


class ResolverSection(_Section):
    """Which resolvers to ask."""

    nameservers: tuple[ResolverAddress, ...] = Field(default=(), description="Default: the system's.", json_schema_extra={"type": "array"})
    timeout: Wait = _span(seconds=5)
    trust_ad: bool | Literal["auto"] = Field(default="auto", description="Whether to believe the AD bit; auto believes loopback only.")


class NetworkSection(_Section):
    """How to connect."""

    port: int = Field(default=25, ge=1, le=65535)
    allow_networks: tuple[IPv4Network | IPv6Network, ...] = Field(default=(), description="Non-global networks that may be visited.")
    source_addresses: tuple[IPv4Address | IPv6Address, ...] = ()
    ipv6: Literal["auto", "always", "never"] = "auto"
    connect_timeout: Wait = _span(seconds=10)
    probe_deadline: Wait = _span(seconds=60)


class Trust(_Section):
    """Whom to trust."""

    ca_file: Path | None = Field(default=None, description="PEM. Default: Mozilla's store.")


class MtaSts(_Section):
    """MTA-STS. Accepted, and without effect in this version."""

    https_port: int = Field(default=443, ge=1, le=65535)


class Schedule(_Section):
    """How often to measure."""

    interval: Wait = _span(minutes=15)
    enumeration_interval: Wait = _span(hours=24)
    jitter: Share = Field(default=0.1, json_schema_extra={"type": "string", "examples": ["10%"]})


class LimitsSection(_Section):
    """How much may be asked of others, and of this machine."""

    concurrency: int = Field(default=100, ge=1, le=10_000)
    per_operator: int = Field(default=2, ge=1, le=100)
    pace: Duration = _span(seconds=1)
    scan_deadline: Wait = _span(seconds=300)
    operators: dict[Domain, str] = Field(default_factory=dict, description="Operator by host name, where the public suffix list errs.")


class Confirmation(_Section):
    """When a regression counts. Accepted, and without effect in this version."""

    probes: int = Field(default=3, ge=1)
    cycles: int = Field(default=2, ge=1)


class Storage(_Section):
    """Where history is kept. Accepted, and without effect in this version."""

    url: str = "sqlite:///mailtls.db"
    retention: Wait = _span(days=400)


class Web(_Section):
    """Where to listen."""

    listen: tuple[HostPort, ...] = Field(default=(("127.0.0.1", 9925),), min_length=1, json_schema_extra={"type": "array"})


class Exclude(_Section):
    """Who is never visited."""

    domains: tuple[Domain, ...] = ()
    networks: tuple[IPv4Network | IPv6Network, ...] = ()


class ProviderSection(_Section):
    """A partner."""

    name: str = Field(min_length=1, max_length=200)
    domains: tuple[Domain, ...] = Field(min_length=1)
    weight: float = Field(default=1.0, ge=0)
    contact: str | None = None


def _refuse_duplicates(providers: Iterable[ProviderSection]) -> None:
    owners: dict[str, str] = {}
    for provider in providers:
        for domain in provider.domains:
            if domain in owners:
                raise ValueError(f"the domain {domain} is listed twice, under {owners[domain]!r} and under {provider.name!r}")
            owners[domain] = provider.name


class Configuration(_Section):
    """Everything that can be set. Only ``providers`` (or ``provider_files``) has no default."""

    vantage: Vantage = Vantage()
    resolver: ResolverSection = ResolverSection()
    network: NetworkSection = NetworkSection()
    trust: Trust = Trust()
    mta_sts: MtaSts = MtaSts()
    schedule: Schedule = Schedule()
    limits: LimitsSection = LimitsSection()
    confirmation: Confirmation = Confirmation()
    storage: Storage = Storage()
    web: Web = Web()
    policies: tuple[str, ...] = Field(default=("rfc9325", "pledge-2013"), description="Accepted, and without effect in this version.")
    exclude: Exclude = Exclude()
    providers: tuple[ProviderSection, ...] = ()
    provider_files: tuple[Path, ...] = Field(default=(), description="Further files with a providers list, relative to this one.")

    @model_validator(mode="after")
    def _each_domain_once(self) -> Configuration:
        _refuse_duplicates(self.providers)
        return self

    def partners(self) -> tuple[Provider, ...]:
        """Return the partners as the rest of the program knows them."""
        return tuple(Provider(p.name, p.domains, p.weight, p.contact) for p in self.providers)

    def dialling(self) -> Network:
        """Return the rules of dialling."""
        n = self.network
        return Network(n.allow_networks, self.exclude.networks, n.source_addresses, n.ipv6, n.connect_timeout.total_seconds())

    def nameservers(self) -> Nameservers:
        """Return the resolvers to ask: those configured, or else the system's."""
        addresses = self.resolver.nameservers or system_nameservers()
        return Nameservers(addresses, self.resolver.timeout.total_seconds(), self.resolver.trust_ad)

    def budget(self) -> Limits:
        """Return the limits of the budget."""
        limits = self.limits
        pace, deadline = limits.pace.total_seconds(), limits.scan_deadline.total_seconds()
        return Limits(limits.concurrency, limits.per_operator, pace, deadline, limits.operators)

    def anchors(self) -> Anchors:
        """Read the trust anchors. Raises ``BadConfiguration``, where there are none."""
        path = Path(certifi.where()) if self.trust.ca_file is None else self.trust.ca_file
        try:
            return Anchors(path.read_bytes(), str(path))
        except OSError as error:
            raise BadConfiguration([f"trust.ca_file: {path}: {error.strerror}"]) from error
        except NoAnchors as error:
            raise BadConfiguration([f"trust.ca_file: {error}"]) from error


def load(path: Path) -> Configuration:
    """Read a configuration file.

    Raises:
        BadConfiguration: with one line for each mistake: file, line, what is wrong, and the nearest right name.

    """
    source, nodes = read(path)
    configuration = _validate(source, nodes, path)
    partners = list(configuration.providers)
    for name in configuration.provider_files:
        extra_path = path.parent / name
        extra, extra_nodes = read(extra_path)
        if set(extra) - {"providers"}:
            raise BadConfiguration([f"{extra_path}: a provider file holds nothing but a providers list"])
        partners += _validate(extra, extra_nodes, extra_path).providers
    if not partners:
        raise BadConfiguration([f"{path}: providers: there is nobody to measure; name at least one provider with its domains"])
    relative = configuration.trust.ca_file
    trust = configuration.trust if relative is None else Trust(ca_file=path.parent / relative)
    try:
        _refuse_duplicates(partners)
    except ValueError as error:
        raise BadConfiguration([f"{path}: {error}"]) from error
    return configuration.model_copy(update={"providers": tuple(partners), "trust": trust})


def _validate(source: dict[str, Any], nodes: yaml.Node | None, path: Path) -> Configuration:
    try:
        return Configuration.model_validate(source)
    except ValidationError as error:
        mistakes: dict[tuple[int, str], str] = {}
        for mistake in error.errors(include_url=False):
            keys = [key for key in mistake["loc"] if not (isinstance(key, str) and key.startswith(("function-", "constrained-")))]
            line, known = locate(nodes, keys)
            name = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys[:known]).removeprefix(".")
            text = mistake["msg"].removeprefix("Value error, ")
            if mistake["type"] == "extra_forbidden":
                text = "unknown key" + _nearest(str(keys[-1]), keys[:-1])
            mistakes.setdefault((line, name), f"{path}:{line}: {name}: {text}" if name else f"{path}:{line}: {text}")
        raise BadConfiguration([mistakes[key] for key in sorted(mistakes)]) from error


def _nearest(wrong: str, parents: list[Any]) -> str:
    section: Any = Configuration
    for key in parents:
        if isinstance(key, int):
            continue
        field = getattr(section, "model_fields", {}).get(key)
        if field is None:
            return ""
        section = ProviderSection if key == "providers" else field.annotation
    names = list(getattr(section, "model_fields", {}))
    near = difflib.get_close_matches(wrong, names, n=1, cutoff=0.5)
    return f"; did you mean {near[0]}?" if near else f"; known here: {', '.join(names)}"


def schema() -> dict[str, Any]:
    """Return the JSON Schema of a configuration file."""
    return Configuration.model_json_schema(mode="serialization")


__all__ = ["BadConfiguration", "Configuration", "Web", "load", "schema"]
