"""Changes as rows: what has a column of its own is not in the document beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mailtls.store.compact import packed, unpacked
from mailtls.tracking.changes import Change
from mailtls.tracking.written import Damaged, read, written

if TYPE_CHECKING:
    from sqlalchemy import Row

_COLUMNS = ("vantage", "subject", "check", "event")


def row_of(change: Change) -> dict[str, Any]:
    """Return the row of a change."""
    document = {"vantage": "", **written(change)}
    columns = {name: document.pop(name) for name in _COLUMNS}
    del document["at"]
    return {"at": change.at, **columns, "document": packed(document)}


def change_of(row: Row[Any]) -> Change:
    """Return the change in a row of the table. Raises ``ValueError`` where it is damaged."""
    document = unpacked(row.document)
    if not isinstance(document, dict):
        raise Damaged("a document is an object")
    found = read(document | {name: getattr(row, name) for name in _COLUMNS} | {"at": row.at.isoformat()})
    if not isinstance(found, Change):
        raise Damaged("it is no change")
    return found
