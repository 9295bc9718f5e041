"""The chain of publications: what is hashed of one, how it is linked to the one before, and how it is opened again.

A publication becomes *objects*, each a JSON document named by the SHA-256 of its octets, and a *manifest* that names them, the time, the
program, the policies, and the hash of the manifest before. Objects are shared: of a domain that did not change, the next publication names
the same one. For that, what changes at every look is taken out of them, into one object ``times``: when a domain was measured last, and the
first and the last day of the days that are shown.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any

from mailtls.instants import rfc3339
from mailtls.publication import SCHEMA, Document, Link, Publication
from mailtls.publication.canonical import Malformed, canonical, digest, is_hash, parsed
from mailtls.publication.keys import fingerprint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

OBJECTS = ("edition", "providers", "domains", "days", "incidents", "trends", "times")
"""What a manifest names."""
INDEXES = ("domains", "days")
"""Those of them that name further objects: one of each domain."""
GIST = ("edition", "providers", "domains", "times")
"""Those of them that tell what a snapshot says in short."""
MAX_HEAD, MAX_MANIFEST, MAX_OBJECT = 4096, 262_144, 33_554_432
"""Octets."""
_MOVING = frozenset({"measured_at", "attempted_at", "concluded_at", "last_seen"})
"""Keys of times that move at every look."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """A publication that has its place in the chain.

    Args:
        manifest: its octets, which are what is hashed and signed.
        hash: of the manifest.
        objects: the octets of each, by hash.
        link: its place.
        signer: the public key that has to sign the manifest, as manifests name it; ``None`` for nobody.

    """

    manifest: bytes
    hash: str
    objects: Mapping[str, bytes]
    link: Link
    signer: str | None


@dataclass(frozen=True, slots=True)
class Gist:
    """What a snapshot says in short.

    Args:
        edition: who said it, and as of when.
        providers: with the verdict and the grades of each of their domains.
        domains: the hash of the object of each domain, by name.

    """

    edition: Document
    providers: tuple[Document, ...]
    domains: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest as it was read.

    Args:
        number: counted from 1.
        published_at: as RFC 3339 text in UTC.
        previous: hash of the one before; ``None`` for the first.
        key: the public key that signs the next one: ``SubjectPublicKeyInfo`` (RFC 8410) in base64; ``None`` for nobody.
        objects: hashes by name.

    """

    number: int
    published_at: str
    previous: str | None
    key: str | None
    objects: Mapping[str, str]


def seal(publication: Publication, previous: bytes | None, published_at: datetime, key: str | None = None) -> Sealed:
    """Give a publication its place in the chain.

    Args:
        publication: what is said.
        previous: the octets of the last manifest; ``None`` where this is the first.
        published_at: now, with a time zone.
        key: the public key that is to sign from now on, as manifests name it; ``None`` for nobody.

    Raises:
        Malformed: the last manifest is none.
        ValueError: a document holds what JSON cannot.

    """
    before = None if previous is None else read_manifest(previous)
    named, objects = _objects(publication)
    edition = publication.edition
    at = rfc3339(published_at)
    number = 1 if before is None else before.number + 1
    manifest = canonical({
        "schema": SCHEMA,
        "number": number,
        "as_of": edition["as_of"],
        "published_at": at,
        "program": edition["program"],
        "policies": {policy["name"]: policy["version"] for policy in edition["policies"]},
        "vantage": edition["vantage"],
        "licence": edition["licence"]["name"],
        "previous": None if previous is None else digest(previous),
        "key": key,
        "objects": named,
    })
    signer = signer_of(before, key)
    link = Link(
        number, digest(manifest), None if previous is None else digest(previous), at, None if signer is None else fingerprint(signer)
    )
    return Sealed(manifest, link.hash, objects, link, signer)


def signer_of(before: Manifest | None, key: str | None) -> str | None:
    """Return who has to sign a manifest that names a key: whom the one before names; where it names nobody, whom it names itself."""
    return before.key if before is not None and before.key is not None else key


def read_manifest(octets: bytes) -> Manifest:
    """Read a manifest that anybody may have written. Raises :class:`Malformed`."""
    document = parsed(octets, MAX_MANIFEST)
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise Malformed("it is no manifest of this version")
    number, at, previous, key, objects = (document.get(name) for name in ("number", "published_at", "previous", "key", "objects"))
    if type(number) is not int or number < 1:
        raise Malformed("its number is none")
    moment_of(at)
    if not (is_hash(previous) if number > 1 else previous is None):
        raise Malformed("it does not name the one before as it should")
    if key is not None:
        fingerprint(key)
    if not isinstance(objects, dict) or not set(OBJECTS) <= objects.keys() or not all(map(is_hash, objects.values())):
        raise Malformed("its objects are not named as they should be")
    return Manifest(number, str(at), previous, key, objects)


def head_of(manifest: bytes) -> bytes:
    """Return what ``snapshots/head.json`` holds, where this is the last manifest."""
    read = read_manifest(manifest)
    return canonical({"schema": SCHEMA, "number": read.number, "hash": digest(manifest), "published_at": read.published_at})


def moment_of(text: object) -> datetime:
    """Return the moment that a manifest names. Raises :class:`Malformed`."""
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) and len(text) <= 40 else None
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise Malformed("it names no moment")
    return moment


def index_of(octets: bytes) -> dict[str, str]:
    """Read an index that anybody may have written: hashes by domain. Raises :class:`Malformed`."""
    index = parsed(octets, MAX_OBJECT)
    if not isinstance(index, dict) or not all(map(is_hash, index.values())):
        raise Malformed("it is no index of objects")
    return index


