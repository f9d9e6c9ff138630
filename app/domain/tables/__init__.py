"""The schema, as SQLModel tables. They describe rows; they validate nothing (values are parsed at the edges).

Every table starts its primary key with the workspace, so that the same schema
runs on one server and distributed by workspace. Hot tables carry no foreign
keys: the pipeline writes both sides in one transaction, and a trigger per row
would cost more than the row.
"""

from sqlmodel import SQLModel

from app.domain.tables import catalog, decisions, identity, ingest, matching, profiles, setaside

metadata = SQLModel.metadata

# Not readable across workspaces: every one has row-level security forced (migrations, and a test over pg_class).
TENANT_TABLES = tuple(sorted(name for name in metadata.tables if name != "workspaces"))

__all__ = [
    "TENANT_TABLES",
    "catalog",
    "decisions",
    "identity",
    "ingest",
    "matching",
    "metadata",
    "profiles",
    "setaside",
]
