"""A town of made-up people, known to two systems: some to both, written differently, and some of those by account."""

import random
from typing import Any

from tests.make import Message, record

GIVEN = (
    "Ada Bela Clara Dora Edith Flora Greta Helga Ida Jutta Karla Lena Mina Nora Olga Paula Rosa Stella Thea Vera "
    "Anton Bruno Carl Dirk Emil Fritz Georg Hugo Ivo Jakob Kurt Leo Max Nils Otto Paul Rolf Sven Theo Viktor"
).split()
FAMILY = (
    "Adler Bauer Conrad Dietrich Ebert Fischer Gruber Hartmann Iversen Jansen Keller Lorenz Maurer Neumann Ostermann "
    "Pfeiffer Quandt Richter Schubert Tanner Ullmann Vogel Wagner Xanten Ziegler Becker Decker Hacker Packer Wacker"
).split()
CITIES = "Hamburg Bremen Kiel Rostock Stettin Danzig Emden Husum".split()


def town(people: int, *, seed: int = 7) -> list[Message]:
    """Everybody has an account in the shop; two in three are in the CRM as well, where every third has a slip of the
    hand in the name and every fourth has moved. Seven in ten of those show the account."""
    drawn = random.Random(seed)
    messages = []
    for number in range(people):
        said: dict[str, Any] = {
            "first_name": drawn.choice(GIVEN),
            "last_name": drawn.choice(FAMILY),
            "birthday": f"{drawn.randint(1940, 2004)}-{drawn.randint(1, 12):02}-{drawn.randint(1, 28):02}",
            "city": drawn.choice(CITIES),
            "street": f"{drawn.choice(FAMILY)}weg {drawn.randint(1, 90)}",
        }
        account = [("user_id", f"account-{number}")]
        messages.append(record(f"till-{number}", said, account, source="shop"))
        if drawn.random() < 2 / 3:
            other = dict(said)
            if drawn.random() < 1 / 3:
                other["last_name"] = slipped(drawn, said["last_name"])
            if drawn.random() < 1 / 4:
                other |= {"city": drawn.choice(CITIES), "street": f"{drawn.choice(FAMILY)}weg {drawn.randint(1, 90)}"}
            shown = account if drawn.random() < 0.7 else ()
            messages.append(record(f"crm-{number}", other, shown, source="crm"))
    return messages


def slipped(drawn: random.Random, name: str) -> str:
    """A name with one letter lost."""
    at = drawn.randrange(1, len(name))
    return name[:at] + name[at + 1 :]
