"""Real servers on loopback addresses, each a subprocess with a directory of its own, for the integration tests.

Every class is an async context manager: the server answers when the block is entered, and nothing of it is left when
the block ends. ``install.sh``, one directory up, installs the programs.
"""

from .alertmanager import Alertmanager, Notification, Receiver
from .certificates import Authority, Certificate, write_dh_parameters
from .exim import Exim
from .knot import Knot, Zone
from .loopback import free_address, free_port
from .nginx import Nginx, Site
from .opensmtpd import OpenSMTPD
from .postfix import Postfix, Postscreen
from .postgresql import PostgreSQL
from .posttls_finger import Finger, posttls_finger
from .prometheus import Prometheus, check_metrics, check_rules
from .server import Server
from .tlsonly import Fronted, GnuTLSServ, LegacySettings, PyOpenSSL, SServer, TLSLite
from .unbound import Unbound

__all__ = [
    "Alertmanager",
    "Authority",
    "Certificate",
    "Exim",
    "Finger",
    "Fronted",
    "GnuTLSServ",
    "Knot",
    "LegacySettings",
    "Nginx",
    "Notification",
    "OpenSMTPD",
    "Postfix",
    "PostgreSQL",
    "Postscreen",
    "Prometheus",
    "PyOpenSSL",
    "Receiver",
    "SServer",
    "Server",
    "Site",
    "TLSLite",
    "Unbound",
    "Zone",
    "check_metrics",
    "check_rules",
    "free_address",
    "free_port",
    "posttls_finger",
    "write_dh_parameters",
]
