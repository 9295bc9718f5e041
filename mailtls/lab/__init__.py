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
from mailtls.lab.sts_server import Serving, StsServer
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
    "Reset",
    "Script",
    "Serving",
    "Stall",
    "Step",
    "StsServer",
]
