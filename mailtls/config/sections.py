"""The keys of a configuration file, section by section: what each takes, what it means, and what holds where it is left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from mailtls.config.values import (
    Contact,
    Count,
    Database,
    Domain,
    Duration,
    File,
    HostName,
    HostPort,
    IPAddress,
    IPNetwork,
    Number,
    ResolverAddress,
    Share,
    Some,
    Text,
    Url,
    Wait,
    span,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class Section(BaseModel):
    """What all sections share: an unknown key is a mistake, and nothing changes once it was read."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=False)


class Vantage(Section):
    """Where we measure from."""

    name: Text = Field(
        default="default", description="A short name of this place, e.g. `fra1`, by which results of several places are told apart."
    )
    ehlo_name: Domain | None = Field(
        default=None,
        description="What we call ourselves in EHLO; it should lead to a page that explains us. Default: this host's name.",
    )
    controls: tuple[Domain, ...] = Field(
        default=(),
        max_length=20,
        description="Recipient domains, best your own elsewhere, by whose mail hosts this place is judged: where none of them can be reached, "
        "it is blind, and what it sees is held against nobody. Default: many unrelated operators out of reach at once tell the same.",
    )


class ResolverSection(Section):
    """Which resolvers to ask."""

    nameservers: tuple[ResolverAddress, ...] = Field(
        default=(),
        description="Address and port of each resolver, in the order of trial, e.g. `127.0.0.1:53`. Default: the system's.",
    )
    timeout: Wait = span("How long one question may take, all trials together.", seconds=5)
    trust_ad: bool | Literal["auto"] = Field(
        default="auto",
        description="Whether to believe a resolver that says (AD bit) that an answer passed DNSSEC; `auto` believes loopback only.",
    )


class NetworkSection(Section):
    """How to connect."""

    port: Count = Field(
        default=25, ge=1, le=65535, description="The TCP port of MX hosts; another one than 25 is for laboratories."
    )
    allow_networks: tuple[IPNetwork, ...] = Field(
        default=(), description="Networks that may be visited although their addresses are not public. Default: none."
    )
    source_addresses: tuple[IPAddress, ...] = Field(
        default=(), description="Our own addresses to connect from, the first of each family. Default: the system chooses."
    )
    ipv6: Literal["auto", "always", "never"] = Field(
        default="auto", description="Whether to visit IPv6 addresses; `auto` leaves them out where this host has no route to them."
    )
    connect_timeout: Wait = span("How long the TCP connection alone may take.", seconds=10)
    probe_deadline: Wait = span("How long one visit may take in all, from the connection to QUIT.", seconds=60)


class Trust(Section):
    """Whom to trust."""

    ca_file: File | None = Field(
        default=None,
        description="A PEM file of trusted root certificates, relative to this file. Default: Mozilla's, as certifi ships them.",
    )


class MtaSts(Section):
    """MTA-STS policies (RFC 8461)."""

    https_port: Count = Field(
        default=443, ge=1, le=65535, description="The TCP port where policies are served; another one than 443 is for laboratories."
    )


class Schedule(Section):
    """How often to measure."""

    interval: Wait = span("From one quick visit to a host to the next.", minutes=15)
    enumeration_interval: Wait = span(
        "From one full scan of a host (four visits, and a few raw hellos to see whether the last enumeration holds) to the next, "
        "and from one fetch of an MTA-STS policy to the next.",
        hours=24,
    )
    renewal_interval: Wait = span(
        "From one whole enumeration of a host (one connection for each cipher suite that it accepts) to the next.", days=7
    )
    jitter: Share = Field(
        default=0.1,
        description="How much longer or shorter an interval may be, as a share of it, so that visits do not come all at once.",
    )


class LimitsSection(Section):
    """How much may be asked of others, and of this machine."""

    concurrency: Count = Field(default=100, ge=1, le=10_000, description="Visits at a time, all together.")
    per_operator: Count = Field(
        default=2, ge=1, le=100, description="Visits at a time to the hosts of one operator, all its addresses together."
    )
    pace: Duration = span("The least time between two visits to one operator; back-off lasts 60 to 3600 times it.", seconds=1)
    scan_deadline: Wait = span(
        "How long one scan may wait for its turns, all together; what it does not get to is reported as not measured.", seconds=300
    )
    operators: dict[Domain, str] = Field(
        default_factory=dict,
        description="The operator of a host name and all below it, where the public suffix list would not tell. Default: by that list alone.",
    )


class Confirmation(Section):
    """When something that became weaker is a regression: before that it may have been a bad night."""

    probes: Count = Field(default=3, ge=1, le=100, description="Fresh visits that must agree.")
    cycles: Count = Field(default=2, ge=1, le=100, description="Intervals that they must come from.")
    holds: Wait = span("For how long an improvement must be seen before less than it is a regression.", hours=24)


class Storage(Section):
    """What a daemon remembers across restarts: what it saw, and who asked us to stay away."""

    url: Database = Field(
        default="sqlite:///mailtls.db",
        description="The database, as a URL: `sqlite:///` and the path of a file, by default in the working directory; "
        "or `postgresql://user@host/database`, with the extra `mailtls[postgresql]`; `sqlite://` remembers nothing.",
    )
    retention: Wait = span("For how long what was found is kept, from when it was last saved.", days=400)


