"""What records are compared by: their features and the tokens of their blocking keys, as stored and as of now."""

from collections.abc import Iterable
from dataclasses import dataclass

from app.core.sql import Queries, arrays
from app.domain.matching import Features, Matcher
from app.domain.pipeline.batch import Batch, Record
from app.domain.pipeline.locks import Token

_matching = Queries("matching")


@dataclass(frozen=True, slots=True)
class Known:
    """A live record for the matcher: what is compared, and where candidates meet it."""

    features: Features
    tokens: frozenset[Token]


async def stored(batch: Batch, matcher: Matcher, ids: Iterable[int]) -> dict[int, Known]:
    """What is stored of these records; removed ones have nothing."""
    rows = await _matching.rows(batch.tx, "features", ids=list(ids))
    return {
        row["record_id"]: Known(
            matcher.load(batch.keyring.open(row["features"], "match_features", "features", row["record_id"])),
            frozenset(row["tokens"]),
        )
        for row in rows
    }


def of_today(batch: Batch, matcher: Matcher, record: Record) -> Known:
    """What follows from the record's claims now."""
    features = matcher.features(matcher.compared(record.state, record.identifiers))
    return Known(features, frozenset(batch.keyring.token("match_key", key) for key in matcher.keys(features)))


async def keep(batch: Batch, matcher: Matcher, fresh: dict[int, Known], gone: list[int]) -> None:
    """Write the features of these records and forget those of removed ones."""
    if fresh:
        rows = [
            (
                id,
                batch.keyring.seal(matcher.dump(each.features), "match_features", "features", id),
                _literal(each.tokens),
            )
            for id, each in fresh.items()
        ]
        await _matching.run(batch.tx, "keep_features", **arrays(rows, "record_ids features tokens"))
    if gone:
        await _matching.run(batch.tx, "drop_features", ids=gone)


def _literal(tokens: Iterable[Token]) -> str:
    return "{" + ",".join(f'"\\\\x{token.hex()}"' for token in sorted(tokens)) + "}"
