"""What of a pointer is stored in the clear."""

import pytest

from app.core.errors import Fault
from app.domain.pointers import kept


@pytest.mark.parametrize(
    ("pointer", "stored"),
    [
        ("", ""),
        ("/userId", "/userId"),
        ("/identifiers/3/value", "/identifiers/3/value"),
        ("/ada@example.com", ""),
        ("/traits/ada@example.com/street", "/traits"),
        ("/traits/0301234567", "/traits"),
        ("/traits/a~1b", "/traits"),
    ],
)
def test_it_ends_before_the_first_name_that_only_its_sender_could_give(pointer: str, stored: str) -> None:
    assert kept(Fault(pointer, "duplicate_key", "")) == stored


def test_the_column_that_an_import_names_as_its_key_is_kept() -> None:
    assert kept(Fault("/customer number", "no_key", "")) == "/customer number"