class Web(Section):
    """Where to listen, and under which name that is seen."""

    listen: Annotated[tuple[HostPort, ...], Some] = Field(
        default=(("127.0.0.1", 9925),),
        description="Address and port of each place to serve, e.g. `[::1]:9925`; port 0 picks one. Default: loopback; passwords are in "
        "`--web.config.file`.",
        json_schema_extra={"minItems": 1},
    )
    public_listen: tuple[HostPort, ...] = Field(
        default=(),
        description="Further addresses and ports where only those pages answer that anybody may see: the site and the API, and neither metrics nor "
        "probes nor reload. Default: none.",
    )
    external_url: Url | None = Field(
        default=None,
        description="The URL under which these pages are seen from elsewhere, for links in notices, e.g. `https://mailtls.example/`; it is also "
        "their source. Default: `/mailtls`, and no links.",
    )
    hosts: tuple[HostName, ...] = Field(
        default=(),
        description="Further names of ours, as they stand in requests, e.g. `mailtls.example.net`, or `*.example.net` for all below that one; "
        "requests for other names are refused (421), so that no stranger's page can read these (DNS rebinding). Known without it: any IP "
        "address, names without a dot, this host's name, those in `web.listen` and in `web.external_url`; `*` lets any name in. Default: none.",
        json_schema_extra={"type": "array", "items": {"type": "string"}},
    )


class Publisher(Section):
    """Who publishes."""

    name: Text | None = Field(
        default=None, max_length=200, description="Who measures and publishes, as it shall be shown. Default: what we call ourselves in EHLO."
    )
    contact: Contact | None = Field(
        default=None,
        description="Whom to write to about what is published, `mailto:` or `https:`: a partner must be able to object. Default: nobody.",
    )
    url: Url | None = Field(default=None, description="A page about the publisher. Default: none.")


class Licence(Section):
    """What others may do with what is published."""

    name: Text = Field(default="CC BY 4.0", min_length=1, max_length=200, description="Its name.")
    url: Url = Field(default="https://creativecommons.org/licenses/by/4.0/", description="Its text.")


class Publishing(Section):
    """The public status site."""

    enabled: bool = Field(default=True, description="Whether the daemon publishes at all.")
    title: Text = Field(default="Mail transport security", min_length=1, max_length=200, description="The title of the site.")
    publisher: Publisher = Publisher()
    licence: Licence = Licence()
    interval: Wait = span("From one publication to the next.", hours=1)
    stale_after: Wait = span(
        "After how long without a further one every page says that it is out of date; as long as `publication.interval`, or longer.", hours=3
    )
    signing_key: File | None = Field(
        default=None, description="A PEM file with an Ed25519 private key that signs each publication, relative to this file. Default: none."
    )
    statements: File | None = Field(
        default=None,
        description="A directory of Markdown files, what you and the partners say of incidents, relative to this file; read for each "
        "publication. Default: none.",
    )
    corrections: File | None = Field(
        default=None,
        description="A YAML file of what was published wrongly, relative to this one; read for each publication. Default: none.",
    )

    @model_validator(mode="after")
    def _is_not_stale_at_once(self) -> Publishing:
        if self.stale_after < self.interval:
            raise ValueError("stale_after is shorter than interval: each publication would be out of date before the next")
        return self


class Exclude(Section):
    """Who is never visited."""

    domains: tuple[Domain, ...] = Field(
        default=(),
        description="Domains that are not measured, nor any name below them, be it as a recipient or as an MX host. Default: none.",
    )
    networks: tuple[IPNetwork, ...] = Field(
        default=(), description="Networks that are not dialled, even where `network.allow_networks` names them. Default: none."
    )


class ProviderSection(Section):
    """A partner."""

    name: Text = Field(min_length=1, max_length=200, description="The partner's name, as it shall be shown.")
    domains: Annotated[tuple[Domain, ...], Some] = Field(
        description="Where its users receive mail; a domain stands under one partner only, in all files together.",
        json_schema_extra={"minItems": 1},
    )
    weight: Number = Field(
        default=1.0,
        ge=0,
        allow_inf_nan=False,
        description="Its share in whatever you count, without a unit; by default all count the same.",
    )
    contact: Text | None = Field(
        default=None, description="Whom to tell, e.g. `mailto:postmaster@example.org`, for you alone. Default: nobody."
    )


class ProviderFile(Section):
    """A further file of partners."""

    providers: tuple[ProviderSection, ...] = Field(default=(), description="The partners.")


Place = tuple[int, int, int]
"""Where a domain stands: the number of its file, of its provider therein, and of itself therein."""


def duplicates(files: Iterable[tuple[ProviderSection, ...]]) -> Iterator[tuple[str, Place, Place]]:
    """Yield each domain that stands more than once in the partners of some files: its name, its first place, and a further one."""
    places: dict[str, Place] = {}
    for number, providers in enumerate(files):
        for position, provider in enumerate(providers):
            for index, domain in enumerate(provider.domains):
                place = (number, position, index)
                first = places.setdefault(domain, place)
                if first != place:
                    yield domain, first, place
