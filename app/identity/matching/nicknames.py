"""Short forms of first names: `bob` and `robert`, `peggy` and `margaret`.

The list (nicknames.csv: a name and its short forms) is that of Carlton Northern's
`nickname-and-diminutive-names-lookup`, Apache-2.0, as the package `nicknames` 1.0.1
carries it. It knows English usage best; a name that it does not know is its own only form.
"""

from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Final

NONE: Final[frozenset[str]] = frozenset()


def forms(name: str) -> frozenset[str]:
    """The folded first name itself and the names that it is short for."""
    return _fuller().get(name, NONE) | {name}


def related(one: str, other: str) -> bool:
    """Whether one is short for the other, or both are short for one name. Both folded; symmetric, not transitive."""
    return one == other or not forms(one).isdisjoint(forms(other))


@cache
def _fuller() -> Mapping[str, frozenset[str]]:
    text = (resources.files("app.identity.matching") / "nicknames.csv").read_text("utf-8")
    found: dict[str, set[str]] = {}
    for line in text.splitlines()[1:]:
        name, _, short = line.partition(",")
        for each in short.split():
            found.setdefault(each, set()).add(name)
    return {short: frozenset(names) for short, names in found.items()}
