"""A whole configuration: the files that make it up, read and judged together."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import certifi
from pydantic import Field, ValidationError, ValidationInfo, model_validator

from mailtls.budget import Limits
from mailtls.config.mistakes import mistakes_of
from mailtls.config.policyfile import find_policy, is_file
from mailtls.config.sections import (
    Confirmation,
    Exclude,
    LimitsSection,
    MtaSts,
    NetworkSection,
    ProviderFile,
    ProviderSection,
    Publishing,
    ResolverSection,
    Schedule,
    Section,
    Storage,
    Trust,
    Vantage,
    Web,
    duplicates,
)
from mailtls.config.telling import Maintenance, Notifications
from mailtls.config.values import File, shown
from mailtls.config.yamlfile import BadConfiguration, locate, read, spelled
from mailtls.dial import Network
from mailtls.model import Provider
from mailtls.resolve import Nameservers, system_nameservers
from mailtls.trust.pkix import Anchors, NoAnchors

if TYPE_CHECKING:
    from collections.abc import Iterator

    import yaml

    from mailtls.policy.rules import Policy
    from mailtls.tracking.maintenance import Window

_AnySection = TypeVar("_AnySection", bound=Section)
_FROM_FILES = "from files"
_PUBLISHED = ("signing_key", "statements", "corrections")
"""Keys of ``publication`` with paths that go from its file."""
DIALECT = "https://json-schema.org/draft/2020-12/schema"
"""Of the schema, by which an editor knows how to read it."""


class Configuration(Section):
    """Everything that can be set. Only ``providers`` (or ``provider_files``) has no default."""

    vantage: Vantage = Vantage()
    resolver: ResolverSection = ResolverSection()
    network: NetworkSection = NetworkSection()
    trust: Trust = Trust()
    mta_sts: MtaSts = MtaSts()
    schedule: Schedule = Schedule()
    limits: LimitsSection = LimitsSection()
    confirmation: Confirmation = Confirmation()
    maintenance: tuple[Maintenance, ...] = Field(default=(), description="Planned times. Default: none.")
    notifications: Notifications = Notifications()
    storage: Storage = Storage()
    web: Web = Web()
    publication: Publishing = Publishing()
    policies: tuple[str, ...] = Field(
        default=("rfc9325", "pledge-2013"),
        description="What domains are graded by: names of policies that ship, or files of your own, relative to this one. Each gives a grade.",
    )
    exclude: Exclude = Exclude()
    providers: tuple[ProviderSection, ...] = Field(default=(), description="The partners to measure. Default: those of `provider_files` alone.")
    provider_files: tuple[File, ...] = Field(
        default=(), description="Further files with a `providers` list and nothing else, relative to this one. Default: none."
    )

    @model_validator(mode="after")
    def _each_domain_once(self, info: ValidationInfo) -> Configuration:
        if info.context != _FROM_FILES:  # there it is asked of all files together, and told with its places
            for domain, (_, first, _), (_, other, _) in duplicates([self.providers]):
                raise ValueError(_told_twice(domain, self.providers[first], self.providers[other]))
        return self

    def partners(self) -> tuple[Provider, ...]:
        """Return the partners as the rest of the program knows them."""
        return tuple(Provider(p.name, p.domains, p.weight, p.contact) for p in self.providers)

    def windows(self) -> tuple[Window, ...]:
        """Return the planned times, with all names that each is about."""
        of_provider = {provider.name: provider.domains for provider in self.providers}
        found = []
        for planned in self.maintenance:
            names = {*planned.domains, *planned.hosts}
            names.update(*(of_provider.get(name, ()) for name in planned.providers))
            found.append(planned.window(frozenset(names)))
        return tuple(found)

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

    def graded_by(self) -> tuple[Policy, ...]:
        """Read the policies. Raises ``BadConfiguration``, where one is wrong."""
        return tuple(find_policy(name, Path()) for name in self.policies)

    def anchors(self) -> Anchors:
        """Read the trust anchors. Raises ``BadConfiguration``, where there are none."""
        try:
            return _anchors(self.trust)
        except NoAnchors as error:
            raise BadConfiguration([f"trust.ca_file: {error}"]) from error


def _anchors(trust: Trust) -> Anchors:
    path = Path(certifi.where()) if trust.ca_file is None else trust.ca_file
    try:
        return Anchors(path.read_bytes(), str(path))
    except OSError as error:
        raise NoAnchors(f"{path}: {error.strerror}") from error


class _File(NamedTuple):
    """A file that was read, and where in it its partners stand."""

    path: Path
    nodes: yaml.Node | None
    providers: tuple[ProviderSection, ...] = ()

    def place(self, *keys: str | int) -> str:
        """Return where a key stands, for the beginning of a mistake: file and line."""
        return f"{self.path}:{locate(self.nodes, list(keys))[0]}"


def load(path: Path, *, partners: bool = True) -> Configuration:
    """Read a configuration file, and the files that it names.

    Args:
        path: of the file.
        partners: whether it is a mistake to name nobody to measure.

    Raises:
        BadConfiguration: with one line for each mistake: file, line, what is wrong, and the nearest right name.

    """
    source, nodes = read(path)
    configuration = _validate(Configuration, source, nodes, path)
    main = _File(path, nodes, configuration.providers)
    files, mistakes = [main], []
    for index, name in enumerate(configuration.provider_files):
        beside = path.parent / name
        try:
            extra, extra_nodes = read(beside, f"{main.place('provider_files', index)}: provider_files[{index}]: ")
            files.append(_File(beside, extra_nodes, _validate(ProviderFile, extra, extra_nodes, beside).providers))
        except BadConfiguration as error:
            mistakes += error.mistakes
    mistakes += _listed_twice(files)
    mistakes += _named_twice(files)
    mistakes += _wrong_policies(configuration.policies, main)
    trust = configuration.trust
    if trust.ca_file is not None:
        trust = trust.model_copy(update={"ca_file": path.parent / trust.ca_file})
        try:
            _anchors(trust)
        except NoAnchors as error:
            mistakes.append(f"{main.place('trust', 'ca_file')}: trust.ca_file: {error}")
    notifications, wrong = _beside(configuration.notifications, main)
    mistakes += wrong
    everybody = tuple(provider for file in files for provider in file.providers)
    mistakes += _about_strangers(configuration.maintenance, everybody, main)
    if partners and not everybody and not mistakes:
        mistakes.append(f"{main.place('providers')}: providers: there is nobody to measure; name at least one provider with its domains")
    if mistakes:
        raise BadConfiguration(mistakes)
    policies = tuple(str(path.parent / name) if is_file(name) else name for name in configuration.policies)
    publication = configuration.publication
    named = {key: path.parent / name for key in _PUBLISHED if (name := getattr(publication, key)) is not None}
    found = {"providers": everybody, "trust": trust, "policies": policies, "notifications": notifications}
    found["publication"] = publication.model_copy(update=named)
    return configuration.model_copy(update=found)


def _beside(notifications: Notifications, main: _File) -> tuple[Notifications, list[str]]:
    """Return it with paths that go from here, and what is wrong with the files there."""
    webhooks, mistakes = [], []
    for index, webhook in enumerate(notifications.webhooks):
        found: dict[str, Path] = {}
        for key in ("bearer_token_file", "ca_file"):
            name: Path | None = getattr(webhook, key)
            if name is None:
                continue
            found[key] = main.path.parent / name
            place = f"{main.place('notifications', 'webhooks', index, key)}: notifications.webhooks[{index}].{key}: {found[key]}"
            try:
                if not found[key].read_text("ascii").strip():
                    mistakes.append(f"{place}: it is empty")
            except (OSError, ValueError) as error:
                mistakes.append(f"{place}: {getattr(error, 'strerror', None) or 'it is not ASCII'}")
        webhooks.append(webhook.model_copy(update=found))
    return notifications.model_copy(update={"webhooks": tuple(webhooks)}), mistakes


def _about_strangers(maintenance: tuple[Maintenance, ...], partners: tuple[ProviderSection, ...], main: _File) -> Iterator[str]:
    """Yield which domains and providers of planned times nobody measures: an error in writing, or they were left behind."""
    known = {"domains": [domain for partner in partners for domain in partner.domains], "providers": [partner.name for partner in partners]}
    for index, planned in enumerate(maintenance):
        for key, names in known.items():
            for position, name in enumerate(getattr(planned, key)):
                if name not in names:
                    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
                    place = main.place("maintenance", index, key, position)
                    hint = f"; did you mean {near[0]}?" if near else "; it is not among the providers"
                    yield f"{place}: maintenance[{index}].{key}[{position}]: nobody is called {shown(name)}{hint}"


def _wrong_policies(names: tuple[str, ...], main: _File) -> Iterator[str]:
    """Yield what is wrong with the policies that a configuration names."""
    places: dict[str, str] = {}
    for index, name in enumerate(names):
        place = main.place("policies", index)
        try:
            policy = find_policy(name, main.path.parent, f"{place}: policies[{index}]: ")
        except BadConfiguration as error:
            yield from error.mistakes
            continue
        first = places.setdefault(policy.name, place)
        if first != place or names.index(name) != index:
            yield f"{place}: policies[{index}]: a second policy is called {policy.name}; the first is at {first}"


def _told_twice(domain: str, first: ProviderSection, other: ProviderSection) -> str:
    if first is other:
        return f"the domain {domain} is listed twice under {first.name!r}"
    return f"the domain {domain} is listed twice, under {first.name!r} and under {other.name!r}"


def _listed_twice(files: list[_File]) -> Iterator[str]:
    for domain, first, other in duplicates(file.providers for file in files):
        providers = [files[file].providers[position] for file, position, _ in (first, other)]
        keys = [("providers", position, "domains", index) for _, position, index in (first, other)]
        place, elsewhere = files[other[0]].place(*keys[1]), files[first[0]].place(*keys[0])
        yield f"{place}: {spelled(list(keys[1]))}: {_told_twice(domain, *providers)}; the first is at {elsewhere}"


def _named_twice(files: list[_File]) -> Iterator[str]:
    """Yield each provider whose name another one has: by that name they are told apart."""
    places: dict[str, str] = {}
    for file in files:
        for position, provider in enumerate(file.providers):
            place = file.place("providers", position, "name")
            first = places.setdefault(provider.name, place)
            if first != place:
                yield f"{place}: providers[{position}].name: a second provider is called {provider.name!r}; the first is at {first}"


def _validate(model: type[_AnySection], source: dict[str, Any], nodes: yaml.Node | None, path: Path) -> _AnySection:
    try:
        return model.model_validate(source, context=_FROM_FILES)
    except ValidationError as error:
        raise BadConfiguration(mistakes_of(error, model, nodes, path)) from error


def schema() -> dict[str, Any]:
    """Return the JSON Schema of a configuration file, for editors; its defaults are as one writes them."""
    found = Configuration.model_json_schema(mode="serialization")
    default = Configuration()
    written = default.model_dump(mode="json")
    for name, value in default:
        if isinstance(value, Section):
            for key, text in written[name].items():
                found["$defs"][type(value).__name__]["properties"][key]["default"] = text
    return {"$schema": DIALECT, **found, "title": "Configuration of mailtls"}


def schema_of_providers() -> dict[str, Any]:
    """Return the JSON Schema of a file that ``provider_files`` names."""
    return {"$schema": DIALECT, **ProviderFile.model_json_schema(mode="serialization"), "title": "Providers for mailtls"}
