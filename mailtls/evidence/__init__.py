"""Evidence: what was seen on the wire, kept as bytes, so that every reading can be computed again.

Nothing here is interpreted. What a reply means is said in ``smtp/``, what a certificate says in ``tls/``.
"""

from mailtls.evidence.lookups import Lookup, LookupOutcome
from mailtls.evidence.routes import HostRoute, RouteEvidence
from mailtls.evidence.sts import StsChange, StsEvidence, StsFetch
from mailtls.evidence.visits import Exchange, Handshake, KeyType, Offer, ProbeEvidence, Purpose, ScanEvidence
from mailtls.model import Failure

__all__ = [
    "Exchange",
    "Failure",
    "Handshake",
    "HostRoute",
    "KeyType",
    "Lookup",
    "LookupOutcome",
    "Offer",
    "ProbeEvidence",
    "Purpose",
    "RouteEvidence",
    "ScanEvidence",
    "StsChange",
    "StsEvidence",
    "StsFetch",
]
