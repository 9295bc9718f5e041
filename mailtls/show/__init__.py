"""Showing what was observed: metrics, text, JSON. Everything here reads a snapshot, and nothing here probes."""
