"""What a replay counted, and where it differs. Ids only: a difference never shows a value."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

FIRST = 5
"""How many differences of each kind are named; all of them are counted."""

KINDS = {
    "no_fate": "a message that neither waits nor has a fate",
    "two_fates": "a message that has a fate and waits still",
    "no_entry": "a fate, a waiting message or an event whose log entry is gone",
    "no_reason": "a message that was set aside, and nothing says why",
    "no_record": "a message applied to a record that is not there",
    "unreadable": "sealed words that do not open",
    "unread": "a message applied once that cannot be read any more",
    "wrong_record": "a message applied to another record than it speaks of",
    "state": "a record that is not what its messages say",
    "identifiers": "a record with other identifiers in the index than it carries",
    "events": "a record with other events than its messages tell",
    "component": "a record in another component than its links reach",
    "membership": "a record in another profile than the policy says",
    "links": "a component whose links are not those that the policy makes",
    "golden": "a profile that is not what its records say",
    "classes": "a profile with a trait in the clear that is not public, or sealed that is",
    "no_profile": "a live record without its profile, or a live profile without records",
    "versions": "a profile whose versions have a gap or end elsewhere",
    "history": "a profile whose versions do not lead to what it says now",
    "folded": "a profile whose versions do not lead to the records it holds",
}


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference: its kind, and the id of what differs (`record 17`, `message 4`, `profile 17`)."""

    kind: str
    place: str


@dataclass(slots=True)
class Findings:
    """What was counted and found. `older_rules`: records whose values were read under a definition of a trait that has
    changed since; reading them today gives the replayed values, so they are no difference."""

    entries: int = 0
    pending: int = 0
    fates: dict[str, int] = field(default_factory=dict)
    records: int = 0
    profiles: int = 0
    versions: int = 0
    older_rules: int = 0
    found: Counter[str] = field(default_factory=Counter)
    first: list[Difference] = field(default_factory=list)

    def differs(self, kind: str, what: str, id: int) -> None:
        assert kind in KINDS, kind
        self.found[kind] += 1
        if self.found[kind] <= FIRST:
            self.first.append(Difference(kind, f"{what} {id}"))


Told = Callable[[int, int], None]
"""Told how many rows have been walked, and how many there are."""
