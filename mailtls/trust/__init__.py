"""Trust decided from bytes and records: PKIX and names. No sockets, no clock."""
