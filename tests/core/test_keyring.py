"""Sealing: what was sealed for one place opens there, whole, and nowhere else."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.crypto.keyring import TOKEN_BYTES, Keyring, Tampered, UnknownKey, key_id_of
from app.core.errors import CdpError

KEYS = {1: bytes(range(32)), 2: bytes(range(32, 64))}
HASH_KEY = bytes(range(64, 96))

names = st.text(max_size=8)
rows = st.binary(max_size=20) | st.integers(-(2**70), 2**70) | st.text(max_size=8)
places = st.tuples(st.integers(0, 3), names, names, rows)


def ring(workspace_id: int = 1, active: int = 1) -> Keyring:
    return Keyring(workspace_id, KEYS, active, HASH_KEY)


@given(st.binary(max_size=2000), places)
def test_what_was_sealed_opens_at_its_place(plain: bytes, place: tuple[int, str, str, bytes | int | str]) -> None:
    workspace, table, column, row = place
    blob = ring(workspace).seal(plain, table, column, row)
    assert ring(workspace).open(blob, table, column, row) == plain
    assert len(blob) == len(plain) + 33


@given(places, places)
def test_a_blob_that_was_moved_does_not_open(
    here: tuple[int, str, str, bytes | int | str], there: tuple[int, str, str, bytes | int | str]
) -> None:
    if here == there and type(here[3]) is type(there[3]):
        return
    blob = ring(here[0]).seal(b"ada@example.com", *here[1:])
    with pytest.raises(Tampered):
        ring(there[0]).open(blob, *there[1:])


@pytest.mark.parametrize(
    ("here", "there"),
    [
        (("ab", "c", "7"), ("a", "bc", "7")),
        (("a", "b", 7), ("a", "b", "7")),
        (("a", "b", "7"), ("a", "b", b"7")),
        (("a", "b", b"i7"), ("a", "b", 7)),
        (("", "ab", ""), ("ab", "", "")),
        (("a", "b", ""), ("a", "b", b"")),
    ],
)
def test_places_that_look_alike_are_apart(
    here: tuple[str, str, bytes | int | str], there: tuple[str, str, bytes | int | str]
) -> None:
    blob = ring().seal(b"x", *here)
    with pytest.raises(Tampered):
        ring().open(blob, *there)


@given(st.binary(max_size=100), st.data())
def test_a_changed_byte_is_found(plain: bytes, data: st.DataObject) -> None:
    blob = bytearray(ring().seal(plain, "profile", "sealed", 1))
    at = data.draw(st.integers(0, len(blob) - 1))
    blob[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises((Tampered, UnknownKey)):
        ring().open(bytes(blob), "profile", "sealed", 1)


@given(st.binary(max_size=80))
def test_any_bytes_are_refused_in_a_kind_of_ours(blob: bytes) -> None:
    with pytest.raises(CdpError):
        ring().open(blob, "profile", "sealed", 1)


def test_a_truncated_blob_is_refused() -> None:
    blob = ring().seal(b"hello", "profile", "sealed", 1)
    for length in range(len(blob)):
        with pytest.raises(Tampered):
            ring().open(blob[:length], "profile", "sealed", 1)


def test_the_blob_names_its_key_and_old_keys_still_open() -> None:
    old = ring(active=1).seal(b"before", "profile", "sealed", 1)
    new = ring(active=2).seal(b"after", "profile", "sealed", 1)
    assert (old[0], key_id_of(old), key_id_of(new)) == (1, 1, 2)
    assert ring(active=2).open(old, "profile", "sealed", 1) == b"before"
    assert Keyring(1, {2: KEYS[2]}, 2, HASH_KEY).open(new, "profile", "sealed", 1) == b"after"


def test_a_key_that_is_not_there_is_named() -> None:
    blob = ring(active=2).seal(b"ada", "profile", "sealed", 1)
    with pytest.raises(UnknownKey, match="No key 2") as caught:
        Keyring(1, {1: KEYS[1]}, 1, HASH_KEY).open(blob, "profile", "sealed", 1)
    assert caught.value.key_id == 2


def test_no_two_seals_share_a_nonce_in_threads() -> None:
    keys, start = ring(), threading.Barrier(8)

    def many(_: int) -> list[bytes]:
        start.wait()
        return [keys.seal(b"", "t", "c", n)[5:17] for n in range(2000)]

    with ThreadPoolExecutor(8) as pool:
        nonces = [nonce for part in pool.map(many, range(8)) for nonce in part]
    assert len(set(nonces)) == len(nonces) == 16_000


def test_parent_and_child_of_a_fork_seal_apart() -> None:
    keys = ring()
    keys.seal(b"warm", "t", "c", 0)
    read, write = os.pipe()
    if (child := os.fork()) == 0:
        os.write(write, b"".join(keys.seal(b"", "t", "c", n)[5:17] for n in range(300)))
        os._exit(0)
    os.close(write)
    mine = {keys.seal(b"", "t", "c", n)[5:17] for n in range(300)}
    with os.fdopen(read, "rb") as pipe:
        sent = pipe.read()
    os.waitpid(child, 0)
    assert len(sent) == 300 * 12
    assert not mine & {sent[at : at + 12] for at in range(0, len(sent), 12)}


anything = st.text(st.characters(exclude_categories=()), max_size=12)


@given(anything, anything, anything, anything)
def test_tokens_are_equal_exactly_when_kind_and_value_are(kind: str, value: str, kind2: str, value2: str) -> None:
    mine, other = ring().token(kind, value), ring(active=2).token(kind2, value2)
    assert len(mine) == TOKEN_BYTES
    assert (mine == other) == ((kind, value) == (kind2, value2))


@given(anything, anything, anything)
def test_kind_and_value_cannot_flow_into_one_another(kind: str, middle: str, value: str) -> None:
    assert (ring().token(kind + middle, value) == ring().token(kind, middle + value)) == (middle == "")


@given(anything, anything, st.integers(0, 2**63 - 1), st.integers(0, 2**63 - 1))
def test_two_workspaces_never_share_a_token(kind: str, value: str, left: int, right: int) -> None:
    if left != right:
        assert ring(left).token(kind, value) != ring(right).token(kind, value)


def test_a_token_depends_on_the_hash_key_only() -> None:
    assert ring(active=1).token("email", "a@b.c") == ring(active=2).token("email", "a@b.c")
    assert Keyring(1, KEYS, 1, bytes(32)).token("email", "a@b.c") != ring().token("email", "a@b.c")


def test_a_token_stays_what_it_was() -> None:
    """Stored tokens are never rewritten: this value may not change between releases."""
    assert ring().token("email", "ada@example.com").hex() == "468fd788167acb575dc89927efb8aa4d"


def test_making_up_kinds_and_tables_without_end_takes_bounded_room() -> None:
    keys = ring()
    for n in range(5000):
        keys.token(str(n), "x")
        keys.seal(b"", str(n), "c", 1)
    assert len(keys._kinds) <= 4096
    assert len(keys._places) <= 4096
    assert keys.token("4999", "x") == ring().token("4999", "x")


def test_neither_repr_nor_error_shows_a_key_or_a_value() -> None:
    keys = ring()
    secrets = [KEYS[1].hex(), repr(KEYS[1])[2:-1], HASH_KEY.hex(), "ada@example.com"]
    blob = bytearray(keys.seal(b"ada@example.com", "profile", "sealed", "ada@example.com"))
    blob[-1] ^= 1
    with pytest.raises(Tampered) as caught:
        keys.open(bytes(blob), "profile", "sealed", "ada@example.com")
    for shown in (repr(keys), repr(caught.value), str(caught.value)):
        assert not any(secret in shown for secret in secrets)
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    ("workspace", "data_keys", "active", "hash_key"),
    [
        (-1, KEYS, 1, HASH_KEY),
        (2**63, KEYS, 1, HASH_KEY),
        (1, KEYS, 3, HASH_KEY),
        (1, {1: b"short"}, 1, HASH_KEY),
        (1, {2**32: bytes(32)}, 2**32, HASH_KEY),
        (1, KEYS, 1, b""),
    ],
)
def test_a_keyring_that_makes_no_sense_is_not_made(
    workspace: int, data_keys: dict[int, bytes], active: int, hash_key: bytes
) -> None:
    with pytest.raises(ValueError):
        Keyring(workspace, data_keys, active, hash_key)


@given(st.lists(st.tuples(st.binary(max_size=200), st.binary(min_size=1, max_size=20)), max_size=8))
def test_what_was_sealed_together_opens_each_at_its_own_place(sent: list[tuple[bytes, bytes]]) -> None:
    keys = ring()
    blobs = keys.seal_all([plain for plain, _ in sent], "ingest_log", "body", [row for _, row in sent])
    assert [keys.open(blob, "ingest_log", "body", row) for blob, (_, row) in zip(blobs, sent, strict=True)] == [
        plain for plain, _ in sent
    ]
    nonces = {blob[5:17] for blob in blobs}
    assert len(nonces) == len(blobs)
