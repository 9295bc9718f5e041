"""Grafana's dashboards of mailtls, as code. A tool of the source tree: it is not installed with mailtls."""
