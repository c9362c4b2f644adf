"""Alembic's environment: the connection that ``db.schema`` passes, or the database of ``GATEHOUSE_DATABASE_URL``."""

import os

from alembic import context
from sqlalchemy import Connection

from db.engine import make_engine, parsed
from db.models import metadata
from db.schema import is_modelled
from db.timeouts import MIGRATION_TIMEOUTS


def run(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=metadata, transactional_ddl=True, include_name=is_modelled)
    with context.begin_transaction():
        context.run_migrations()


existing_connection = context.config.attributes.get("connection")
if existing_connection is not None:
    run(existing_connection)
else:
    engine = make_engine(
        parsed(os.environ.get("GATEHOUSE_DATABASE_URL", "sqlite:///var/gatehouse.sqlite3")),
        MIGRATION_TIMEOUTS,
        pooled=False,
    )
    try:
        with engine.begin() as new_connection:
            run(new_connection)
    finally:
        engine.dispose()
