"""`explain` of a profile over GraphQL: the same as over REST, and weighed for what it costs."""

from tests.domain.office import Office
from tests.graphql.conftest import Asker

WHY = """
query ($key: String!) { profile(by: {record: {source: "crm", key: $key}}) { id explain {
  records { source key } allRefused
  links { a { source key profileId } b { source key } kind namespace score model reason decisionId }
  refused { a { key } b { key profileId } kind namespace because detail }
} } }
"""


async def test_a_profile_says_why_it_is_one_person(asker: Asker, office: Office) -> None:
    await office.person("1", email="ada@mail.example", birthday="1990-02-01")
    await office.person("2", source="shop", day=1, email="ada@mail.example")
    await office.person("3", day=2)
    await office.decide("same", "crm/1", "crm/3")
    await office.person("4", day=3, email="ada@mail.example", birthday="1961-07-24")
    twin = (await asker.ask(WHY, key="4"))["profile"]
    profile = (await asker.ask(WHY, key="1"))["profile"]
    why = profile["explain"]
    assert [record["key"] for record in why["records"]] == ["1", "2", "3"]
    assert [(link["a"]["key"], link["b"]["key"], link["kind"], link["namespace"]) for link in why["links"]] == [
        ("1", "2", "identifier", "email"),
        ("1", "3", "decision", None),
    ]
    assert [link["decisionId"] is None for link in why["links"]] == [True, False]
    assert why["links"][0]["a"] == {"source": "crm", "key": "1", "profileId": profile["id"]}
    assert {(link["b"]["key"], link["b"]["profileId"], link["because"]) for link in why["refused"]} == {
        ("4", twin["id"], "veto:birthday")
    }
    assert why["allRefused"] is True


async def test_explanations_of_very_many_people_at_once_are_too_costly(asker: Asker) -> None:
    people = [{"userId": str(n)} for n in range(300)]
    query = "query ($by: [ProfileBy!]!) { profiles(by: $by) { explain { allRefused } } }"
    assert "at most" in await asker.refused(query, by=people)
    assert (await asker.ask(query, by=people[:200]))["profiles"] == [None] * 200
