"""Runs the migrations over the connection that `dispatch.storage.migrate` hands in."""

from __future__ import annotations

from alembic import context
from geoalchemy2 import alembic_helpers

from dispatch.storage.tables import Base


def include_name(name: str | None, kind: str, _parents: object) -> bool:
    """Leave the daily partitions of positions alone: the worker makes and drops them."""
    return not (kind == "table" and (name or "").startswith("position_"))


connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    include_name=include_name,
    include_object=alembic_helpers.include_object,
    process_revision_directives=alembic_helpers.writer,
    render_item=alembic_helpers.render_item,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
