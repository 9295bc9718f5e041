"""SMTP without sockets: what the bytes of a reply are, and what they mean for a checker."""
