"""Names of organisations for comparing: folded, without the words for their legal form."""

from functools import lru_cache
from typing import Final

from app.identity.matching.scripts import latin
from app.identity.normalize.name import fold

CACHED: Final = 16_384
_FORMS: Final = frozenset(
    "inc incorporated corp corporation co company companies llc llp lp ltd limited plc pte pty gmbh ag kg ohg ug se sa "
    "sas sarl srl spa bv nv oy ab as aps kk holding holdings group the and".split()
)


@lru_cache(CACHED)
def organisation(name: str) -> str:
    """`The ACME Co., Ltd.` and `Acme` are one; a name that is nothing but such words stays as it is."""
    words = latin(fold(name.replace("&", " and ").replace(",", " "))).split()
    return " ".join(word for word in words if word not in _FORMS) or " ".join(words)
