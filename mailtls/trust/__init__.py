"""Trust decided from bytes and records: PKIX, DANE, MTA-STS, TLS-RPT, names and shared keys. No sockets, no clock."""
