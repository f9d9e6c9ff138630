"""The search for planted words sees them in every spelling, wherever they begin in a file."""

import base64
import json
import secrets
import urllib.parse
from pathlib import Path

import pytest

from tests.security.searching import hits

WORD = f"qz{secrets.token_hex(6)}"

WRITTEN = {
    "utf-8": f"before {WORD}xyz after".encode(),
    "upper case": f"before {WORD.upper()} after".encode(),
    "utf-16-le": f"before {WORD} after".encode("utf-16-le"),
    "utf-16-be": f"before {WORD} after".encode("utf-16-be"),
    "hex": b"\\x" + f"a{WORD}b".encode().hex().encode(),
    "HEX": f"a{WORD}b".encode().hex().upper().encode(),
    "url": "".join(f"%{byte:02X}" for byte in f"?{WORD}".encode()).encode(),
    "url lower": "".join(f"%{byte:02x}" for byte in f"?{WORD}".encode()).encode(),
    "json": "".join(f"\\u{ord(letter):04x}" for letter in f"ä{WORD}").encode(),
    "JSON": "".join(f"\\u{ord(letter):04X}" for letter in f"ä{WORD}").encode(),
    **{f"base64+{shift}": base64.b64encode(b"abc"[:shift] + f"{WORD}tail".encode()) for shift in range(3)},
}


@pytest.mark.parametrize("spelling", WRITTEN)
def test_a_word_is_found_as(spelling: str, tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "file").write_bytes(secrets.token_bytes(5000) + WRITTEN[spelling] + secrets.token_bytes(5000))
    found = hits({"it": WORD}, tmp_path)
    assert any(hit.startswith(f"it, {spelling}, {tmp_path}/deep/file") for hit in found)


def test_what_url_and_json_leave_as_it_is_is_found_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "url").write_text(urllib.parse.quote(f"ä {WORD}&"))
    (tmp_path / "json").write_text(json.dumps(f'"ä{WORD}"'))
    assert [found.split(",")[1] for found in hits({"it": WORD}, tmp_path)] == [" utf-8", " utf-8"]


def test_nothing_is_found_where_nothing_is(tmp_path: Path) -> None:
    (tmp_path / "noise").write_bytes(secrets.token_bytes(1_000_000))
    (tmp_path / "empty").touch()
    assert hits({"it": WORD}, tmp_path) == []
