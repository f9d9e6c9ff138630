"""Which column says what: told by the user, and guessed only where a column has the very name of a trait."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from app.core.errors import Refused
from app.domain.catalog import BUILT_IN
from app.domain.evaluate.labelled import CLUSTER, ID, Columns, one_of
from app.domain.record_rules import RESERVED_NAMESPACES
from app.domain.trait_names import trait_name
from app.identity.identifier import namespace
from app.identity.policy import NAMESPACES

OBJECTS: Final[Mapping[str, tuple[str, ...]]] = {
    trait.name: ("street", "city", "postal_code", "state", "country") for trait in BUILT_IN if trait.type == "object"
}
"""Traits that are objects, with their parts."""

TRAITS: Final = frozenset(trait.name for trait in BUILT_IN) - OBJECTS.keys()
SPACES: Final = frozenset(NAMESPACES) - RESERVED_NAMESPACES - TRAITS


@dataclass(frozen=True, slots=True)
class Mapped:
    """The mapping that is used, and the columns that say nothing in it."""

    columns: Columns
    unused: tuple[str, ...]


def mapped(
    held: Sequence[str],
    traits: Iterable[str] = (),
    identifiers: Iterable[str] = (),
    *,
    id: str | None = None,
    source: str | None = None,
    guess: bool = True,
    reads: Collection[str] = (),
) -> Mapped:
    """Read `trait=column[+column...]` and `namespace=column[+column...]` for a file with these columns. Raises Refused.

    With `guess`, a column that was given no meaning and is called like a built-in trait, a namespace of the policy or
    a trait that the model `reads` is that.
    """
    key = _there(id, held, "--id-column") if id is not None else one_of(ID, held)
    if key is None:
        raise Refused(f"Say which column holds the id of a record: --id-column NAME. There are {', '.join(held)}.")
    origin = _there(source, held, "--source-column") if source is not None else one_of(("source",), held)
    told = _pairs(traits, held, "--map", _trait)
    spaces = _pairs(identifiers, held, "--identifier", _namespace)
    taken = {key, origin, *(c for each in (*told.values(), *spaces.values()) for c in each)}
    # A truth beside the data in one file must not be mistaken for what the records say.
    taken.add(one_of(CLUSTER, held))
    known = TRAITS.union(reads) - OBJECTS.keys()
    for column in held if guess else ():
        if column not in taken:
            name = trait_name(column.replace(".", " "))
            if name in known and name not in told:
                told[name] = (column,)
            elif name in SPACES and name not in spaces:
                spaces[name] = (column,)
            else:
                continue
            taken.add(column)
    if not told and not spaces:
        raise Refused(f"Say what the columns mean: --map trait=column. There are {', '.join(held)}.")
    as_in_file = dict(sorted(told.items(), key=lambda each: held.index(each[1][0])))
    return Mapped(Columns(as_in_file, spaces, key, origin), tuple(column for column in held if column not in taken))


def _trait(name: str) -> str:
    """The canonical name, `whole.part` for a part of an object."""
    whole, dot, part = name.partition(".")
    canonical, inside = trait_name(whole), trait_name(part) if dot else ""
    if canonical is None or inside is None:
        raise Refused(f"--map {name}=...: a trait's name has letters, digits and _, such as first_name.")
    if canonical in OBJECTS and not inside:
        parts = ", ".join(f"{canonical}.{each}" for each in OBJECTS[canonical])
        raise Refused(f"{canonical} has parts: map {parts}, each to its columns.")
    if inside and canonical in TRAITS:
        raise Refused(f"--map {name}=...: {canonical} has no parts; map {canonical} itself.")
    return f"{canonical}.{inside}" if inside else canonical


def _namespace(name: str) -> str:
    canonical = namespace(name)
    if canonical is None or canonical in RESERVED_NAMESPACES:
        raise Refused(f"--identifier {name}=...: a namespace is a word of its own, such as loyalty_card.")
    return canonical


def _pairs(
    said: Iterable[str], held: Sequence[str], option: str, read: Callable[[str], str]
) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for pair in said:
        name, equals, columns = (part.strip() for part in pair.partition("="))
        if not (name and equals and columns):
            kind = "trait" if option == "--map" else "namespace"
            raise Refused(f"{option} {pair} is no pair; write {option} {kind}=column.")
        # A column may have a plus in its name.
        parts = (columns,) if columns in held else tuple(part.strip() for part in columns.split("+"))
        for column in parts:
            if column not in held and name in held:
                raise Refused(f"There is no column {column!r}; the column stands last: {option} {column}={name}.")
            _there(column, held, option)
        canonical = read(name)
        if canonical in found:
            raise Refused(f"{option} {name}=... is given twice; name all its columns in one: {name}=one+other.")
        found[canonical] = parts
    return found


def _there(column: str, held: Sequence[str], option: str) -> str:
    if column not in held:
        raise Refused(f"{option}: there is no column {column!r}. There are {', '.join(held)}.")
    return column
