"""Verifying what is published: the chain, the signatures, every object, and that the API says what the last snapshot says.

It asks for files by their paths and learns their octets, whoever fetches them; so a test plays a whole verification from a dict. All that it
is told may have been made by whoever wants to deceive: it is bounded in size, depth and number, and no text of it is repeated unescaped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mailtls.publication.as_served import MAX_LIST, documents, says
from mailtls.publication.canonical import Malformed, digest, is_hash, parsed
from mailtls.publication.chain import (
    INDEXES,
    MAX_HEAD,
    MAX_MANIFEST,
    MAX_OBJECT,
    OBJECTS,
    Manifest,
    head_of,
    index_of,
    moment_of,
    opened,
    read_manifest,
    signer_of,
)
from mailtls.publication.keys import SIGNATURE, fingerprint, is_signed_by, pem
from mailtls.publication.report import Problem, Report
from mailtls.thinning import kept_whole

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping

    from mailtls.publication import Document, Publication

    Steps = Generator[tuple[str, ...], Mapping[str, bytes | None], None]

HEAD, KEY = "snapshots/head.json", "snapshots/key.pem"
MOST_SNAPSHOTS = 1_000_000
"""A century of hours."""
_AT_ONCE = 256
_MOST_PROBLEMS = 100


def limit_of(path: str) -> int:
    """Return how many octets of a file are wanted at most; one more says that it is too large."""
    if path in {HEAD, KEY}:
        return MAX_HEAD
    if path.endswith(".sig"):
        return SIGNATURE
    if path.startswith("api/"):
        return MAX_LIST
    return MAX_OBJECT if path.startswith("snapshots/objects/") else MAX_MANIFEST


class Verification:
    """A verification that goes on. While ``wanted`` names files, they are to be fetched, and :meth:`learn` to be called.

    Args:
        since: the hash of a snapshot that is remembered: it has to be in the chain, and what is before it is left out.
        key: the public key that one knows to be the publisher's, as manifests name it; ``None`` for whatever key is named.

    """

    def __init__(self, since: str | None = None, key: str | None = None) -> None:
        """Begin."""
        self.report = Report()
        self.wanted: tuple[str, ...] = ()
        self.asked = self.learnt = 0
        self._since, self._key = since, key
        self._sound: set[str] = set()
        self._listed: dict[str, bool] = {}
        self._signer: str | None = None
        self._own_head = b""
        self._steps = self._all()
        self._on(None)

    def learn(self, found: Mapping[str, bytes | None]) -> None:
        """Learn of each file that was wanted its octets, up to one more than ``limit_of`` says; ``None`` where there is no such file."""
        self.learnt += len(self.wanted)
        self._on(found)

    def _on(self, found: Mapping[str, bytes | None] | None) -> None:
        try:
            self.wanted = next(self._steps) if found is None else self._steps.send(found)
            self.asked += len(self.wanted)
        except StopIteration:
            self.wanted = ()

    def _wrong(self, where: str, text: str) -> None:
        if len(self.report.problems) < _MOST_PROBLEMS:
            self.report.problems.append(Problem(where, text))

    def _all(self) -> Steps:
        found = yield (HEAD, KEY)
        head = found[HEAD]
        try:
            number, name = _head(head)
        except Malformed as error:
            self._wrong(HEAD, str(error))
            return
        self.report.number, self.report.hash, self.report.until = number, name, number + 1
        manifests: dict[int, Manifest] = {}
        yield from self._chain(number, name, manifests)
        if not manifests:
            return
        if head != self._own_head:
            self._wrong(HEAD, "it does not say of the last snapshot what that says of itself")
        self._who_signed(found[KEY])
        yield from self._objects(manifests)
        if self.report.problems:
            self.report.remarks.append("The API was not held against it.")
        else:
            yield from self._said(manifests[number])

    def _chain(self, number: int, name: str, manifests: dict[int, Manifest]) -> Steps:
        """Go through the chain, from the last snapshot back."""
        expected: str | None = name
        later: tuple[Manifest, bytes, bytes | None] | None = None
        remembered = False
        for newest in range(number, 0, -_AT_ONCE // 2):
            batch = range(newest, max(0, newest - _AT_ONCE // 2), -1)
            found = yield tuple(path for each in batch for path in (f"snapshots/{each}.json", f"snapshots/{each}.sig"))
            for at in batch:
                path = f"snapshots/{at}.json"
                octets = found[path] or b""
                try:
                    manifest = self._link(found[path], at, expected)
                except Malformed as error:
                    self._wrong(path, f"{error}; what is before it is vouched for by nothing")
                    return
                if later is not None:
                    self._signature(later, signer_of(manifest, later[0].key))
                else:
                    self._own_head = head_of(octets)
                if remembered:
                    return
                manifests[at] = manifest
                self.report.snapshots[at] = moment_of(manifest.published_at)
                self.report.until = at
                later = (manifest, octets, found[f"snapshots/{at}.sig"])
                remembered = expected == self._since  # so all that is before it is vouched for by whoever remembers it
                expected = manifest.previous
        if later is not None:
            self._signature(later, later[0].key)
        if self._since is not None and not remembered:
            self._wrong("the chain", f"the snapshot with hash {self._since} is not in it: the chain was truncated, or is another one")

    def _link(self, octets: bytes | None, number: int, expected: str | None) -> Manifest:
        """Read the manifest that the one after it names. Raises :class:`Malformed`."""
        if octets is None:
            raise Malformed("it is missing")
        if len(octets) > MAX_MANIFEST:
            raise Malformed(f"it has more than {MAX_MANIFEST:,} octets")
        if digest(octets) != expected:
            raise Malformed(f"it is not what {'head.json' if number == self.report.number else f'snapshot {number + 1}'} names")
        manifest = read_manifest(octets)
        if manifest.number != number:
            raise Malformed("it says that it has another number")
        return manifest

    def _signature(self, signed: tuple[Manifest, bytes, bytes | None], signer: str | None) -> None:
        manifest, octets, signature = signed
        path = f"snapshots/{manifest.number}.sig"
        self.report.signed[manifest.number] = None if signer is None else fingerprint(signer)
        if signer is None and signature is not None:
            self._wrong(path, "it is a signature, and nobody is named who should have signed")
        elif signer is not None and signature is None:
            self._wrong(path, "it is missing: the snapshot has to be signed")
        elif signer is not None and signature is not None and not is_signed_by(signer, signature, octets):
            self._wrong(path, f"it is no signature of this snapshot by the key with SHA-256 {fingerprint(signer)}")
        if manifest.number == self.report.number and signer is not None:
            self._signer = signer

    def _who_signed(self, octets: bytes | None) -> None:
        """Hold the key that is published, and the one that is known, against those that signed."""
        if self.report.number in self.report.signed and octets != (None if self._signer is None else pem(self._signer)):
            self._wrong(KEY, "it is not the key that has to have signed the last snapshot")
        if self._key is None:
            return
        known = fingerprint(self._key)
        if self.report.signed.get(self.report.number) is None:
            self._wrong("the signature", "the last snapshot is not vouched for by a signature")
        elif known not in self.report.signed.values():
            self._wrong("the signature", f"no snapshot is signed with the key that you know, SHA-256 {known}")

    def _objects(self, manifests: Mapping[int, Manifest]) -> Steps:
        """Go through the objects of all snapshots, the newest first."""
        must = kept_whole(self.report.snapshots)
        for number in sorted(manifests, reverse=True):
            manifest, path = manifests[number], f"snapshot {number}"
            named = {manifest.objects[name] for name in OBJECTS}
            missing: list[str] = []
            if number not in must:  # of one that was thinned, this one is gone: it names the time
                yield from self._fetch([manifest.objects["edition"]], path, missing)
            if not missing:
                yield from self._fetch(named, path, missing)
            if not missing:
                for index in INDEXES:
                    yield from self._listing(manifest.objects[index], path, missing)
            if not missing:
                self.report.whole += 1
            elif number not in must:
                self.report.thinned += 1
            else:
                count = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
                self._wrong(path, f"the object {missing[0]}{count} is missing")

    def _fetch(self, names: Iterable[str], where: str, missing: list[str]) -> Steps:
        unseen = sorted({name for name in names if name not in self._sound})
        for start in range(0, len(unseen), _AT_ONCE):
            some = unseen[start : start + _AT_ONCE]
            found = yield tuple(map(_object, some))
            for name in some:
                octets = found[_object(name)]
                if octets is None:
                    missing.append(name)
                elif len(octets) > MAX_OBJECT or digest(octets) != name:
                    self._wrong(_object(name), f"it is not what its name says; {where} needs it")
                    self._sound.add(name)  # it is told once
                else:
                    self._sound.add(name)
                    self.report.objects += 1

    def _listing(self, name: str, where: str, missing: list[str]) -> Steps:
        """Go through the objects that an index names."""
        if self._listed.get(name):
            return
        found = yield (_object(name),)
        octets = found[_object(name)]
        try:
            names = index_of(octets or b"") if octets is not None and digest(octets) == name else {}
        except Malformed as error:
            self._wrong(_object(name), str(error))
            names = {}
        before = len(missing)
        yield from self._fetch(names.values(), where, missing)
        self._listed[name] = len(missing) == before

    def _said(self, manifest: Manifest) -> Steps:
        """Hold the documents of the API against the last snapshot; while the next one is being written, they may be that one's."""
        published = yield from self._open(manifest)
        if published is None:
            return
        link = _link(manifest, self.report.hash, self.report.signed.get(manifest.number))
        after = published.edition.get("stale_after")
        self.report.stale_after = after if type(after) is int else None
        differing = yield from self._compare(published, link)
        if not differing:
            return
        following = yield from self._following(manifest)
        newer = None if following is None else (yield from self._open(following[0]))
        if following is not None and newer is not None:
            expected = dict(documents(newer, _link(*following)))
            differing = {path: found for path, found in differing.items() if path in expected and not says(found, expected[path])}
            self.report.remarks.append(f"snapshot {self.report.number + 1} is being written: its documents are there already")
        for path, octets in differing.items():
            self._wrong(path, "it is missing" if octets is None else "it does not say what the last snapshot says")

    def _open(self, manifest: Manifest) -> Generator[tuple[str, ...], Mapping[str, bytes | None], Publication | None]:
        octets: dict[str, bytes] = {}
        wanted = sorted(set(manifest.objects.values()))
        try:
            for _ in range(2):
                for start in range(0, len(wanted), _AT_ONCE):
                    found = yield tuple(map(_object, wanted[start : start + _AT_ONCE]))
                    octets |= {name: held for name in wanted if (held := found.get(_object(name))) is not None}
                wanted = sorted({name for index in INDEXES for name in index_of(octets[manifest.objects[index]]).values()} - octets.keys())
            return opened(manifest, octets.__getitem__)
        except KeyError:
            self._wrong(f"snapshot {manifest.number}", "an object is missing")
        except Malformed as error:
            self._wrong(f"snapshot {manifest.number}", str(error))
        return None

    def _compare(self, published: Publication, link: Document) -> Generator[tuple[str, ...], Mapping[str, bytes | None], dict[str, bytes | None]]:
        differing: dict[str, bytes | None] = {}
        named: list[tuple[str, Any]] = []
        for path, document in documents(published, link):
            if path:
                named.append((path, document))
            else:
                self._wrong("the last snapshot", f"it names what can be no file: {document}")
        for start in range(0, len(named), _AT_ONCE):
            some = named[start : start + _AT_ONCE]
            found = yield tuple(path for path, _ in some)
            differing |= {path: found[path] for path, document in some if not says(found[path], document)}
        self.report.compared = len(named)
        return differing

    def _following(
        self, manifest: Manifest
    ) -> Generator[tuple[str, ...], Mapping[str, bytes | None], tuple[Manifest, str, str | None] | None]:
        """Return the manifest that is being published after the last one, if there is one that is sound, with its hash and who signed it."""
        path, signed = (f"snapshots/{manifest.number + 1}.{kind}" for kind in ("json", "sig"))
        found = yield (path, signed)
        octets, signature = found[path], found[signed]
        try:
            following = read_manifest(octets or b"")
            signer = signer_of(manifest, following.key)
        except Malformed:
            return None
        if following.previous != self.report.hash or following.number != manifest.number + 1:
            return None
        if signer is not None and not is_signed_by(signer, signature or b"", octets or b""):
            return None
        return following, digest(octets or b""), None if signer is None else fingerprint(signer)


def _head(octets: bytes | None) -> tuple[int, str]:
    """Return number and hash of the last snapshot. Raises :class:`Malformed`."""
    if octets is None:
        raise Malformed("there is no such file")
    document = parsed(octets, MAX_HEAD)
    number, name = (document.get("number"), document.get("hash")) if isinstance(document, dict) else (None, None)
    if type(number) is not int or not 1 <= number <= MOST_SNAPSHOTS or not isinstance(name, str) or not is_hash(name):
        raise Malformed("it names no snapshot")
    return number, name


def _object(name: str) -> str:
    return f"snapshots/objects/{name}.json"


def _link(manifest: Manifest, name: str, signed: str | None) -> Document:
    """Return what the API says of the place of a snapshot in its chain."""
    return {"number": manifest.number, "hash": name, "previous": manifest.previous, "published_at": manifest.published_at, "key": signed}
