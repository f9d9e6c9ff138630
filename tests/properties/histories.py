"""Histories: what a handful of sources may send about a handful of people, with small pools so that they collide, and
what somebody decides meanwhile."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import strategies as st

from app.domain.catalog import Trait
from app.domain.deliveries import Kind
from app.identity.policy import Matching, NamespaceRule, Policy, Vetoes
from tests.make import Message, minute
from tests.properties.acts import Act, Switch, acts
from tests.properties.cast import CAST, FAMILY, FIRST_NAMES, HOME, LAST_NAMES, SHOP, WORK, Person

PRIORITIES = {"crm": 10, "shop": 5, "web": 5, "club": 7}
SINGLE = frozenset({"club"})
"""The source that keeps one record for each person."""

DEFINED = (
    Trait("visits", "integer", "personal", "sum"),
    Trait("tags", "list", "public", "union"),
    Trait("tier", "string", "public", "most_frequent"),
    Trait("best", "integer", "public", "max"),
    Trait("least", "integer", "personal", "min"),
    Trait("owner", "string", "personal", "source_priority"),
)
RULES = {trait.name: trait.rule for trait in DEFINED} | {"created_at": "earliest"}
PUBLIC = frozenset({trait.name for trait in DEFINED if trait.class_ == "public"} | {
    "country", "locale", "timezone", "created_at", "plan",
})  # fmt: skip

POOLS: dict[str, list[Any]] = {
    "user_id": ["u1", "u2", "u3"],
    "email": ["ann@mail.example", "bob@mail.example", SHOP, FAMILY],
    "phone": [HOME, WORK],
    "anonymous_id": ["a1", "a2", "a3"],
    "device_id": ["till-1", "d1", "d2"],
    "loyalty_card": ["9", "10", "null"],
}

VALUES: dict[str, list[Any]] = {
    "email": POOLS["email"][:3],
    "phone": POOLS["phone"],
    "first_name": FIRST_NAMES,
    "last_name": LAST_NAMES,
    "name": ["Ann Weber", "Bob Lee", "Nancy Weber"],
    "plan": ["free", "pro"],
    "created_at": ["2020-01-01T00:00:00Z", "2021-01-01T00:00:00Z"],
    "visits": [1, 2, 40],
    "tags": [["a"], ["b", "a"], ["c"]],
    "tier": ["gold", "tin"],
    "best": [1, 2, 3],
    "least": [1, 2, 3],
    "owner": ["eve", "kim"],
    "shoe": [41, "41", True],
}

SMALL = Policy(
    2,
    {
        "user_id": NamespaceRule(100, 1, 4),
        "email": NamespaceRule(60, 2, 3),
        "phone": NamespaceRule(50, 1, 2),
        "anonymous_id": NamespaceRule(20, 2, 3),
        "device_id": NamespaceRule(10, 2, 2),
        "loyalty_card": NamespaceRule(70, 1, 2),
    },
    blocked_values={"email": frozenset({SHOP})},
    blocked_patterns={"device_id": ("till-*",)},
    max_cluster=4,
    matching=Matching(on=False),
)
WIDE = replace(SMALL, namespaces={**Policy().namespaces, "loyalty_card": Policy().otherwise}, max_cluster=500)

vetoes = st.one_of(
    st.just(Vetoes()),
    st.builds(
        Vetoes,
        *[st.sampled_from([True, True, False])] * 3,
        weak_priority=st.sampled_from([10, 60, 100]),
        birthday_margin=st.sampled_from([0.0, 4.0, 8.0]),
        first_name_margin=st.sampled_from([2.0, 8.0, 20.0]),
    ),
)


wide = st.builds(replace, st.just(WIDE), vetoes=vetoes)


def policies() -> st.SearchStrategy[Policy]:
    """The policy of every day, or one so narrow that a few records reach its limits."""
    return st.one_of(st.just(SMALL), narrow(10, 50, 100), wide)


def narrow(*priorities: int) -> st.SearchStrategy[Policy]:
    rules = st.builds(NamespaceRule, st.sampled_from(priorities), st.integers(1, 3), st.sampled_from([3, 4, 2, 1]))
    return st.builds(
        lambda namespaces, size, apart: replace(SMALL, namespaces=namespaces, max_cluster=size, vetoes=apart),
        st.fixed_dictionaries(dict.fromkeys(POOLS, rules)),
        st.integers(2, 5),
        vetoes,
    )


minutes = st.integers(0, 6)
pairs = st.sampled_from([(namespace, value) for namespace, values in POOLS.items() for value in values])
chances = st.dictionaries(st.sampled_from(list(VALUES)), st.integers(-2, 2), max_size=3).map(
    lambda drawn: {name: _value(name, number) for name, number in drawn.items()}
)


def _value(name: str, number: int) -> Any:
    """Now and then null, which clears, or blank, which says nothing."""
    if number < 0:
        return None if number == -1 else ""
    return VALUES[name][number % len(VALUES[name])]


USUAL = [("first_name", "last_name"), ("first_name", "last_name", "birthday"), ("birthday", "email"), ("phone",)]
"""What systems ask for together."""


@st.composite
def portraits(draw: st.DrawFn, cast: Sequence[Person] = CAST) -> dict[str, Any]:
    """What a system holds of one of the cast: some of it, written in one of the ways in which she is written."""
    who = draw(st.sampled_from(cast))
    first, last = draw(st.sampled_from(who.names))
    said = {
        "first_name": first,
        "last_name": last,
        "birthday": draw(st.sampled_from(who.birthdays)),
        "email": draw(st.sampled_from(who.emails)),
        "phone": draw(st.sampled_from(who.phones)),
        "city": who.city,
        "postal_code": who.zip,
    }
    kept = draw(st.sets(st.sampled_from(sorted(said)), min_size=1)) | set(draw(st.sampled_from(USUAL)))
    return {name: said[name] for name in sorted(kept)}


traits = st.one_of(chances, portraits(), portraits())


@st.composite
def looks(draw: st.DrawFn) -> dict[str, Any]:
    """What tells who somebody is without a word of how to reach them, mostly; of a few people, so that they are met
    again."""
    said = {name: value for name, value in draw(portraits(CAST[:2])).items() if name not in ("email", "phone")}
    return said if draw(st.integers(0, 4)) else {**said, "birthday": None}


@st.composite
def records(draw: st.DrawFn, traits: st.SearchStrategy[dict[str, Any]] = traits) -> Message:
    said: dict[str, Any] = {"key": draw(st.sampled_from(["1", "2", "3", "4"]))}
    source = draw(st.sampled_from(["crm", "shop", "club"]))
    at = draw(st.one_of(minutes, st.none()))
    if at is not None:
        said["observed_at"] = minute(at).isoformat()
    if draw(st.integers(0, 5)) == 5:
        return Message(source, Kind.RECORD, {**said, "deleted": True}, draw(received), "")
    said["traits"] = draw(traits)
    listed = draw(st.one_of(st.none(), st.lists(pairs, max_size=3)))
    if listed is not None:
        said["identifiers"] = [{"namespace": namespace, "value": value} for namespace, value in listed]
    return Message(source, Kind.RECORD, said, draw(received), "")


@st.composite
def events(draw: st.DrawFn) -> Message:
    said: dict[str, Any] = {"type": draw(st.sampled_from(["track", "identify", "alias", "page"]))}
    user, device = draw(
        st.sampled_from([("u1", None), (None, "a1"), ("u1", "a1"), ("u2", "a1"), ("u2", "a2"), (None, "a2"),
                         ("u3", "a3"), ("null", "a3"), ("null", None)])
    )  # fmt: skip
    if said["type"] == "track":
        said["event"] = "Looked"
    if said["type"] == "alias":
        said["previousId"], user = draw(st.sampled_from(POOLS["anonymous_id"])), user or "u1"
    said |= {name: value for name, value in (("userId", user), ("anonymousId", device)) if value is not None}
    if said["type"] == "identify":
        said["traits"] = draw(traits)
    outside = draw(st.lists(pairs, max_size=1))
    if outside:
        said["context"] = {"externalIds": [{"type": name, "id": value} for name, value in outside]}
    said["timestamp"] = minute(draw(minutes)).isoformat()
    return Message("web", Kind.EVENT, said, draw(received), "")


received = st.sampled_from([minute(-4), minute(3), minute(60)])
"""Some receive before what they say happened: a clock that runs ahead is clamped."""


@dataclass(frozen=True)
class History:
    """Messages under the policy that gives them their meaning, and the batches in which they came: in any order, some
    of them again, as themselves or under a new id. `sizes` are the pipeline's own batches, `acts` what somebody does
    after each batch; a new policy among them is the one that holds at the end."""

    policy: Policy
    batches: tuple[tuple[Message, ...], ...]
    sizes: tuple[int, ...]
    acts: tuple[tuple[Act, ...], ...] = ()

    @property
    def messages(self) -> list[Message]:
        return [message for batch in self.batches for message in batch]


@st.composite
def histories(draw: st.DrawFn, *, most: int = 12) -> History:
    many = draw(st.integers(1, most))
    each = st.one_of(records(), records(), records(), events())
    return _sent(draw, draw(st.lists(each, min_size=many, max_size=many)), draw(policies()))


@st.composite
def likenesses(draw: st.DrawFn, *, most: int = 12) -> History:
    """A history of people who are known by what they are called and when they were born."""
    many = draw(st.integers(1, most))
    each = st.one_of(records(looks()), records(looks()), records(looks()), records())
    return _sent(draw, draw(st.lists(each, min_size=many, max_size=many)), draw(st.one_of(wide, wide, policies())))


def _sent(draw: st.DrawFn, messages: Sequence[Message], policy: Policy) -> History:
    """The messages as they come in: in any order, some again, cut into batches."""
    sent = _numbered(messages)
    again = draw(st.lists(st.sampled_from(sent), max_size=3))
    renamed = [replace(m, id=f"{m.id}-again") if draw(st.booleans()) else m for m in again]
    order = draw(st.permutations([*sent, *renamed]))
    cuts = [0, *sorted(draw(st.sets(st.integers(1, len(order)), max_size=5))), len(order)]
    cut = [tuple(order[a:b]) for a, b in itertools.pairwise(cuts) if a < b]
    sizes = [draw(st.sampled_from([1, 2, 1000])) for _ in cut]
    return History(policy, tuple(cut), tuple(sizes))


@st.composite
def decided(draw: st.DrawFn, told: st.SearchStrategy[History] | None = None, *, most: int = 12) -> History:
    """A history in which people are decided on, and decisions revoked, at any instant."""
    history = draw(histories(most=most) if told is None else told)
    names = sorted({(m.source, m.said["key"]) for m in history.messages if "key" in m.said})
    if len(names) < 2:
        return history
    done = [tuple(draw(st.lists(acts(names), max_size=3))) for _ in history.batches]
    return replace(history, acts=tuple(done))


matchings = st.builds(
    Matching,
    model=st.sampled_from([0, 1]),
    automatic=st.sampled_from([None, 6.0, 14.0]),
    review=st.sampled_from([None, -4.0, 6.0]),
)
"""Matching by the shipped model, or by one of the workspace's own."""


@st.composite
def ruled(draw: st.DrawFn, *, most: int = 12) -> History:
    """A history of people who are matched and decided on, in which the rules change now and then."""
    history = draw(decided(likenesses(most=most)))
    policy = replace(history.policy, matching=draw(matchings))
    acts = list(history.acts or ((),) * len(history.batches))
    for place in draw(st.lists(st.integers(0, len(acts) - 1), max_size=2)):
        rules = draw(st.one_of(matchings, st.just(Matching(on=False))))
        acts[place] += (Switch(replace(draw(policies()), namespaces=policy.namespaces, matching=rules)),)
    return replace(history, policy=policy, acts=tuple(acts))


lives = st.one_of(decided(), ruled())
"""Whatever may happen."""


def _numbered(messages: Sequence[Message]) -> tuple[Message, ...]:
    return tuple(replace(message, id=f"h{number}") for number, message in enumerate(messages))
