"""What went wrong: people who hold more than one entity with the links that did it, and entities that were torn."""

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias, TypeVar

from app.domain import because
from app.domain.evaluate.people import People
from app.domain.evaluate.scores import Scores
from app.identity.cluster import Tie

K = TypeVar("K", bound=Hashable)

Labels: TypeAlias = Sequence[str | None]
"""Each record's entity by its place, None where the truth names none."""

_TORN: Final = {
    "review": "The model was not sure enough; they wait for a person's word.",
    "low": "The model scored them too low to ask about.",
    "never_compared": "They share no identifier and no live blocking key, so they were never compared.",
    "unknown": "The model scored them too low to ask about, or they were never compared.",
    "nothing_shared": "They share no identifier, and no model compared them.",
}


class Scored(NamedTuple):
    """Two records by their places, and their score in log2 Bayes factors."""

    a: int
    b: int
    bits: float


@dataclass(frozen=True, slots=True)
class FalseUnion:
    """A person who holds records of more than one entity. `wrong` counts pairs; `links` are those that joined records
    of two entities, none where only records that the truth does not name stand between."""

    records: tuple[int, ...]
    entities: int
    wrong: int
    links: tuple[Tie, ...]


@dataclass(frozen=True, slots=True)
class Torn:
    """An entity in more than one person, the largest part first. `missed` counts pairs; `refused` is the strongest link
    between two parts, `best` their best score; `why` says which of it kept them apart."""

    parts: tuple[tuple[int, ...], ...]
    missed: int
    refused: Tie | None
    best: Scored | None
    why: str


@dataclass(frozen=True, slots=True)
class Mistakes:
    """All mistakes, the worst first. `through` counts the links of false unions by kind, `why` the torn entities."""

    unions: list[FalseUnion]
    torn: list[Torn]

    @property
    def through(self) -> Counter[str]:
        return Counter(kind(link) for union in self.unions for link in union.links)

    @property
    def why(self) -> Counter[str]:
        return Counter(each.why for each in self.torn)


def kind(tie: Tie) -> str:
    """The namespace of a shared identifier, else `match`."""
    return tie.identifier.namespace if tie.identifier is not None else tie.kind


def said_of(why: str) -> str:
    """Why an entity was torn, as a sentence."""
    which, _, namespace = why.partition(":")
    if which == "generic":
        return f"They share a {namespace} that too many records carry for it to point at one person."
    return _TORN.get(why) or because.refusal(why)


def mistakes(found: People, labels: Labels, scores: Scores | None) -> Mistakes:
    """Every mistake of a partition. Without `scores` no model was used."""
    clusters = [found.clusters[each.row.id] for each in found.members]
    unions = sorted(_unions(found.ties, clusters, labels), key=lambda each: (-each.wrong, each.records))
    torn = sorted(_torn(found, clusters, labels, scores), key=lambda each: (-each.missed, each.parts))
    return Mistakes(unions, torn)


def _unions(ties: Iterable[Tie], clusters: Sequence[int], labels: Labels) -> Iterator[FalseUnion]:
    held = {
        cluster: ids
        for cluster, ids in _gathered(zip(clusters, labels, strict=True)).items()
        if len({labels[id] for id in ids}) > 1
    }
    links: dict[int, list[Tie]] = defaultdict(list)
    for tie in ties:
        if tie.refused is None and clusters[tie.a] in held and _are_two(labels[tie.a], labels[tie.b]):
            links[clusters[tie.a]].append(tie)
    for cluster, ids in held.items():
        entities = Counter(labels[id] for id in ids)
        wrong = _pairs(len(ids)) - sum(map(_pairs, entities.values()))
        yield FalseUnion(tuple(ids), len(entities), wrong, tuple(links[cluster]))


def _torn(found: People, clusters: Sequence[int], labels: Labels, scores: Scores | None) -> Iterator[Torn]:
    entities = _gathered((label or "", label) for label in labels)
    held = {entity: ids for entity, ids in entities.items() if len({clusters[id] for id in ids}) > 1}

    def torn_by(a: int, b: int) -> str | None:
        """The entity that both are of, in two clusters."""
        entity = labels[a]
        return entity if entity is not None and entity == labels[b] and clusters[a] != clusters[b] else None

    refused: dict[str, Tie] = {}
    for tie in found.ties:
        entity = torn_by(tie.a, tie.b) if tie.refused is not None else None
        if entity is not None:
            refused.setdefault(entity, tie)
    best: dict[str, Scored] = {}
    low = scores.low.items() if scores is not None else ()
    for a, b, bits in (*((p.a, p.b, p.score) for p in found.pairs), *((*pair, bits) for pair, bits in low)):
        entity = torn_by(a, b)
        if entity is not None and (entity not in best or bits > best[entity].bits):
            best[entity] = Scored(a, b, bits)
    for entity, ids in held.items():
        parts: dict[int, list[int]] = defaultdict(list)
        for id in ids:
            parts[clusters[id]].append(id)
        missed = _pairs(len(ids)) - sum(_pairs(len(part)) for part in parts.values())
        order = sorted((tuple(part) for part in parts.values()), key=lambda part: (-len(part), part))
        why = _why(found, order, refused.get(entity), best.get(entity), scores)
        yield Torn(tuple(order), missed, refused.get(entity), best.get(entity), why)


def _why(
    found: People, parts: Sequence[Sequence[int]], refused: Tie | None, best: Scored | None, scores: Scores | None
) -> str:
    if refused is not None and refused.refused is not None:
        return refused.refused
    if scores is not None and best is not None and not scores.is_low(best.bits):
        return "review"
    carried = Counter(held for part in parts for held in {i for id in part for i in found.members[id].identifiers})
    if generic := min((held for held, many in carried.items() if many > 1 and held in found.generic), default=None):
        return f"generic:{generic.namespace}"
    if scores is None:
        return "nothing_shared"
    if best is not None:
        return "low"
    return "never_compared" if scores.whole else "unknown"


def _gathered(pairs: Iterable[tuple[K, str | None]]) -> Mapping[K, list[int]]:
    """The labelled records by their place under what each has first."""
    found: dict[K, list[int]] = defaultdict(list)
    for id, (key, label) in enumerate(pairs):
        if label is not None:
            found[key].append(id)
    return found


def _are_two(one: str | None, other: str | None) -> bool:
    return one is not None and other is not None and one != other


def _pairs(many: int) -> int:
    return many * (many - 1) // 2
