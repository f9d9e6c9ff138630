"""Small closed vocabularies: booleans and gender."""

from typing import Final

from app.domain.normalize.result import EMPTY, Declarations, Json, Normal, Result, Unreadable


def _spellings(block: str) -> dict[str, str]:
    """Lines of `meaning: spelling spelling ...`; an underscore in a spelling is a blank."""
    found: dict[str, str] = {}
    for line in block.strip().splitlines():
        meaning, _, words = line.partition(":")
        found |= {word.replace("_", " "): meaning.strip() for word in words.split()}
    return found


_BOOLEANS: Final = _spellings("""
    true: true t yes y on 1 ja oui sí si sim tak sì wahr vrai verdadero vero
    false: false f no n off 0 nein non não nie nee nej falsch faux falso
""")

_GENDERS: Final = _spellings("""
    female: female f fem woman girl w weiblich frau femme féminin feminin feminine mujer femenino donna femmina
    female: femminile vrouw vrouwelijk mulher feminino kobieta kvinna kvinde kvinnlig mrs mrs. ms ms. miss mme sra
    male: male m man boy masc männlich maennlich mann herr homme masculin masculine hombre masculino uomo maschio
    male: maschile mannelijk homem mężczyzna manlig mand mr mr. monsieur señor
    nonbinary: nonbinary non-binary non_binary nb enby x d divers diverse genderqueer agender genderfluid
    other: other another autre otro altro anders andere sonstige
    undisclosed: undisclosed prefer_not_to_say prefer_not_to_answer prefer_not_to_disclose rather_not_say keine_angabe
""")


def boolean(raw: Json, declared: Declarations) -> Result:
    """True or false; also the words and digits that forms send for them."""
    if isinstance(raw, bool):
        return Normal(raw)
    if isinstance(raw, str):
        word = _BOOLEANS.get(raw.strip().lower())
        return Normal(word == "true") if word else _no_word(raw, "boolean", "This is neither yes nor no.")
    if isinstance(raw, int | float) and raw in (0, 1):
        return Normal(bool(raw))
    return EMPTY if raw is None else Unreadable("boolean", "This is neither yes nor no.")


def gender(raw: Json, declared: Declarations) -> Result:
    """female, male, nonbinary, other or undisclosed; any other word keeps its own spelling with the caller."""
    if not isinstance(raw, str):
        return EMPTY if raw is None else Unreadable("gender_word", "A gender is a word.")
    word = _GENDERS.get(raw.strip().casefold())
    return Normal(word) if word else _no_word(raw, "gender_word", "The word is not in the vocabulary for gender.")


def _no_word(raw: str, code: str, detail: str) -> Unreadable:
    return Unreadable(code, detail) if raw.strip() else EMPTY
