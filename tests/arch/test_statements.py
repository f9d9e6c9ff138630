"""Every named statement is prepared against the real schema: a typo in SQL is a failed test."""

import re
from importlib import resources
from pathlib import Path

import pytest

from app.core.runtime import Runtime
from app.core.sql import Queries

FILES = sorted(Path(place.name).stem for place in resources.files("app.domain.sql").iterdir() if ".sql" in place.name)


@pytest.mark.parametrize("file", FILES)
async def test_every_statement_prepares(file: str, rt: Runtime) -> None:
    statements = Queries(file).statements
    assert statements
    for name, held in statements.items():
        async with rt.begin(1) as tx:
            prepared = await tx.conn.prepare(held.sql)
            assert len(prepared.get_parameters()) == len(held.parameters), name


@pytest.mark.parametrize("file", FILES)
def test_every_statement_that_names_a_tenants_table_names_its_workspace(file: str) -> None:
    for name, held in Queries(file).statements.items():
        if " FROM " in f" {' '.join(held.sql.split())} " and ("_id" in held.sql or "workspaces" in held.sql):
            assert "workspace_id" in held.parameters or _of_no_workspace(held.sql), name


def _of_no_workspace(sql: str) -> bool:
    """Directory functions, sequences and locks: what there is before a workspace is named."""
    return re.search(r"FROM workspaces?_\w+\(|nextval\(|pg_advisory", sql) is not None
