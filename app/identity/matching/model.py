"""A model: what is compared, at which levels, and how much each level says for or against one person.

Fellegi and Sunter 1969: `m` is how often a level shows among records of one person, `u` among records of two. A
level weighs log2(m / u) bits; where it has a `frequency` column, an agreement on a rare value weighs more:
log2(m / frequency of the value). The score of two records is the sum over their comparisons. A model is one JSON
document; models are versioned, never changed.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from app.identity.matching.conditions import Condition, Equal, from_json, to_json
from app.identity.matching.features import Features

FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class Level:
    """One agreement level. `when` None holds always: the last level of each comparison."""

    label: str
    when: Condition | None
    m: float
    u: float

    def __post_init__(self) -> None:
        if not (0 < self.m <= 1 and 0 < self.u <= 1):
            raise ValueError(f"m and u of the level {self.label!r} are probabilities above 0.")

    @property
    def bits(self) -> float:
        return math.log2(self.m / self.u)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Levels in order; the first that holds counts. Nothing is said where every column of `present` is empty on a side.
    `frequency`: the column whose values' frequencies weigh the level at which that column is the same."""

    name: str
    present: tuple[str, ...]
    levels: tuple[Level, ...]
    frequency: str | None = None

    def __post_init__(self) -> None:
        if not self.levels or any((level.when is None) != (level is self.levels[-1]) for level in self.levels):
            raise ValueError(f"The last level of {self.name!r} holds always, and no other.")
        unknown = {*self.present} - {*Features._fields}
        if unknown or not self.present:
            raise ValueError(f"{self.name!r} compares columns that there are not: {sorted(unknown)}.")
        if self.frequency is not None and self.weighed is None:
            raise ValueError(f"{self.name!r} has no level at which {self.frequency!r} is the same.")

    @property
    def weighed(self) -> int | None:
        """The level that the frequency of the common value weighs."""
        if self.frequency is None:
            return None
        same = Equal(self.frequency)
        return next((number for number, level in enumerate(self.levels) if level.when == same), None)


@dataclass(frozen=True, slots=True)
class Frequencies:
    """How often values occur in a column: those that are listed, and `others` for each of the rest."""

    others: float
    values: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not (0 < self.others <= 1 and all(0 < each <= 1 for each in self.values.values())):
            raise ValueError("Frequencies are shares above 0.")

    def of(self, value: str) -> float:
        return self.values.get(value, self.others)


@dataclass(frozen=True, slots=True)
class Model:
    """A model with its thresholds in bits: linked at or above `automatic`, shown to a person at or above `review`."""

    comparisons: tuple[Comparison, ...]
    frequencies: Mapping[str, Frequencies]
    automatic: float
    review: float
    origin: str = "shipped"

    def __post_init__(self) -> None:
        if self.review > self.automatic:
            raise ValueError("The review threshold is at most the automatic one.")


def dump(model: Model) -> bytes:
    """The model as its JSON document."""
    return orjson.dumps(
        {
            "format": FORMAT,
            "origin": model.origin,
            "automatic": model.automatic,
            "review": model.review,
            "comparisons": [_comparison(each) for each in model.comparisons],
            "frequencies": {
                name: {"others": each.others, "values": dict(sorted(each.values.items()))}
                for name, each in sorted(model.frequencies.items())
            },
        },
        option=orjson.OPT_INDENT_2,
    )


def load(document: bytes) -> Model:
    """Read a model. Raises ValueError for anything that is none."""
    try:
        held: dict[str, Any] = orjson.loads(document)
        if held["format"] != FORMAT:
            raise ValueError(f"This model has format {held['format']}; format {FORMAT} is read here.")
        return Model(
            tuple(_read(each) for each in held["comparisons"]),
            {name: Frequencies(each["others"], each["values"]) for name, each in held["frequencies"].items()},
            float(held["automatic"]),
            float(held["review"]),
            held.get("origin", "file"),
        )
    except (KeyError, TypeError, AttributeError, orjson.JSONDecodeError) as wrong:
        raise ValueError("This file is no matching model.") from wrong


def _comparison(each: Comparison) -> dict[str, Any]:
    return {
        "name": each.name,
        "present": list(each.present),
        "frequency": each.frequency,
        "levels": [
            {
                "label": level.label,
                "when": None if level.when is None else to_json(level.when),
                "m": level.m,
                "u": level.u,
            }
            for level in each.levels
        ],
    }


def _read(said: Mapping[str, Any]) -> Comparison:
    return Comparison(
        said["name"],
        tuple(said["present"]),
        tuple(
            Level(each["label"], None if each["when"] is None else from_json(each["when"]), each["m"], each["u"])
            for each in said["levels"]
        ),
        said["frequency"],
    )
