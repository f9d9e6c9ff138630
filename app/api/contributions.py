"""What a score is made of, as it is answered: for reviews and explanations alike."""

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from app.identity.matching.scorer import Contribution


class ContributionShape(BaseModel):
    """What one comparison says: above 0 for one person, below 0 against."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"comparison": "birthday", "level": "same", "bits": 13.75}]}
    )

    comparison: str
    level: str = Field(description="How the two agree. No value is in it.")
    bits: float = Field(description="In log2 Bayes factors.")


def contributions_json(made: Iterable[Contribution]) -> list[dict[str, Any]]:
    return [{"comparison": each.comparison, "level": each.level, "bits": each.bits} for each in made]
