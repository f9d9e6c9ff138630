"""Clusters are a function of the records and the policy, and keep every limit."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from app.identity.cluster import Node, components, partition
from app.identity.identifier import Identifier
from app.identity.policy import NamespaceRule, Policy
from tests.make import DAWN
from tests.properties import oracle

NAMESPACES = ("card", "email", "user_id")
SOME = [Identifier(namespace, value) for namespace in NAMESPACES for value in "123"]

rules = st.builds(NamespaceRule, st.sampled_from([10, 50]), st.integers(1, 2), st.integers(1, 4))
policies = st.builds(
    lambda namespaces, most: Policy(namespaces=namespaces, max_cluster=most),
    st.fixed_dictionaries(dict.fromkeys(NAMESPACES, rules)),
    st.integers(1, 6),
)


@st.composite
def people(draw: st.DrawFn) -> list[Node]:
    carried = draw(st.lists(st.sets(st.sampled_from(SOME), max_size=3), min_size=1, max_size=9))
    ids = draw(st.permutations(range(1, len(carried) + 1)))
    born = [draw(st.integers(0, 2)) for _ in carried]
    return [
        Node(id, (at, "crm", str(place)), frozenset(held))
        for place, (id, at, held) in enumerate(zip(ids, born, carried, strict=True))
    ]


def generic_in(nodes: list[Node], policy: Policy) -> set[Identifier]:
    return {i for i in SOME if sum(i in n.identifiers for n in nodes) > policy.rule(i.namespace).max_records}


def divided(
    nodes: list[Node], policy: Policy
) -> tuple[set[frozenset[int]], set[tuple[int, int, Identifier, str | None]]]:
    generic = generic_in(nodes, policy)
    parts = [partition(component, generic, policy) for component in components(nodes, generic)]
    return (
        {frozenset(cluster) for part in parts for cluster in part.clusters},
        {(tie.a, tie.b, tie.identifier, tie.refused) for part in parts for tie in part.ties},
    )


@given(people(), policies)
def test_clusters_and_links_are_what_the_definition_says(nodes: list[Node], policy: Policy) -> None:
    ids = {("crm", node.rank[2]): node.id for node in nodes}
    records = sorted(
        (
            oracle.Record(
                ("crm", node.rank[2]),
                DAWN + timedelta(minutes=node.rank[0]),
                True,
                {},
                frozenset((i.namespace, i.value) for i in node.identifiers),
            )
            for node in nodes
        ),
        key=lambda r: r.rank,
    )
    linking = {(i.namespace, i.value) for n in nodes for i in n.identifiers} - {
        (i.namespace, i.value) for i in generic_in(nodes, policy)
    }
    links, clusters = oracle.divided(records, linking, policy)
    assert divided(nodes, policy) == (
        {frozenset(ids[record.name] for record in cluster) for cluster in clusters},
        {(ids[link.a], ids[link.b], Identifier(*link.identifier), link.refused) for link in links},
    )


@given(people(), policies, st.data())
def test_neither_the_order_nor_the_numbers_of_the_records_matter(
    nodes: list[Node], policy: Policy, data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(nodes))
    assert divided(shuffled, policy) == divided(nodes, policy)
    renumbered = [replace(node, id=1000 - node.id) for node in nodes]
    clusters, _ = divided(renumbered, policy)
    assert {frozenset(1000 - id for id in cluster) for cluster in clusters} == divided(nodes, policy)[0]


@given(people(), policies)
def test_the_canonical_record_of_a_cluster_is_its_oldest(nodes: list[Node], policy: Policy) -> None:
    ranks = {node.id: node.rank for node in nodes}
    generic = generic_in(nodes, policy)
    for component in components(nodes, generic):
        for cluster in partition(component, generic, policy).clusters:
            assert list(cluster) == sorted(cluster, key=ranks.__getitem__)


@given(people(), policies)
def test_no_cluster_of_several_breaks_a_limit(nodes: list[Node], policy: Policy) -> None:
    by_id = {node.id: node for node in nodes}
    generic = generic_in(nodes, policy)
    for cluster in divided(nodes, policy)[0]:
        if len(cluster) == 1:
            continue
        assert len(cluster) <= policy.max_cluster
        held = {i for id in cluster for i in by_id[id].identifiers} - generic
        for namespace in NAMESPACES:
            assert sum(i.namespace == namespace for i in held) <= policy.rule(namespace).max_values


@given(people(), policies)
def test_links_never_reach_out_of_their_component(nodes: list[Node], policy: Policy) -> None:
    generic = generic_in(nodes, policy)
    for component in components(nodes, generic):
        inside = {node.id for node in component}
        found = partition(component, generic, policy)
        assert {id for cluster in found.clusters for id in cluster} == inside
        assert all({tie.a, tie.b} <= inside for tie in found.ties)


def two(one: set[Identifier], other: set[Identifier]) -> list[Node]:
    return [Node(1, (0, "crm", "1"), one), Node(2, (1, "crm", "2"), other)]


EMAIL, CARD = Identifier("email", "1"), Identifier("card", "1")
USERS = [Identifier("user_id", value) for value in "12"]


def test_a_refused_link_says_why() -> None:
    _, ties = divided(two({EMAIL, USERS[0]}, {EMAIL, USERS[1]}), Policy())
    assert ties == {(1, 2, EMAIL, "max_values:user_id")}
    _, ties = divided(two({EMAIL}, {EMAIL}), Policy(max_cluster=1))
    assert ties == {(1, 2, EMAIL, "max_cluster")}


def test_a_stronger_link_is_taken_before_a_weaker_one() -> None:
    nodes = [
        Node(1, (0, "crm", "1"), {EMAIL, USERS[0]}),
        Node(2, (1, "crm", "2"), {EMAIL, CARD}),
        Node(3, (2, "crm", "3"), {CARD, USERS[1]}),
    ]
    clusters, ties = divided(nodes, Policy())  # a customer number, priority 70, before an address, 60
    assert clusters == {frozenset({1}), frozenset({2, 3})}
    assert ties == {(2, 3, CARD, None), (1, 2, EMAIL, "max_values:user_id")}


def test_what_too_many_carry_links_nobody_and_reaches_nobody() -> None:
    nodes = [Node(id, (id, "crm", str(id)), {EMAIL}) for id in range(1, 14)]
    assert len(divided(nodes, Policy())[0]) == 13
    assert len(divided(nodes[:12], Policy())[0]) == 1
    assert len(components(nodes, {EMAIL})) == 13
