"""Public ids: short opaque texts for row ids, salted per workspace (hashids).

An encoding, not a secret: whoever collects enough ids can find the salt. So an id opens nothing by itself; every
look-up still names its workspace and its scope.
"""

from functools import lru_cache

from hashids import Hashids

MIN_LENGTH = 10
MAX_ID = 2**63 - 1
# The longest encoding of a 63-bit integer has 13 characters; what is longer is not worth decoding.
MAX_LENGTH = 24
MAX_PAIR_LENGTH = 40
# Encoding takes 8 us and decoding 18 us, a remembered one 0.1 us; an entry takes about 200 bytes.
REMEMBERED = 16_384


class PublicIds:
    """The ids of one workspace. Safe to share between threads."""

    __slots__ = ("_decode", "_encode", "_hashids")

    def __init__(self, salt: str) -> None:
        self._hashids = Hashids(salt=salt, min_length=MIN_LENGTH)
        self._encode = lru_cache(REMEMBERED)(self._encoded)
        self._decode = lru_cache(REMEMBERED)(self._decoded)

    def encode(self, number: int) -> str:
        """The public id of a row id (0 to 2**63 - 1)."""
        return self._encode(number)

    def decode(self, text: str) -> int | None:
        """The row id of a public id, or None for every text that `encode` of this workspace does not make."""
        if not MIN_LENGTH <= len(text) <= MAX_LENGTH:
            return None
        return self._decode(text)

    def pair(self, one: int, other: int) -> str:
        """The public id of two row ids in this order. No text is the id of a row and of a pair."""
        if not (0 <= one <= MAX_ID and 0 <= other <= MAX_ID):
            raise ValueError("A row id is a non-negative 63-bit integer.")
        return str(self._hashids.encode(one, other))

    def unpair(self, text: str) -> tuple[int, int] | None:
        """The two row ids of a pair's public id, or None for every text that `pair` of this workspace does not make."""
        if not MIN_LENGTH <= len(text) <= MAX_PAIR_LENGTH:
            return None
        numbers = self._hashids.decode(text)
        if len(numbers) != 2 or max(numbers) > MAX_ID:
            return None
        return int(numbers[0]), int(numbers[1])

    def _encoded(self, number: int) -> str:
        if not 0 <= number <= MAX_ID:
            raise ValueError("A row id is a non-negative 63-bit integer.")
        return str(self._hashids.encode(number))

    def _decoded(self, text: str) -> int | None:
        # Hashids.decode encodes its result again and answers nothing unless it gets the same text.
        numbers = self._hashids.decode(text)
        if len(numbers) != 1 or numbers[0] > MAX_ID:
            return None
        return int(numbers[0])
