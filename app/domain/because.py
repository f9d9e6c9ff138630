"""Why a link was refused, as a sentence for a person."""

_WORDS = {
    "different": "Somebody decided that people on both sides are different.",
    "max_cluster": "One profile would hold more records than the policy allows.",
    "veto:birthday": "Their dates of birth differ by more than a typing error.",
    "veto:first_name": "Their first names are no spelling or short form of each other, and the link is weak.",
    "veto:one_per_person": "A source that keeps one record for each person has both.",
    "record_removed": "Its source has deleted one of the two records.",
}


def sentence(because: str) -> str:
    """What a reason means: `max_values:email` and the like."""
    kind, _, name = because.partition(":")
    if kind == "max_values":
        return f"One profile would hold more values of {name} than the policy allows."
    return _WORDS.get(because, f"The policy forbids it: {because}.")
