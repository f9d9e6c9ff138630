"""Measures: a number with a unit from a list, in the unit that was sent.

Canonical: `{"value": 180, "unit": "cm"}`. Nothing is converted, for a conversion rounds
and what the person said is lost; only feet and inches join, which is exact (`5'11"` is
71 inches). The list of units is closed: a registry that parses arbitrary expressions
has no place on a path that strangers' text takes.
"""

import re
from decimal import Decimal
from typing import Final

from app.domain.normalize.numbers import decimal, exact, number
from app.domain.normalize.result import EMPTY, Declarations, Json, Normal, Result, Unreadable

MAX_TEXT: Final = 80

# canonical symbol: spellings (case-folded; where case matters the symbol alone is listed)
_SPELLINGS: Final = """
mm: millimeter millimeters millimetre millimetres
cm: centimeter centimeters centimetre centimetres zentimeter
m: meter meters metre metres mtr
km: kilometer kilometers kilometre kilometres
in: " ″ ” inch inches
ft: ' ′ ’ foot feet
yd: yard yards
mi: mile miles
mg: milligram milligrams
g: gr gram grams gramm gramme grammes
kg: kgs kilo kilos kilogram kilograms kilogramm kilogramme
t: tonne tonnes
oz: ounce ounces
lb: lbs pound pounds
st: stone stones
ml: milliliter milliliters millilitre millilitres
cl: centiliter centiliters centilitre centilitres
l: ltr liter liters litre litres
fl_oz: floz
gal: gallon gallons
s: sec secs second seconds
min: mins minute minutes
h: hr hrs hour hours
d: day days
wk: week weeks
kmh: km/h kph
mph: mi/h
m2: m² sqm
ft2: ft² sqft
ha: hectare hectares
degC: °c celsius
degF: °f fahrenheit
percent: %
kcal: kilocalories
kWh: kwh
kW: kw
hp: horsepower
"""
UNITS: Final[dict[str, str]] = {}
for _line in _SPELLINGS.strip().splitlines():
    _symbol, _, _words = _line.partition(":")
    UNITS.update(dict.fromkeys((_symbol.casefold(), *_words.split()), _symbol))

_FEET_AND_INCHES: Final = re.compile(
    r"(?P<feet>\d{1,2})\s*(?:'|′|’|ft\.?|foot|feet)\s*(?P<inches>\d{1,2}(?:[.,]\d{1,2})?)\s*(?:\"|″|”|''|in\.?|inch|inches)?",
    re.IGNORECASE,
)
_SHAPE: Final = re.compile(
    r"(?P<value>[-+\u2212]?\d[\d.,\s'\u2019]*?)\s*(?P<unit>[^\d\s.,][^\s]*(?:\s[^\d\s]+)?)", re.DOTALL
)
_NO_MEASURE: Final = Unreadable("measure_syntax", "A measure is a number with its unit, such as 180 cm.")
_NO_UNIT: Final = Unreadable("unit", "The unit is not in the list of units.")


def measure(raw: Json, declared: Declarations) -> Result:
    """Unreadable as `measure_syntax`, `unit`, or as a number is. A bare number has no unit and is no measure."""
    match raw:
        case None:
            return EMPTY
        case str():
            return _from_text(raw, declared) if raw.strip() else EMPTY
        case {"value": value, "unit": str(unit)} if len(raw) == 2:
            return _joined(number(value, declared), unit)
        case _:
            return _NO_MEASURE


def _from_text(raw: str, declared: Declarations) -> Result:
    text = raw.strip()
    if len(text) > MAX_TEXT:
        return _NO_MEASURE
    if found := _FEET_AND_INCHES.fullmatch(text):
        inches = Decimal(found["inches"].replace(",", "."))
        if inches >= 12:
            return _NO_MEASURE
        return _joined(exact(int(found["feet"]) * 12 + inches), "in")
    shape = _SHAPE.fullmatch(text)
    if shape is None:
        return _NO_MEASURE
    read = decimal(shape["value"], declared.locale)
    return read if isinstance(read, Unreadable) else _joined(exact(read), shape["unit"])


def _joined(value: Result, unit: str) -> Result:
    if isinstance(value, Unreadable):
        return value
    symbol = UNITS.get("_".join(unit.casefold().split()).removesuffix("."))
    return _NO_UNIT if symbol is None else Normal({"value": value.value, "unit": symbol})
