"""What outlives the process: SQLAlchemy Core on a synchronous engine in one thread, its schema by Alembic; SQLite by default."""
