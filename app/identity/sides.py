"""One side of a link: what the records of a group hold and say, aggregated, so that no check compares all pairs."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from app.identity.policy import Policy
from app.identity.vetoes import Strength, Told, united

NO_VALUES: Final[frozenset[str]] = frozenset()


@dataclass(frozen=True, slots=True)
class Side:
    """`values`: distinct identifiers by namespace. `foes`: ids of the records decided different from one of the
    group's. `pardoned`: how many values a person's decision gave the group where the policy allows fewer."""

    values: Mapping[str, frozenset[str]]
    told: Told
    foes: frozenset[int] = frozenset()
    pardoned: Mapping[str, int] = field(default_factory=dict)

    def with_(self, other: "Side", strength: Strength) -> "Side":
        """Both sides, joined by a link of this strength."""
        return Side(
            {name: self._both(name, other) for name in self.values.keys() | other.values.keys()},
            united(self.told, other.told, strength),
            self.foes | other.foes,
            {
                name: max(self.pardoned.get(name, 0), other.pardoned.get(name, 0))
                for name in self.pardoned.keys() | other.pardoned.keys()
            },
        )

    def pardoned_by(self, policy: Policy) -> "Side":
        """The side with what it holds allowed to it, for a person said that it is one."""
        held = {name: len(values) for name, values in self.values.items()}
        beyond = {name: many for name, many in held.items() if many > policy.rule(name).max_values}
        return replace(self, pardoned={**self.pardoned, **beyond}) if beyond else self

    def too_many_with(self, other: "Side", policy: Policy) -> str | None:
        """`max_values:<namespace>` where the two together hold more than one person may; the first by name."""
        for name in sorted(self.values.keys() | other.values.keys()):
            allowed = max(policy.rule(name).max_values, self.pardoned.get(name, 0), other.pardoned.get(name, 0))
            if len(self._both(name, other)) > allowed:
                return f"max_values:{name}"
        return None

    def _both(self, name: str, other: "Side") -> frozenset[str]:
        mine, theirs = self.values.get(name), other.values.get(name)
        if mine is None or theirs is None:
            return mine or theirs or NO_VALUES
        return mine | theirs
