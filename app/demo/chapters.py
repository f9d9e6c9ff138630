"""The chapters of the demo's story: whom to look at, and what to look for. The facts are read, not written here."""

from dataclasses import dataclass

from app.domain.profiles import RecordName


@dataclass(frozen=True, slots=True)
class Chapter:
    """`records` are looked up where they are now; `watch` says what a reader may want to see there."""

    title: str
    watch: str
    records: tuple[RecordName, ...]


def _chapter(title: str, watch: str, *records: str) -> Chapter:
    named = (record.partition("/") for record in records)
    return Chapter(title, watch, tuple(RecordName(source, key) for source, _, key in named))


TOGETHER = (
    _chapter(
        "Sophie: four systems, six records, one person",
        "A telephone number in three spellings holds a guest order with a mistyped address and a loyalty card to her; "
        "her browser was anonymous until she logged in. 03/04/1988 is the third of April, for the CRM says that days "
        "come first.",
        "crm/1001",
    ),
    _chapter(
        "Catherine is known twice, and shares no identifier with herself",
        "Her card's form was typed over from paper, without a number or an address to write to and with her name "
        "misspelt. What the two records say is compared, and what few people have in common counts for more.",
        "crm/1043",
        "loyalty/5499",
    ),
    _chapter(
        "Amelia changes her name and her address",
        "The CRM's newer word wins, her orders under the old address stay hers, and both addresses still find her: the "
        "shop knows the new one, the web site the old one.",
        "crm/1009",
    ),
    _chapter(
        "Oliver is deleted in the CRM",
        "The record goes, with all that only it said. The loyalty card stays, and the profile's old id leads to it.",
        "loyalty/5503",
    ),
)

APART = (
    _chapter(
        "The Bakers share one mailbox",
        "Each has an account number of their own, and one person has one.",
        "crm/1002",
        "crm/1003",
    ),
    _chapter(
        "Three people read info@harbour-tools.example",
        "A small company's mailbox is on three accounts.",
        "crm/1004",
        "crm/1005",
        "crm/1006",
    ),
    _chapter(
        "Two men are called James Wilson",
        "A name that many have weighs little, and their dates of birth weigh against it: nothing links them, and "
        "nobody is asked.",
        "crm/1007",
        "crm/1008",
    ),
    _chapter(
        "A typing error did not make Daniel and Priya one person",
        "In January the CRM had Priya's telephone number in Daniel's record. Daniel is no form of Priya, so the number "
        "did not link them, and the pair waited for a person to look at it. In February the number was put right, and "
        "nothing waits any more.",
        "crm/1010",
        "loyalty/5502",
    ),
    _chapter(
        "The till's device id is nobody's",
        "In January three cards were handed out at one till, without a name, and passed for one person. In February "
        "more cards carried the till's id than one person may have: it stopped linking, what it had linked came apart "
        "by itself, and an alert was raised.",
        "loyalty/5504",
        "loyalty/5505",
        "loyalty/5506",
    ),
)

STAYS = RecordName("crm", "1042")
GOES = (RecordName("loyalty", "5500"),)
"""Her card, that passed for her husband's."""

WRONG = Chapter(
    "Chris Hall is married to Chris Hall",
    "In January her loyalty card had his name, their landline and nothing else, and passed for his: a wrong merge that "
    "no rule can see. In February she got a second card, with her date of birth. That one could not be his, and "
    "her two cards went into the queue for somebody to look at.",
    (STAYS, *GOES, RecordName("loyalty", "5513")),
)

QUERY = (
    'query { profile(by: {email: "sophie.clarke@example.com"}) '
    "{ id version firstName lastName birthday email phone city records { source key } } }"
)
"""Who is Sophie? Asked over GraphQL at the end of the story, and by `cdp up`."""
