"""Alembic runs inside the connection that `toolscout.catalogue.migrate` hands over."""

from alembic import context

from toolscout.catalogue.tables import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, render_as_batch=True, transactional_ddl=False)
context.run_migrations()
