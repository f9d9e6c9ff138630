"""What a split by hand would give: made by the product's own act, looked at, and taken back before anybody sees it."""

from collections.abc import Sequence

from app.core.ids import PublicIds
from app.core.runtime import Runtime
from app.demo.reading import Person, Reader
from app.domain import decide, keys
from app.domain.contention import retried
from app.domain.lookup import ByRecord, lookup
from app.domain.profiles import RecordName
from app.domain.workspaces import Workspace


async def would_be(rt: Runtime, workspace: Workspace, stays: RecordName, goes: Sequence[RecordName]) -> list[Person]:
    """The people who would come of parting `goes` from the profile that holds `stays`; nobody where they are not in
    one profile. Others who write about these people wait meanwhile; nothing of it is kept."""

    async def once() -> list[Person]:
        async with rt.begin(workspace.id) as tx:
            keyring = await keys.keyring(rt, tx)
            (held,) = await lookup(tx, keyring, [ByRecord(stays.source, stays.key)])
            if held is None or not set(goes) <= set(held.records):
                return []
            await tx.conn.execute("SAVEPOINT trial")
            await decide.split(tx, keyring, held.id, goes, by="demo", now=rt.now())
            people = await Reader(tx, keyring, PublicIds(workspace.salt)).people(stays, *goes)
            await tx.conn.execute("ROLLBACK TO SAVEPOINT trial")
            return people

    return await retried(once)
