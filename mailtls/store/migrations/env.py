"""What Alembic runs for a migration; the connection is given by the program, and so is the transaction."""

from alembic import context

from mailtls.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite cannot alter most of a table: it is copied
)
with context.begin_transaction():
    context.run_migrations()
