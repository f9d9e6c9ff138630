"""Clusters with decisions, matches and vetoes: a function of the data, and no cluster holds what was kept apart."""

from dataclasses import replace
from itertools import combinations
from typing import Literal, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.identity.cluster import Decision, Match, Node, Partition, components, on_grid, partition
from app.identity.identifier import Identifier
from app.identity.policy import EDITED_RECORD, NamespaceRule, Policy, Vetoes
from app.identity.vetoes import Facts, Strength, told, veto

Verdict = Literal["same", "different"]

NAMESPACES = ("email", "user_id")
SOME = [Identifier(namespace, value) for namespace in NAMESPACES for value in "123"]
EMAIL, USER, OTHER_USER = Identifier("email", "1"), Identifier("user_id", "1"), Identifier("user_id", "2")
NAMES = (None, ("ada", "king"), ("bob", ""), ("robert", "king"), ("zoe", ""))
BIRTHDAYS = ("", "1971-05-24", "1971-05-25", "1990-12-31")

facts = st.builds(Facts, st.sampled_from(NAMES), st.sampled_from(BIRTHDAYS))
policies = st.builds(
    lambda namespaces, most, vetoes: Policy(namespaces=namespaces, max_cluster=most, vetoes=vetoes),
    st.fixed_dictionaries(
        {
            "email": st.just(NamespaceRule(60, 2, 1000)),
            "user_id": st.builds(NamespaceRule, st.just(100), st.integers(1, 2), st.just(1000)),
        }
    ),
    st.integers(2, 7),
    st.builds(Vetoes, st.booleans(), st.booleans(), st.booleans()),
)


class Case:
    """Some records, and what is said of them. Records are named by their place, whatever ids they get."""

    def __init__(self, nodes: list[Node], decisions: list[Decision], matches: list[Match], policy: Policy) -> None:
        self.nodes, self.decisions, self.matches, self.policy = nodes, decisions, matches, policy

    def divided(self) -> list[Partition]:
        return [
            partition(component, (), self.policy, decisions=self.decisions, matches=self.matches)
            for component in components(self.nodes, (), decisions=self.decisions, matches=self.matches)
        ]

    def outcome(self) -> tuple[set[frozenset[str]], set[tuple[object, ...]]]:
        """The clusters and ties by the keys of the records."""
        key = {node.id: node.rank[2] for node in self.nodes}
        parts = self.divided()
        return (
            {frozenset(key[id] for id in cluster) for part in parts for cluster in part.clusters},
            {(key[t.a], key[t.b], t.kind, t.identifier, t.score, t.refused) for part in parts for t in part.ties},
        )

    @property
    def clusters(self) -> list[set[int]]:
        return [set(cluster) for part in self.divided() for cluster in part.clusters]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    size = draw(st.integers(2, 8))
    ids = list(range(1, size + 1))
    nodes = [
        Node(
            id,
            (draw(st.integers(0, 2)), draw(st.sampled_from(["crm", "shop"])), str(id)),
            draw(st.frozensets(st.sampled_from(SOME), max_size=2)),
            facts=draw(facts),
        )
        for id in ids
    ]
    nodes = [
        replace(n, facts=replace(n.facts, account=n.rank[1:])) if n.facts and n.rank[1] == "crm" and n.id % 2 else n
        for n in nodes
    ]
    pairs = st.tuples(st.sampled_from(ids), st.sampled_from(ids)).filter(lambda p: p[0] != p[1])
    decisions = draw(
        st.lists(st.builds(lambda p, v: Decision(*p, v), pairs, st.sampled_from(get_args(Verdict))), max_size=4)
    )
    scores = st.sampled_from([5.0, 9.5, 9.5 + 1e-9, 25.0])
    matches = draw(
        st.lists(
            st.builds(lambda p, s: Match(*p, s), pairs, scores),
            max_size=5,
            unique_by=lambda m: {m.a, m.b} and tuple(sorted((m.a, m.b))),
        )
    )
    return Case(nodes, decisions, matches, draw(policies))


@given(cases(), st.data())
def test_neither_order_nor_ids_nor_sides_matter(case: Case, data: st.DataObject) -> None:
    swapped = [replace(d, a=d.b, b=d.a) for d in data.draw(st.permutations(case.decisions))]
    matches = [replace(m, a=m.b, b=m.a) for m in data.draw(st.permutations(case.matches))]
    nodes = data.draw(st.permutations(case.nodes))
    assert Case(nodes, swapped, matches, case.policy).outcome() == case.outcome()
    renumbered = Case(
        [replace(n, id=100 - n.id) for n in nodes],
        [replace(d, a=100 - d.a, b=100 - d.b) for d in swapped],
        [replace(m, a=100 - m.a, b=100 - m.b) for m in matches],
        case.policy,
    )
    assert renumbered.outcome() == case.outcome()


@given(cases())
def test_no_cluster_holds_two_records_decided_different(case: Case) -> None:
    for said in case.decisions:
        if said.verdict == "different":
            assert not any({said.a, said.b} <= cluster for cluster in case.clusters)