def opened(manifest: Manifest, read: Callable[[str], bytes]) -> Publication:
    """Return the publication that a manifest names, its domains in the order of their names.

    Args:
        manifest: of it.
        read: returns an object by its hash; whatever that raises is raised.

    Raises:
        Malformed: an object is not the one that is named, or not what it should be.

    """

    def document(name: str) -> Any:
        octets = read(name)
        if digest(octets) != name:
            raise Malformed("an object is not the one that is named")
        return parsed(octets, MAX_OBJECT)

    try:
        found = {name: document(manifest.objects[name]) for name in OBJECTS}
        domains, days = ({name: document(each) for name, each in found[index].items()} for index in INDEXES)
        times = found["times"]
        publication = Publication(
            found["edition"],
            tuple(_joined(found["providers"], times["providers"])),
            {name: _joined(each, times["domains"][name]) for name, each in domains.items()},
            {name: _widened(each, times["window"]) for name, each in days.items()},
            tuple(found["incidents"]),
            found["trends"],
        )
    except Malformed:
        raise
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise Malformed("an object is not what it should be") from error
    documents = (publication.edition, publication.trends, *publication.providers, *publication.incidents, *publication.domains.values())
    if not all(isinstance(each, dict) for each in (*documents, *publication.days.values())):
        raise Malformed("an object is not what it should be")
    return publication


def gist_of(manifest: Manifest, read: Callable[[str], bytes]) -> Gist:
    """Return what a snapshot says of each domain in short; only its objects ``GIST`` are read.

    Args:
        manifest: of it.
        read: returns an object by its hash; whatever that raises is raised.

    Raises:
        Malformed: an object is not what it should be.

    """
    edition, providers, domains, times = (parsed(read(manifest.objects[name]), MAX_OBJECT) for name in GIST)
    try:
        return Gist(edition, tuple(_joined(providers, times["providers"])), domains)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise Malformed("an object is not what it should be") from error


def _objects(publication: Publication) -> tuple[dict[str, str], dict[str, bytes]]:
    """Return the hashes that a manifest names, and all octets by hash."""
    objects: dict[str, bytes] = {}

    def kept(document: Any) -> str:
        octets = canonical(document)
        name = digest(octets)
        objects[name] = octets
        return name

    window = _window(publication.days.values())
    providers, times_of_providers = _split(list(publication.providers))
    split = {name: _split(each) for name, each in publication.domains.items()}
    times = {
        "schema": SCHEMA,
        "domains": {name: times for name, (_, times) in split.items()},
        "providers": times_of_providers,
        "window": window,
    }
    named = {
        "edition": kept(publication.edition),
        "providers": kept(providers),
        "domains": kept({name: kept(document) for name, (document, _) in split.items()}),
        "days": kept({name: kept(_narrowed(each, window)) for name, each in publication.days.items()}),
        "incidents": kept(list(publication.incidents)),
        "trends": kept(publication.trends),
        "times": kept(times),
    }
    return named, objects


def _split(document: Any) -> tuple[Any, list[list[Any]]]:
    """Take the times that move out of a document. Returns it, with null for each, and how often which time follows, in order of its keys."""
    taken: list[str | None] = []

    def without(value: Any) -> Any:
        if isinstance(value, dict):
            found: Document = {}
            for key in sorted(value):
                if key in _MOVING and (value[key] is None or isinstance(value[key], str)):
                    taken.append(value[key])
                    found[key] = None
                else:
                    found[key] = without(value[key])
            return found
        return [without(each) for each in value] if isinstance(value, (list, tuple)) else value

    rest = without(document)
    return rest, [[time, len(list(run))] for time, run in groupby(taken)]


def _joined(document: Any, times: Any) -> Any:
    """Put the times back. Raises :class:`Malformed` where they are too few or too many."""
    left = _unrolled(times)

    def whole(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: next(left) if key in _MOVING and value[key] is None else whole(value[key]) for key in sorted(value)}
        return [whole(each) for each in value] if isinstance(value, list) else value

    try:
        found = whole(document)
    except StopIteration as error:
        raise Malformed("it has fewer times than places for them") from error
    if next(left, left) is not left:
        raise Malformed("it has more times than places for them")
    return found


def _unrolled(runs: Any) -> Iterator[str | None]:
    for time, count in runs:
        if type(count) is not int or not (time is None or isinstance(time, str)):
            raise Malformed("its times are not written as they should be")
        for _ in range(count):
            yield time


def _window(every: Iterable[Document]) -> list[str] | None:
    """Return the first and the last day that most show."""
    counted = Counter((each["first"], each["last"]) for each in every)
    return list(counted.most_common(1)[0][0]) if counted else None


def _narrowed(days: Document, window: list[str] | None) -> Document:
    """Take the window out of the days of a domain: where nothing changes, the next day's are the same."""
    ends = [end for row in days["rows"] for run in row["runs"] for end in (run["from"], run["to"])]
    if window is None or [days["first"], days["last"]] != window or not all(ends):
        return days
    first, last = window
    rows = [
        row
        | {
            "runs": [
                run | {"from": None if run["from"] == first else run["from"], "to": None if run["to"] == last else run["to"]}
                for run in row["runs"]
            ]
        }
        for row in days["rows"]
    ]
    return days | {"first": None, "last": None, "rows": rows}


def _widened(days: Document, window: Any) -> Document:
    """Put the window back."""
    if days["first"] is not None:
        return days
    first, last = window
    rows = [
        row | {"runs": [run | {"from": run["from"] or first, "to": run["to"] or last} for run in row["runs"]]} for row in days["rows"]
    ]
    return days | {"first": first, "last": last, "rows": rows}
