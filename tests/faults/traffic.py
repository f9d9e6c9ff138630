"""A stream of messages for as many people as one likes: the same seed, the same stream."""

from random import Random
from typing import Any

from tests.make import Message, event, record


def traffic(rng: Random, *, many: int, start: int = 0) -> list[Message]:
    """Records and events of a few dozen people who share devices, change addresses, leave and come back."""
    return [_message(rng, number) for number in range(start, start + many)]


def _message(rng: Random, number: int) -> Message:
    person, at = rng.randrange(24), rng.randrange(60)
    given: dict[str, Any] = {"at": at, "id": f"m{number}"}
    if rng.random() < 0.3:
        seen: dict[str, Any] = {"anonymousId": f"a{rng.randrange(12)}"}
        if rng.random() < 0.6:
            seen["userId"] = f"u{person}"
        return event("track", **seen, **given)
    source = rng.choice(["crm", "shop"])
    if rng.random() < 0.1:
        return record(str(person), source=source, deleted=True, **given)
    traits = {
        "email": f"person{rng.choice([person, person, (person + 1) % 24])}@mail.example",
        "first_name": rng.choice(["Ann", "Anne", "Ann"]),
        "visits": rng.randrange(5),
        "tags": [rng.choice("abc")],
    }
    kept = {name: value for name, value in traits.items() if rng.random() < 0.6}
    cards = [("loyalty_card", str(person)), ("device_id", f"d{rng.randrange(4)}")]
    return record(str(person), kept, rng.choice([None, cards[:1], cards]), source=source, **given)