@given(cases())
def test_no_cluster_holds_a_vetoed_pair_that_no_decision_or_strong_link_explains(case: Case) -> None:
    case.decisions = [d for d in case.decisions if d.verdict == "different"]
    case.matches = [replace(m, margin=0.0) for m in case.matches]
    case.nodes = [replace(n, identifiers={i for i in n.identifiers if i.namespace == "email"}) for n in case.nodes]
    facts_of = {n.id: told(n.facts) for n in case.nodes}
    for cluster in case.clusters:
        for a, b in combinations(cluster, 2):
            assert veto(facts_of[a], facts_of[b], Strength.WEAK, case.policy.vetoes) is None


@given(cases())
def test_no_cluster_passes_the_cap_and_no_limit_is_passed_without_a_decision(case: Case) -> None:
    assert all(len(cluster) <= case.policy.max_cluster for cluster in case.clusters)
    case.decisions = []
    held = {n.id: n.identifiers for n in case.nodes}
    for cluster in case.clusters:
        for namespace in NAMESPACES:
            values = {i.value for id in cluster for i in held[id] if i.namespace == namespace}
            assert len(cluster) == 1 or len(values) <= case.policy.rule(namespace).max_values


@given(cases(), st.data())
def test_a_record_removed_is_a_record_never_had(case: Case, data: st.DataObject) -> None:
    gone = data.draw(st.sampled_from(case.nodes)).id
    without = Case([n for n in case.nodes if n.id != gone], case.decisions, case.matches, case.policy)
    never = Case(
        without.nodes,
        [d for d in case.decisions if gone not in (d.a, d.b)],
        [m for m in case.matches if gone not in (m.a, m.b)],
        case.policy,
    )
    assert without.outcome() == never.outcome()


@given(cases())
def test_components_reach_over_every_verdict_and_every_match(case: Case) -> None:
    place = {
        node.id: at
        for at, part in enumerate(components(case.nodes, (), decisions=case.decisions, matches=case.matches))
        for node in part
    }
    assert all(place[pair.a] == place[pair.b] for pair in (*case.decisions, *case.matches))


@given(cases())
def test_every_link_that_is_not_refused_lies_within_a_cluster(case: Case) -> None:
    clusters = case.clusters
    for part in case.divided():
        for tie in part.ties:
            together = any({tie.a, tie.b} <= cluster for cluster in clusters)
            assert together or tie.refused is not None


# --- One at a time ----------------------------------------------------------------------------------------------------


def node(id: int, *held: Identifier, name: str = "", birthday: str = "", account: bool = False) -> Node:
    rank = (id, "crm", str(id))
    own = rank[1:] if account else None
    return Node(id, rank, set(held), facts=Facts((name, "") if name else None, birthday, own))


def refusals(part: Partition) -> list[str | None]:
    return [tie.refused for tie in part.ties]


@pytest.mark.parametrize(
    ("one", "other", "reason"),
    [
        ({"name": "ada"}, {"name": "zoe"}, "veto:first_name"),
        ({"birthday": "1971-05-24"}, {"birthday": "1990-12-31"}, "veto:birthday"),
        ({"account": True}, {"account": True}, "veto:one_per_person"),
        ({"name": "bob"}, {"name": "robert"}, None),
        ({"birthday": "1971-05-24"}, {"birthday": "1971-05-25"}, None),
        ({"account": True}, {}, None),
    ],
)
def test_a_shared_address_unites_unless_a_veto_forbids_it(
    one: dict[str, str], other: dict[str, str], reason: str | None
) -> None:
    nodes = [node(1, EMAIL, **one), node(2, EMAIL, **other)]  # type: ignore[arg-type]
    assert refusals(partition(nodes, (), Policy())) == [reason]
    off = Policy(vetoes=Vetoes(one_per_person=False, birthday=False, first_name=False))
    assert refusals(partition(nodes, (), off)) == [None]


def test_a_customer_number_proves_two_first_names_one_persons_and_both_count_from_then_on() -> None:
    nodes = [node(1, USER, name="katherine"), node(2, USER, EMAIL, name="zoe"), node(3, EMAIL, name="katherine")]
    assert partition(nodes, (), Policy()).clusters == [(1, 2, 3)]


def test_first_names_apart_hold_against_the_whole_cluster_and_not_the_nearest_record() -> None:
    phone = Identifier("phone", "1")
    nodes = [node(1, EMAIL, name="ada"), node(2, EMAIL, phone), node(3, phone, name="zoe")]
    part = partition(nodes, (), Policy())
    assert part.clusters == [(1, 2), (3,)]
    assert [(t.a, t.b, t.refused) for t in part.ties] == [(1, 2, None), (2, 3, "veto:first_name")]


