"""Why two records are linked, and why a link was refused: sentences for a person, without a personal value."""

from app.identity.policy import EDITED_RECORD

_WORDS = {
    "different": "Somebody decided that people on both sides are different.",
    "max_cluster": "One profile would hold more records than the policy allows.",
    "veto:birthday": "Their dates of birth differ by more than a typing error.",
    "veto:first_name": "Their first names are no spelling or short form of each other, and the link is weak.",
    "veto:one_per_person": "A source that keeps one record for each person has both.",
    "record_removed": "Its source has deleted one of the two records.",
}


def refusal(because: str) -> str:
    """What the reason of a refusal means: `max_values:email` and the like."""
    kind, _, name = because.partition(":")
    if kind == "max_values":
        return f"One profile would hold more values of {name} than the policy allows."
    return _WORDS.get(because, f"The policy forbids it: {because}.")


def link(kind: str, namespace: str | None, score: float | None, model: int | None) -> str:
    """Why a link would hold two records together."""
    if kind == "decision":
        return "Somebody decided that they are the same person."
    if score is not None:
        by = "" if model is None else f" by model {model}"
        return f"They are alike: {score:.1f} bits{by}."
    if namespace == EDITED_RECORD:
        return "This is a change made by hand on that record."
    return f"Both carry the same {namespace}."
