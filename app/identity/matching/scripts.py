"""Latin letters for Cyrillic and Greek ones, as passports and forms romanise them; other scripts stay as they are."""

from typing import Final

_CYRILLIC: Final = dict(
    zip(
        "абвгдезиклмнопрстуфыэйіўґѓќљњ",
        "a b v g d e z i k l m n o p r s t u f y e i i u g g k l n".split(),
        strict=True,
    )
) | {"ж": "zh", "х": "kh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "shch", "ю": "yu", "я": "ya", "ё": "e", "є": "ie",
     "ї": "i", "ђ": "dj", "ј": "j", "ћ": "c", "џ": "dz", "ъ": "", "ь": ""}  # fmt: skip
_GREEK: Final = dict(
    zip("αβγδεζηικλμνξοπρσςτυφω", "a v g d e z i i k l m n x o p r s s t y f o".split(), strict=True)
) | {"θ": "th", "χ": "ch", "ψ": "ps"}
_LETTERS: Final = str.maketrans(_CYRILLIC | _GREEK)


def latin(folded: str) -> str:
    """The folded text in Latin letters, letter by letter."""
    return folded if folded.isascii() else folded.translate(_LETTERS)
