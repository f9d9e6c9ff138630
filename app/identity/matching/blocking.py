"""Blocking: which records are compared at all. Two meet when they share a key that not too many carry.

A key may be wrong in one of its parts, so each record has several, each of other parts. Keys of one part only (a
family name alone) bring rare values together, and everybody in small data; common values pass their limit.
"""

from typing import Final

from app.identity.matching.features import Features

MAX_HOLDERS: Final = 60
"""Records that may carry a key and still meet under it."""


def blocking_keys(f: Features) -> list[str]:
    """The keys of a record."""
    return ["\0".join(parts) for parts in (*_alone(f), *_together(f))]


def _alone(f: Features) -> list[tuple[str, str]]:
    found = [
        ("given", f.given if len(f.given) > 1 else ""),
        ("family", f.family_sound if len(f.family_sound) > 1 else f.family),
        ("birthday", f.birthday),
        ("postcode", f.postcode),
        ("local", f.local if len(f.local) > 2 else ""),
        ("domain", f.domain),
        ("organisation", f.organisation),
    ]
    return [(name, value) for name, value in found if value]


def _together(f: Features) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    both = (f.given or f.given_sound) and f.family
    if both:
        # In one order: given and family name change places often enough.
        names = tuple(sorted((f.given_sound, f.family_sound)))
        found.append(("names", *names))
        if f.birthday:
            found.append(("names+year", *names, f.birth_year))
            found.append(("names+date", *names, f.birth_month, f.birth_day))
            found.append(("initials+date", f.given[:2], f.family[:2], f.birth_month, f.birth_day))
        if f.postcode:
            found.append(("names+postcode", *names, f.postcode[:3]))
        if f.city:
            found.append(("names+city", *names, f.city[:4]))
    for name, sound in (("given", f.given_sound), ("family", f.family_sound)):
        if sound and f.birthday:
            found.append((name, "birthday", sound, f.birthday))
        if sound and f.postcode:
            found.append((name, "postcode", sound, f.postcode))
        if sound and f.house and f.street_name:
            found.append((name, "house", sound[:2], f.house, f.street_name))
    if f.birthday and f.postcode:
        found.append(("birthday+postcode", f.birthday, f.postcode))
    if f.birthday and f.city:
        found.append(("birthday+city", f.birthday, f.city[:5]))
    if f.house and f.street_name:
        found.append(("house", f.house, f.street_name))
    if f.phone:
        found.append(("phone", f.phone[-8:]))
    if f.organisation and f.house:
        found.append(("organisation+house", f.organisation, f.house))
    return found
