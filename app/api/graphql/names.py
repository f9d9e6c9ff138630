"""Trait names as GraphQL names: camel case, stable, and different for different traits.

The name of a trait's field depends on the trait and on nothing else, so that a
trait that arrives later never renames another one's field.
"""

import re
import unicodedata
from functools import lru_cache
from hashlib import blake2b

FIXED = frozenset(
    (
        "id", "version", "createdAt", "updatedAt", "traits", "identifiers", "records", "segments", "consents",
        "history", "events", "explain", "atVersion", "at",
    )
)  # fmt: skip
"""What every profile has, whatever the catalog says. A trait of such a name is the field `trait_<name>`."""

_HUMP = re.compile(r"_([a-z])")
_NOT_WORD = re.compile(r"[^a-z0-9_]+")


@lru_cache(maxsize=10_000)
def field_name(trait: str) -> str:
    """The field of a trait: `first_name` is `firstName`, the trait `created_at` is `trait_createdAt`.

    An underscore before a digit stays (`a_1` is not `a1`). A name with other letters than a to z is spelled as far as
    it can be and told apart by a hash of the name.
    """
    if trait.isascii():
        camel = _camel(trait)
        return f"trait_{camel}" if camel in FIXED else camel
    plain = unicodedata.normalize("NFKD", trait.casefold()).encode("ascii", "ignore").decode()
    spelled = _camel(_NOT_WORD.sub("_", plain).strip("_"))
    mark = blake2b(trait.encode("utf-8", "surrogatepass"), digest_size=5).hexdigest()
    return f"{spelled if spelled[:1].isalpha() else 'trait'}_{mark}"


def _camel(name: str) -> str:
    return _HUMP.sub(lambda found: found[1].upper(), name)