def test_a_decision_outranks_vetoes_and_limits_but_not_its_opposite_nor_the_cap() -> None:
    nodes = [node(1, USER, name="ada", birthday="1971-05-24"), node(2, OTHER_USER, name="zoe", birthday="1990-12-31")]
    same, different = Decision(1, 2, "same"), Decision(2, 1, "different")
    assert partition(nodes, (), Policy(), decisions=[same]).clusters == [(1, 2)]
    contradictory = partition(nodes, (), Policy(), decisions=[same, different])
    assert contradictory.clusters == [(1,), (2,)]
    assert [(t.kind, t.refused) for t in contradictory.ties] == [("decision", "different")]
    assert refusals(partition(nodes, (), Policy(max_cluster=1), decisions=[same])) == ["max_cluster"]


def test_what_a_decision_allowed_is_no_reason_against_the_next_record() -> None:
    nodes = [node(1, USER, name="ada"), node(2, OTHER_USER, EMAIL, name="zoe"), node(3, EMAIL, name="ada")]
    assert partition(nodes, (), Policy(), decisions=[Decision(1, 2, "same")]).clusters == [(1, 2, 3)]
    third = Node(4, (4, "crm", "4"), {EMAIL, Identifier("user_id", "3")})
    part = partition([*nodes, third], (), Policy(), decisions=[Decision(1, 2, "same")])
    assert part.clusters == [(1, 2, 3), (4,)]


def test_contradictory_decisions_around_a_corner_refuse_the_youngest() -> None:
    nodes = [node(1), node(2), node(3)]
    said = [Decision(2, 3, "same"), Decision(1, 2, "same"), Decision(1, 3, "different")]
    part = partition(nodes, (), Policy(), decisions=said)
    assert part.clusters == [(1, 2), (3,)]
    assert [(t.a, t.b, t.refused) for t in part.ties] == [(1, 2, None), (2, 3, "different")]


def test_matches_come_after_identifiers_and_the_higher_score_first() -> None:
    limited = Policy(max_cluster=2)
    nodes = [node(1), node(2, EMAIL), node(3, EMAIL), node(4)]
    matches = [Match(1, 2, 30.0), Match(1, 4, 8.0), Match(3, 4, 12.0)]
    part = partition(nodes, (), limited, matches=matches)
    assert [(t.kind, t.a, t.b) for t in part.ties if t.refused is None] == [("identifier", 2, 3), ("match", 1, 4)]


def test_the_last_digits_of_a_score_decide_nothing() -> None:
    nodes, limited = [node(1), node(2), node(3)], Policy(max_cluster=2)
    for tiny in (-1e-12, 1e-12):
        part = partition(nodes, (), limited, matches=[Match(1, 2, 9.5), Match(2, 3, 9.5 + tiny)])
        assert part.clusters == [(1, 2), (3,)]
    assert on_grid(9.5) == on_grid(9.5 + 1e-12) < on_grid(9.6)


def test_an_edit_by_hand_may_correct_a_date_of_birth() -> None:
    tie = Identifier(EDITED_RECORD, "crm/1")
    wrong = node(1, tie, EMAIL, birthday="1971-05-24")
    edit = replace(node(2, tie, birthday="1990-12-31"), founds=False)
    other = node(3, EMAIL, birthday="1990-12-31")
    assert partition([wrong, edit], (), Policy()).clusters == [(1, 2)]
    assert partition([wrong, edit, other], (), Policy()).clusters == [(1, 2, 3)]


def test_a_score_that_proves_much_outweighs_a_birthday_first_and_a_first_name_later() -> None:
    names = [node(1, name="ada"), node(2, name="zoe")]
    days = [node(1, birthday="1990-01-02"), node(2, birthday="1971-05-24")]

    def refused(nodes: list[Node], margin: float) -> list[str | None]:
        return refusals(partition(nodes, (), Policy(), matches=[Match(1, 2, 30.0, margin)]))

    assert (refused(days, 3.9), refused(days, 4.0)) == (["veto:birthday"], [None])
    assert (refused(names, 11.9), refused(names, 12.0)) == (["veto:first_name"], [None])


def test_an_edit_by_hand_belongs_to_its_record_even_where_a_source_has_one_record_a_person() -> None:
    tie = Identifier(EDITED_RECORD, "crm/1")
    nodes = [node(1, tie, account=True), node(2, tie, account=True)]
    assert partition(nodes, (), Policy()).clusters == [(1, 2)]


def test_what_a_decision_allowed_stays_allowed_as_the_cluster_grows() -> None:
    phone = Identifier("phone", "1")
    nodes = [node(1, USER), node(2, OTHER_USER, EMAIL), node(3, EMAIL, phone), node(4, phone)]
    assert partition(nodes, (), Policy(), decisions=[Decision(1, 2, "same")]).clusters == [(1, 2, 3, 4)]


def test_a_record_that_says_nothing_hides_nothing_that_its_cluster_says() -> None:
    phone = Identifier("phone", "1")
    silent = replace(node(2, EMAIL, phone), facts=None)
    part = partition([node(1, EMAIL, name="ada"), silent, node(3, phone, name="zoe")], (), Policy())
    assert part.clusters == [(1, 2), (3,)]
