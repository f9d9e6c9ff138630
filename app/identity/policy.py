"""The identity policy: how strong each namespace is, how much of it one person may hold, and what identifies nobody.

Versioned data, not code: the partition is a function of the records, the
decisions, this policy and the matching model, and of nothing else.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

MAX_CLUSTER = 500
"""Records one profile may hold; a link that would pass it is refused and kept."""

MAX_COMPONENT = 2_000
"""Records that may hang together over all links, refused ones included; beyond it new links are held back."""


@dataclass(frozen=True, slots=True)
class NamespaceRule:
    """`priority`: stronger first. `max_values`: distinct values one profile may hold.
    `max_records`: carried by more distinct records than this, an identifier is generic and links nobody."""

    priority: int
    max_values: int
    max_records: int

    def __post_init__(self) -> None:
        assert self.max_values >= 1, self
        assert 1 <= self.max_records <= 1000, self


EXTERNAL_ID = NamespaceRule(priority=70, max_values=5, max_records=12)
"""A namespace without a rule of its own: a customer number of some system."""

EDITED_RECORD = "edited_record"
"""The namespace that ties an edit made by hand to the record it was made on. No source may claim it."""

NAMESPACES: Mapping[str, NamespaceRule] = {
    EDITED_RECORD: NamespaceRule(priority=1000, max_values=1000, max_records=1000),
    "user_id": NamespaceRule(priority=100, max_values=1, max_records=50),
    "email": NamespaceRule(priority=60, max_values=5, max_records=12),
    "phone": NamespaceRule(priority=50, max_values=5, max_records=12),
    "anonymous_id": NamespaceRule(priority=20, max_values=100, max_records=8),
    "device_id": NamespaceRule(priority=10, max_values=20, max_records=8),
}


@dataclass(frozen=True, slots=True)
class Vetoes:
    """What keeps two records apart although a link would join them; each can be switched off.

    `one_per_person`: two records of a source that has one for each person. `birthday`: dates of birth that differ by
    more than a typing error. `first_name`: first names that are no spelling, nickname or initial of each other. Only a
    link that is strong by itself overrides the last two: an identifier of a namespace above `weak_priority` (addresses,
    cards and numbers are shared in households, an account is not), or a match so many bits above the automatic
    threshold: `birthday_margin`, and `first_name_margin`, which is larger, for twins have all but the name in common.
    """

    one_per_person: bool = True
    birthday: bool = True
    first_name: bool = True
    weak_priority: int = 90
    birthday_margin: float = 4.0
    first_name_margin: float = 12.0


@dataclass(frozen=True, slots=True)
class Matching:
    """Whether records without a shared identifier are compared, and by what.

    `model`: 0 is the shipped one, others are versions that this workspace trained. `automatic` and `review` are scores
    in log2 Bayes factors, at or above which a pair is linked, or shown to a person; None takes the model's own.
    """

    on: bool = True
    model: int = 0
    automatic: float | None = None
    review: float | None = None

    def __post_init__(self) -> None:
        assert self.automatic is None or self.review is None or self.review <= self.automatic, self


@dataclass(frozen=True, slots=True)
class Policy:
    """One version of a workspace's policy. `blocked_values` and `blocked_patterns` add to the shipped list."""

    version: int = 1
    namespaces: Mapping[str, NamespaceRule] = field(default_factory=lambda: NAMESPACES)
    otherwise: NamespaceRule = EXTERNAL_ID
    blocked_values: Mapping[str, frozenset[str]] = field(default_factory=dict)
    blocked_patterns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    email_rules: str = "exact"
    max_cluster: int = MAX_CLUSTER
    max_component: int = MAX_COMPONENT
    vetoes: Vetoes = Vetoes()
    matching: Matching = Matching()

    def rule(self, namespace: str) -> NamespaceRule:
        return self.namespaces.get(namespace, self.otherwise)
