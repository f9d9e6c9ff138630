"""What goes into a normaliser beside the value, and what comes out."""

from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from app.identity.normalize import Unreadable

__all__ = ["EMPTY", "Declarations", "Json", "Normal", "Result", "Unreadable"]

Json: TypeAlias = Any
"""None, bool, int, float, str, list or dict of these, as parsed from JSON."""


@dataclass(frozen=True, slots=True)
class Declarations:
    """What a source says once about all its values, so that none has to be guessed.

    `region`: ISO 3166-1 alpha-2, for telephone numbers without a country. `zone`: IANA name, for times without
    an offset. `day_first`: whether 03/04/1990 is the third of April. `currency`: ISO 4217, for bare amounts and `$`.
    `locale`: BCP 47, for `1.234`. `century_from`: the first year of the hundred that two-digit years stand for
    (1930: `29` is 2029, `30` is 1930). `excel_dates`: bare numbers are days since 1900 as Excel counts them.
    """

    region: str | None = None
    zone: str | None = None
    day_first: bool | None = None
    currency: str | None = None
    locale: str | None = None
    century_from: int | None = None
    excel_dates: bool = False


@dataclass(frozen=True, slots=True)
class Normal:
    """The canonical value; normalising it again gives it back."""

    value: Json


Result: TypeAlias = Normal | Unreadable

EMPTY: Final = Unreadable("empty", "There is no value here.")
