"""Search every byte of every file for a planted word, in the spellings in which a word can lie on a disk."""

import base64
import mmap
from collections.abc import Iterator, Mapping
from pathlib import Path


def spellings(word: str) -> Mapping[str, bytes]:
    """The bytes that give a word away, by how it is spelled: plain, in wide characters, encoded, escaped."""
    raw = word.encode()
    found = {
        "utf-8": raw,
        "upper case": word.upper().encode(),
        "utf-16-le": word.encode("utf-16-le"),
        "utf-16-be": word.encode("utf-16-be"),
        "hex": raw.hex().encode(),
        "HEX": raw.hex().upper().encode(),
        "url": "".join(f"%{byte:02X}" for byte in raw).encode(),
        "url lower": "".join(f"%{byte:02x}" for byte in raw).encode(),
        "json": "".join(f"\\u{ord(letter):04x}" for letter in word).encode(),
        "JSON": "".join(f"\\u{ord(letter):04X}" for letter in word).encode(),
    }
    for shift in range(3):
        found[f"base64+{shift}"] = _base64(raw, shift)
    return found


def _base64(raw: bytes, shift: int) -> bytes:
    """The letters that base64 gives the word where `shift` bytes, whichever, stand before it and any behind it."""
    whole = base64.b64encode(bytes(shift) + raw)
    first = -(-8 * shift // 6)
    last = 8 * (shift + len(raw)) // 6
    return whole[first:last]


def files_below(*places: Path) -> Iterator[Path]:
    for place in places:
        yield from (path for path in sorted(place.rglob("*")) if path.is_file() and not path.is_symlink())


def hits(words: Mapping[str, str], *places: Path) -> list[str]:
    """Where any of these words (name to word) is found: `name, spelling, file: what stands around it`."""
    patterns = [(name, how, raw) for name, word in words.items() for how, raw in spellings(word).items()]
    found = []
    for path in files_below(*places):
        if path.stat().st_size == 0:
            continue
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            for name, how, raw in patterns:
                at = content.find(raw)
                if at >= 0:
                    around = bytes(content[max(0, at - 60) : at + len(raw) + 60])
                    found.append(f"{name}, {how}, {path}: {around!r}")
    return found
