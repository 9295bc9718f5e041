"""A likeness of the dashboards without Grafana, to look at them: HTML from their JSON, and from what Prometheus answers."""
