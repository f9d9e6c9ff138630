"""The oracle's vetoes: what the records on two sides of a link say that one person cannot be.

A word is a set of records that are proven to be one person, so that each of the
values which they give is one of hers. Two words contradict each other when none
of the values of one can be a value of the other.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, TypeAlias

from app.identity.policy import Policy
from tests.properties.cast import one_day, one_name, written
from tests.properties.records import Record

Words: TypeAlias = tuple[tuple[Record, ...], ...]


class Proof(IntEnum):
    """What a link proves by itself: nothing that a household could not share; that a date of birth was written wrong;
    that she goes by another name as well; whatever a person says."""

    WEAK, LIKELY, STRONG, DECIDED = range(4)


@dataclass(frozen=True, eq=False)
class Side:
    """The records of a cluster, the words of their names and of their birthdays, and how many values of a namespace
    a decision has allowed them."""

    members: tuple[Record, ...]
    names: Words
    birthdays: Words
    pardon: dict[str, int]


def alone(record: Record) -> Side:
    word = ((record,),)
    return Side((record,), word, word, {})


def together(one: Side, other: Side, proof: Proof, values: Collection[tuple[str, str]], policy: Policy) -> Side:
    """Two sides that a link has united."""
    members = one.members + other.members
    whole = (members,)
    pardon = {name: max(one.pardon.get(name, 0), other.pardon.get(name, 0)) for name in one.pardon | other.pardon}
    if proof is Proof.DECIDED:
        held = counted(members, values)
        pardon |= {name: many for name, many in held.items() if many > policy.rule(name).max_values}
    return Side(
        members,
        whole if proof >= Proof.STRONG else one.names + other.names,
        whole if proof >= Proof.LIKELY else one.birthdays + other.birthdays,
        pardon,
    )


def counted(members: Iterable[Record], values: Collection[tuple[str, str]]) -> dict[str, int]:
    """How many distinct values the members hold, by namespace."""
    held = {i for record in members for i in record.identifiers if i in values}
    return {namespace: sum(n == namespace for n, _ in held) for namespace, _ in held}


def too_many(one: Side, other: Side, values: Collection[tuple[str, str]], policy: Policy) -> str | None:
    for name, held in sorted(counted(one.members + other.members, values).items()):
        if held > max(policy.rule(name).max_values, one.pardon.get(name, 0), other.pardon.get(name, 0)):
            return f"max_values:{name}"
    return None


def vetoed(one: Side, other: Side, proof: Proof, policy: Policy, single: Collection[str]) -> str | None:
    """`single`: sources that have one record for each person."""
    rules = policy.vetoes
    if rules.birthday and proof < Proof.LIKELY and contradict(one.birthdays, other.birthdays, birthday, one_day):
        return "veto:birthday"
    if rules.first_name and proof < Proof.STRONG and contradict(one.names, other.names, full_name, one_name):
        return "veto:first_name"
    if rules.one_per_person and any(
        a.name[0] == b.name[0] and a.name[0] in single for a in one.members for b in other.members
    ):
        return "veto:one_per_person"
    return None


def contradict(one: Words, other: Words, fact: Callable[[Record], Any], may_be: Callable[[Any, Any], bool]) -> bool:
    for mine in one:
        for theirs in other:
            left, right = told(mine, fact), told(theirs, fact)
            if left and right and not any(may_be(a, b) for a in left for b in right):
                return True
    return False


def told(records: Iterable[Record], fact: Callable[[Record], Any]) -> Sequence[Any]:
    return [value for record in records if (value := fact(record)) is not None]


def birthday(record: Record) -> Any:
    return record.said("birthday")


def full_name(record: Record) -> tuple[str, str] | None:
    first, last, full = (record.said(trait) for trait in ("first_name", "last_name", "name"))
    family = written(last) if last is not None else ""
    if first is not None:
        return written(first), family
    if full is not None:
        given, _, rest = written(full).partition(" ")
        return given, rest
    return None
