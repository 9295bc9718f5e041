"""The nouns: what is watched, what was read, and what may be said of it.

A *reading* is one of three things, and the difference between the last two is why this program exists:

- ``Known(value)``: it was measured.
- ``Absent()``: it does not apply (no TLS, so no certificate). That too was measured.
- ``Unknown(cause, stage, detail)``: it could not be measured. Never a verdict on the server.
"""

from mailtls.model.grades import Clause, Finding, Gap, Grade, Level, Place, Source
from mailtls.model.readings import Absent, Cause, Failure, Known, Reading, Stage, Unknown
from mailtls.model.seen import DomainObservation, EndpointObservation, MXObservation, MXSet, SharedKey, Snapshot, Verdict
from mailtls.model.watched import Endpoint, Family, Provider

__all__ = [
    "Absent",
    "Cause",
    "Clause",
    "DomainObservation",
    "Endpoint",
    "EndpointObservation",
    "Failure",
    "Family",
    "Finding",
    "Gap",
    "Grade",
    "Known",
    "Level",
    "MXObservation",
    "MXSet",
    "Place",
    "Provider",
    "Reading",
    "SharedKey",
    "Snapshot",
    "Source",
    "Stage",
    "Unknown",
    "Verdict",
]
