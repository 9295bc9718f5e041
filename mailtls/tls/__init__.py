"""TLS without sockets: names, hellos and certificates, read from bytes."""
