"""Several processes at one vantage, and several vantages: PostgreSQL holds what they share, Procrastinate hands out the work."""
