"""Trust decided from bytes and records: PKIX, DANE, MTA-STS, TLS-RPT and names. No sockets, no clock."""
