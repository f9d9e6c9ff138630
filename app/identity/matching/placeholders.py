"""What stands in a name field where nobody knew the name: `unknown`, `lady of the house`, `mrs`, `baby`."""

from typing import Final

from app.identity.matching.person_names import NAMELESS, TITLES, PersonName

NOBODY: Final = TITLES | frozenset(
    "adult anonymous aunt baby boy brother child cousin customer dad daughter eldest employee father female fnu friend "
    "gentleman gentlemen girl grandchild granddaughter grandfather grandmother grandson guest guy husband infant "
    "inmate kid lady lnu lord madam male man member minor mom mother na neighbor nephew niece nn none noname null "
    "occupant oldest owner parent patient person prisoner resident senor senora sibling sister son spouse student teen "
    "teenager tenant test twin uncle unknown user visitor wife woman youngest".split()
)
"""First words of a first name that is none: kin, titles and roles. Never a name that people bear."""

NO_FAMILY: Final = frozenset(("unknown", "no name", "noname", "none", "null", "na", "n a", "anonymous", "lnu", "test"))


def known(name: PersonName) -> PersonName:
    """The name without what says that nobody knew it."""
    family = "" if name.family in NO_FAMILY else name.family
    if nobody(name.given):
        return NAMELESS if family.startswith("of ") or not family else PersonName("", "", family, name.suffix)
    return PersonName(name.given, name.middle, "" if family.startswith("of the ") else family, name.suffix)


def nobody(given: str) -> bool:
    """Whether a folded first name, of one or several words, names nobody."""
    return given.partition(" ")[0] in NOBODY
