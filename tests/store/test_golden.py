"""What earlier versions stored is still read: nothing that a document names may be renamed, moved out of sight, or taken away.

``golden/`` holds documents as they were written, uncompressed, of everything that is found in one. A file there is never changed. Where the
newest no longer has all that can be written, ``python tests/store/test_golden.py`` writes another beside it.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import replace
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from fullest import KINDS, all_of, within
from remembered import NOW, hello

from mailtls.hellos import Accepted, HelloEvidence, HelloOffer, Refused, Silent
from mailtls.model import Cause, Stage
from mailtls.store import codec
from mailtls.store.compact import inflated
from mailtls.store.documents import decode, encode

GOLDEN = Path(__file__).parent / "golden"
FILES = sorted(GOLDEN.glob("*.json"))
HELLOS = "hellos"
"""The older format of raw hellos, which has no kind."""


def written() -> dict[str, list[Any]]:
    """Return what is written today: by kind, its documents."""
    found = {name: [_plain(encode(one)) for one in all_of(kind)] for name, kind in within(*KINDS).items()}
    return {**found, HELLOS: [_plain(codec.encode(one)) for one in hellos()]}


def hellos() -> list[HelloEvidence]:
    """Return raw hellos with every answer, every cause and every stage."""
    offer = HelloOffer("TLSv1.2", (0xC02F,), (29,), (0x0403,), "none", True, 65535, True, "which?")
    accepted = Accepted("TLSv1.2", 0xC02F, 29, "signed", 3072, 0x0403, (b"a leaf", b"an intermediate"), (23, 65281), 2, "words", (0x010080,))
    silent = [Silent(cause, stage, "words") for cause, stage in zip(Cause, cycle(Stage), strict=False)]
    answers = [None, accepted, Refused(40, "words"), Refused(None, ""), *silent]
    asked = [hello(answer=answer) for answer in answers]
    return [HelloEvidence((*asked, replace(asked[1], offer=offer)), NOW), HelloEvidence((), NOW, complete=False)]


def _plain(octets: bytes) -> Any:
    return json.loads(inflated(octets))


def _stored(document: Any) -> bytes:
    return zlib.compress(json.dumps(document).encode())


def test_there_are_golden_documents() -> None:
    assert FILES


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_document_that_was_ever_written_is_still_readable_and_means_the_same(file: Path) -> None:
    kinds = within(*KINDS)
    for name, documents in json.loads(file.read_text("ascii")).items():
        for document in documents:
            if name == HELLOS:
                assert _plain(codec.encode(codec.decode(_stored(document)))) == document
            else:
                assert _plain(encode(decode(kinds[name], _stored(document)))) == document, name


def test_the_newest_golden_documents_have_everything_that_can_be_written() -> None:
    assert json.loads(FILES[-1].read_text("ascii")) == written()


if __name__ == "__main__":
    name = f"{len(FILES) + 1:03}.json"
    (GOLDEN / name).write_text(json.dumps(written(), indent=1) + "\n", "ascii")
