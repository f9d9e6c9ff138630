"""What a sender says about a file: which column is what, and how its bytes are to be read."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from app.core.errors import Refused
from app.domain.record_rules import RESERVED_NAMESPACES
from app.domain.trait_names import trait_name
from app.identity.identifier import namespace

FORMATS = ("csv", "json", "ndjson", "parquet")
ENCODINGS: Mapping[str, str] = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "utf-16": "utf-16",
    "utf16": "utf-16",
    "latin-1": "latin-1",
    "iso-8859-1": "latin-1",
    "cp1252": "cp1252",
    "windows-1252": "cp1252",
}
MAX_PAIRS = 500
MAX_COLUMN = 512


@dataclass(frozen=True, slots=True)
class Options:
    """How the rows of a file become records.

    `key`: the column with the source's key, else one called key or id. `mapping`: column to trait, where an empty trait
    leaves the column out. `identifiers`: column to namespace. `observed_at`: the column with the source's time of the
    row. `delimiter` (CSV): one character, else told from the header. `encoding` (CSV): one of ENCODINGS.
    """

    key: str | None = None
    mapping: Mapping[str, str] = field(default_factory=dict)
    identifiers: Mapping[str, str] = field(default_factory=dict)
    observed_at: str | None = None
    delimiter: str | None = None
    encoding: str = "utf-8"

    @property
    def names_columns(self) -> bool:
        return bool(self.key or self.mapping or self.identifiers or self.observed_at)

    def dump(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if value}

    @classmethod
    def load(cls, held: Mapping[str, Any]) -> "Options":
        return cls(**{name: held[name] for name in cls.__dataclass_fields__ if name in held})


@dataclass(frozen=True, slots=True)
class Asked:
    """Options as a request or a command line says them. Pairs are `COLUMN=trait` and `COLUMN=namespace`; of several
    equals signs the last one parts them."""

    key: str | None = None
    mapping: Sequence[str] = ()
    identifiers: Sequence[str] = ()
    observed_at: str | None = None
    delimiter: str | None = None
    encoding: str | None = None


def read_options(format: str, asked: Asked) -> Options:
    """The options, checked. Raises Refused."""
    delimiter, encoding = asked.delimiter, asked.encoding
    if format not in FORMATS:
        raise Refused(f"A format is one of: {', '.join(FORMATS)}.", code="unknown_format")
    if format != "csv" and (delimiter or encoding):
        raise Refused("A delimiter and an encoding are told of CSV files only.", code="bad_option")
    if encoding is not None and encoding.lower() not in ENCODINGS:
        raise Refused("An encoding is one of: utf-8, utf-16, latin-1, cp1252.", code="bad_option")
    if delimiter in ("tab", "\\t"):
        delimiter = "\t"
    if delimiter is not None and (len(delimiter) != 1 or not delimiter.isascii() or delimiter in '"\r\n\0'):
        raise Refused("A delimiter is one ASCII character such as ; or the word tab.", code="bad_option")
    if any(len(name) > MAX_COLUMN for name in (asked.key or "", asked.observed_at or "")):
        raise Refused(f"A column name has at most {MAX_COLUMN} characters here.", code="bad_option")
    return Options(
        asked.key or None,
        {column: _trait(target) for column, target in _pairs(asked.mapping, "map").items()},
        {column: _namespace(target) for column, target in _pairs(asked.identifiers, "identifier").items()},
        asked.observed_at or None,
        delimiter,
        ENCODINGS[(encoding or "utf-8").lower()],
    )


def _pairs(given: Sequence[str], option: str) -> dict[str, str]:
    if len(given) > MAX_PAIRS:
        raise Refused(f"At most {MAX_PAIRS} times {option} may be given.", code="bad_option")
    found: dict[str, str] = {}
    for each in given:
        column, equals, target = each.rpartition("=")
        if not equals or not column or len(column) > MAX_COLUMN:
            raise Refused(f"Say {option} as COLUMN=NAME.", code="bad_option")
        if column in found:
            raise Refused(f"One column is named twice by {option}.", code="bad_option")
        found[column] = target
    return found


def _trait(target: str) -> str:
    if target and not all(trait_name(part) for part in target.split(".")):
        raise Refused("A column is mapped to what is no trait name; use a name such as first_name.", code="bad_option")
    return target


def _namespace(target: str) -> str:
    name = namespace(target)
    if name is None or name in RESERVED_NAMESPACES:
        raise Refused("A namespace is a short name such as loyalty_card.", code="bad_option")
    return name
