"""The identity policy of a workspace: what is stored adds to, or replaces, the default policy's entries."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

import orjson

from app.core.crypto.keyring import Keyring
from app.core.errors import Fault, NotFound, Refused, Stale
from app.core.sql import Queries, Tx
from app.domain import models, refreshes
from app.identity.blocked import folded
from app.identity.policy import (
    EXTERNAL_ID,
    MAX_CLUSTER,
    MAX_COMPONENT,
    NAMESPACES,
    Matching,
    NamespaceRule,
    Policy,
    Vetoes,
)

BLOCKED = ("blocked_values", "blocked_patterns")

_policies = Queries("policies")
_matching = Queries("matching")


async def in_force(tx: Tx, keyring: Keyring) -> Policy:
    """The newest version of the workspace's policy, or the default one."""
    row = await _policies.row(tx, "in_force")
    if row is None:
        return Policy()
    blocked = orjson.loads(keyring.open(row["blocked"], "policies", "blocked", row["version"]))
    return from_body(row["version"], {**row["body"], **blocked})


async def at(tx: Tx, keyring: Keyring, version: int) -> Policy:
    """One version, in force or not; 1 is the default policy that every workspace begins with. Raises NotFound."""
    row = await _policies.row(tx, "at", version=version)
    if row is not None:
        blocked = orjson.loads(keyring.open(row["blocked"], "policies", "blocked", version))
        return from_body(version, {**row["body"], **blocked})
    if version == Policy().version:
        return Policy()
    raise NotFound(f"There is no version {version} of the policy; list them with GET /v1/policy/versions.")


async def versions(tx: Tx, *, before: int, many: int) -> list[tuple[int, datetime | None]]:
    """(version, since when) of the versions below `before`, the newest first. The default one has no date."""
    rows = await _policies.rows(tx, "versions", before=before, many=many)
    found = [(row["version"], row["created_at"]) for row in rows]
    first = Policy().version
    if len(found) < many and before > first and all(version != first for version, _ in found):
        found.append((first, None))
    return found


async def roll_back(tx: Tx, keyring: Keyring, seen: int | None, to: int | None, *, now: datetime) -> Policy:
    """Put an earlier version, else the one before, in force again as a new version. Raises Stale, NotFound."""
    if seen is None:
        seen = (await in_force(tx, keyring)).version
    if to is None:
        if seen <= Policy().version:
            raise NotFound("There is no version before the first one.")
        to = seen - 1
    return await put(tx, keyring, seen, await at(tx, keyring, to), now=now)


def from_body(version: int, body: Mapping[str, Any]) -> Policy:
    rules = {name: NamespaceRule(**rule) for name, rule in body.get("namespaces", {}).items()}
    otherwise = body.get("otherwise")
    return Policy(
        version,
        {**NAMESPACES, **rules},
        EXTERNAL_ID if otherwise is None else NamespaceRule(**otherwise),
        blocked_values={name: folded(values) for name, values in body.get("blocked_values", {}).items()},
        blocked_patterns={name: tuple(globs) for name, globs in body.get("blocked_patterns", {}).items()},
        max_cluster=body.get("max_cluster", MAX_CLUSTER),
        max_component=body.get("max_component", MAX_COMPONENT),
        vetoes=Vetoes(**body.get("vetoes", {})),
        matching=Matching(**body.get("matching", {})),
    )


def to_body(policy: Policy) -> dict[str, Any]:
    """A policy as data, every namespace rule named."""
    return {
        "namespaces": {
            name: {"priority": r.priority, "max_values": r.max_values, "max_records": r.max_records}
            for name, r in policy.namespaces.items()
        },
        "otherwise": {
            "priority": policy.otherwise.priority,
            "max_values": policy.otherwise.max_values,
            "max_records": policy.otherwise.max_records,
        },
        "blocked_values": {name: sorted(values) for name, values in policy.blocked_values.items()},
        "blocked_patterns": {name: list(globs) for name, globs in policy.blocked_patterns.items()},
        "max_cluster": policy.max_cluster,
        "max_component": policy.max_component,
        "vetoes": asdict(policy.vetoes),
        "matching": asdict(policy.matching),
    }


async def put(tx: Tx, keyring: Keyring, seen: int, policy: Policy, *, now: datetime) -> Policy:
    """Make a policy the one in force, if `seen` is still the version in force; every profile is derived again.

    Raises Stale when somebody else has changed it meanwhile, Refused for a matching model that there is not. Where
    matching is off, what was known for it is deleted: nobody needs it, and it would be wrong when it is on again.
    """
    held = await in_force(tx, keyring)
    if held.version != seen:
        raise Stale(f"The policy is at version {held.version} by now; read it again and repeat.")
    if not await models.exists(tx, policy.matching.model):
        unknown = models.unknown(policy.matching.model)
        raise Refused(unknown, code="unknown_model", faults=[Fault("/matching/model", "unknown_model", unknown)])
    await refreshes.request(tx, "policy", now=now)
    if not policy.matching.on:
        await _forget_matching(tx)
    await store(tx, keyring, seen + 1, policy, now=now)
    return await in_force(tx, keyring)


async def store(tx: Tx, keyring: Keyring, version: int, policy: Policy, *, now: datetime) -> None:
    """Write one version: limits in the clear, blocked values sealed. Raises Stale where that version exists."""
    body = to_body(policy)
    blocked = orjson.dumps({name: body.pop(name) for name in BLOCKED})
    sealed = keyring.seal(blocked, "policies", "blocked", version)
    if await _policies.value(tx, "put", version=version, body=body, blocked=sealed, now=now) is None:
        raise Stale("The policy was changed at the same moment; read it again and repeat.")


async def _forget_matching(tx: Tx) -> None:
    """Delete what records are compared by, where they meet, how they scored and what waits for a person of that."""
    for name in ("forget_features", "forget_keys", "forget_pairs", "forget_reviews"):
        await _matching.run(tx, name)
