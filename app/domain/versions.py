"""Profile versions: what each one changed, and any past content read back.

A version's body holds either the whole content or what differs from the version
before; every `WHOLE_EVERY`th is whole, so reading one back opens a bounded
number of rows.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from app.domain.claims import same
from app.domain.golden import EMPTY, Content, Proof, dump, load

WHOLE_EVERY = 16


def body(before: Content | None, after: Content) -> tuple[bool, bytes]:
    """(whole, body) of the version that leads from `before` to `after`; no `before` makes it whole."""
    if before is None:
        return True, orjson.dumps(dump(after))
    return False, orjson.dumps(difference(before, after))


def difference(before: Content, after: Content) -> dict[str, Any]:
    """What to set and what to unset; identifiers and records whole where they differ at all."""
    change: dict[str, Any] = {}
    traits, old = before.traits, before.proofs
    put = {n: v for n, v in after.traits.items() if n not in traits or not same(traits[n], v)}
    heard = {n: list(p) for n, p in after.proofs.items() if old.get(n) != p or n in before.renewed}
    cleared, unheard = traits.keys() - after.traits.keys(), old.keys() - after.proofs.keys()
    if put or cleared:
        change["t"] = [put, sorted(cleared)]
    if heard or unheard:
        change["p"] = [heard, sorted(unheard)]
    if list(before.identifiers) != list(after.identifiers):
        change["i"] = [[i.namespace, i.value] for i in after.identifiers]
    if list(before.records) != list(after.records):
        change["r"] = [list(record) for record in after.records]
    return change


def applied(before: Content, change: Mapping[str, Any]) -> Content:
    """The content after a change: `applied(a, difference(a, b)) == b`."""
    held = dump(before)
    for part in ("t", "p"):
        put, gone = change.get(part, ({}, ()))
        kept = {name: value for name, value in held[part].items() if name not in gone}
        held[part] = dict(sorted({**kept, **put}.items()))
    for part in ("i", "r"):
        held[part] = change.get(part, held[part])
    return load(held)


def replay(bodies: Iterable[tuple[bool, bytes]]) -> Content:
    """The content after these versions, oldest first; the first is whole."""
    content = EMPTY
    for whole, raw in bodies:
        held = orjson.loads(raw)
        content = load(held) if whole else applied(content, held)
    return content


def changed_traits(before: Content, after: Content) -> dict[str, tuple[Any, Any]]:
    """Name to (old, new) of every trait that differs, for a person to read."""
    names = before.traits.keys() | after.traits.keys()
    return {
        name: (before.traits.get(name), after.traits.get(name))
        for name in sorted(names)
        if not same(before.traits.get(name), after.traits.get(name))
    }


__all__ = ["EMPTY", "WHOLE_EVERY", "Proof", "applied", "body", "changed_traits", "difference", "replay"]
