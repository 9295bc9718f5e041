"""The world on loopback: a nameserver, a private CA and two dozen fake mail providers, for the demo and the tests."""

from mailtls.lab.authority import Authority, Identity
from mailtls.lab.mailserver import (
    TLS,
    Behaviour,
    Close,
    ConnectionLimit,
    Delay,
    Drip,
    Flood,
    MailServer,
    Reset,
    Script,
    Stall,
    Step,
)
from mailtls.lab.nameserver import Fault, Nameserver
from mailtls.lab.policyserver import PolicyServer, Serving
from mailtls.lab.world import Lab

__all__ = [
    "TLS",
    "Authority",
    "Behaviour",
    "Close",
    "ConnectionLimit",
    "Delay",
    "Drip",
    "Fault",
    "Flood",
    "Identity",
    "Lab",
    "MailServer",
    "Nameserver",
    "PolicyServer",
    "Reset",
    "Script",
    "Serving",
    "Stall",
    "Step",
]
