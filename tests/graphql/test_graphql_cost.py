"""Any query of up to 10 KB is accepted or refused within 50 ms of CPU, and what runs is bounded."""

import gc
import time
from typing import Any

import pytest
from graphql import OverlappingFieldsCanBeMergedRule, get_introspection_query, parse, validate
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.api.graphql.cost import MAX_COST, Scale, TooCostly
from app.api.graphql.documents import MAX_BYTES, REMEMBERED, Document, Documents, read
from app.api.graphql.overlap import conflicts
from app.api.graphql.schema import Built, build
from app.domain.catalog import BUILT_IN, Catalog, Trait
from tests.graphql.conftest import Asker

BUDGET = 0.050
ADA = 'profile(by: {email: "ada@example.com"})'
AT = 'at(instant: "2026-01-01T00:00:00Z")'


@pytest.fixture(scope="module")
def built() -> Built:
    """A catalog of four hundred traits."""
    traits = (*BUILT_IN, *(Trait(f"n{n}x", "money") for n in range(400)))
    return build(Catalog(1, {trait.name: trait for trait in traits}))


def many(pattern: str, times: int) -> str:
    return " ".join(pattern.replace("#", str(n)) for n in range(times))


def chained(times: int, body: str) -> str:
    """Fragments that each hold the next one twice: 2 ** times of the last."""
    parts = [f"fragment F{n} on Profile {{ {body.replace('@', f'...F{n + 1} ...F{n + 1}')} }}" for n in range(times)]
    return f"{{ {ADA} {{ ...F0 }} }} " + " ".join(parts) + f" fragment F{times} on Profile {{ id }}"


KILLERS = {
    "20 chained fragments": chained(20, "@"),
    "20 chained fragments over a field": chained(20, f"{AT} {{ @ }}"),
    "chained fragments with aliases": chained(12, f"a: {AT} {{ @ }} b: {AT} {{ @ }}"),
    "chained fragments of nothing": chained(20, "@").replace("Profile { id }", "Profile { ...Nobody }"),
    "overlapping fields": f"{{ {many(f'{ADA} {{ firstName }}', 170)} }}",
    "overlapping leaves": f"{{ {ADA} {{ {many('firstName', 480)} }} }}",
    "overlapping pages": f"{{ {ADA} {{ {many('history { items { version } }', 120)} }} }}",
    "10,000 directives": f"{{ {ADA} {{ id {'@a ' * 3300} }} }}",
    "600 known directives": f"{{ {ADA} {{ id {'@skip(if: false) ' * 590} }} }}",
    "alias bomb": f"{{ {many('a#: __typename', 600)} }}",
    "nested 17 deep": "{ " + ADA + " { " + f"{AT} {{ " * 17 + "id" + " }" * 19,
    "2,400 levels": "{ " + "a{" * 2400 + "a" + "}" * 2401,
    "lists in lists": "{ profiles(by: " + "[" * 4900 + "]" * 4900 + ") { id } }",
    "objects in objects": "{ profiles(by: " + "{a:" * 900 + "1" + "}" * 900 + ") { id } }",
    "unknown fields": f"{{ {ADA} {{ {many('firstNam#', 480)} }} }}",
    "unknown arguments": f"{{ {ADA} {{ {many('firstName(q#: 1)', 300)} }} }}",
    "inline fragments": f"{{ {ADA} {{ " + "...{" * 2000 + "id" + "}" * 2002,
    "crossing fragments": f"{{ {ADA} {{ {many('...F#', 40)} }} }} "
    + " ".join(
        f"fragment F{n} on Profile {{ {' '.join(f'...F{m}' for m in range(n + 1, 40))} id }}" for n in range(40)
    ),
    "fragments in a ring": f"{{ {ADA} {{ ...A }} }} fragment A on Profile {{ ...B }} fragment B on Profile {{ ...A }}",
    "nested introspection": "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }",
    "introspection by alias": "{" + many('a#: __type(name: "Profile") { fields { name type { name } } }', 90) + "}",
    "many operations": many(f"query q# {{ {ADA} {{ ...F }} }}", 10)
    + f" fragment F on Profile {{ {many('n#x { amount }', 240)} }}",
    "variables through fragments": f"query ({many('$v#: Int', 90)}) {{ {ADA} {{ {many('...F#', 40)} }} }} "
    + many("fragment F# on Profile { h#: history(first: $v#) { nextCursor } }", 40),
    "a long text": f'{{ profile(by: {{email: "{"x" * 9900}"}}) {{ id }} }}',
    "comments": "#\n" * 5000 + "{ __typename }",
    "as many fields as may be": f"{{ {ADA} {{ {many('n#x { amount currency }', 160)} }} }}",
    "literals": "{ profiles(by: [" + many('{id: "x"},', 400) + "]) { id } }",
    "a block of text": '{ profile(by: {email: """' + "\n x" * 3000 + '"""}) { id } }',
    "the introspection of tools": get_introspection_query(),
}


def seconds(built: Built, text: str) -> float:
    """CPU for one reading, the best of three: the neighbours and the collector are not the query's."""
    gc.collect()
    best = float("inf")
    for _ in range(3):
        started = time.process_time()
        read(built, text)
        best = min(best, time.process_time() - started)
    return best


@pytest.mark.parametrize("name", KILLERS)
def test_a_killer_query_costs_at_most_50_ms(built: Built, name: str) -> None:
    text = KILLERS[name]
    assert len(text.encode()) <= MAX_BYTES, "a longer one is refused before it is looked at"
    assert seconds(built, text) < BUDGET


WORDS = (
    "{ } ( ) [ ] : ! ... @skip(if:true) $v by profile profiles id firstName history items events first at query ...F"
    " ...{ a: 1"
    ' "x" __type __schema fields type null """b""" mutation on'
)
TOKENS = st.sampled_from([*WORDS.split(), "fragment F on Profile", ADA + "{", "#c\n"])


@given(st.lists(TOKENS, max_size=60), st.integers(1, 40))
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_no_text_at_all_fails_or_takes_long(built: Built, words: list[str], times: int) -> None:
    text = (" ".join(words) * times)[:MAX_BYTES]
    read(built, text)
    assert seconds(built, text) < BUDGET


@pytest.mark.parametrize(
    "name",
    [
        "20 chained fragments",
        "chained fragments with aliases",
        "10,000 directives",
        "600 known directives",
        "alias bomb",
        "nested 17 deep",
        "2,400 levels",
        "lists in lists",
        "inline fragments",
        "crossing fragments",
        "fragments in a ring",
        "nested introspection",
        "introspection by alias",
    ],
)
def test_what_would_run_for_long_is_refused(built: Built, name: str) -> None:
    assert read(built, KILLERS[name]).ast is None


@pytest.mark.parametrize("name", ["as many fields as may be", "the introspection of tools", "a long text", "literals"])
def test_what_is_merely_long_is_taken(built: Built, name: str) -> None:
    assert read(built, KILLERS[name]).errors == ()


def cost(text: str, built: Built, **variables: Any) -> float:
    return Scale(parse(text), built.sizes, variables).weigh().cost


def test_cost_is_people_times_fields_times_items(built: Built) -> None:
    one = cost(f"{{ {ADA} {{ firstName lastName }} }}", built)
    assert one == 3
    assert cost("query ($by: [ProfileBy!]!) { profiles(by: $by) { id lastName } }", built, by=[{}] * 500) == 1001
    assert cost('{ profiles(by: [{id: "x"}, {id: "y"}]) { id } }', built) == 3
    page = cost(f"{{ {ADA} {{ events(first: 50) {{ items {{ type name }} }} }} }}", built)
    assert page == 1 + 20 + 50 * 3
    fragments = f"{{ {ADA} {{ ...F ...F }} }} fragment F on Profile {{ id lastName }}"
    assert cost(fragments, built) == 5


def test_lists_in_variables_count_when_they_come(built: Built) -> None:
    text = "query ($by: [ProfileBy!]!, $n: Int = 100) { profiles(by: $by) { events(first: $n) { items { type } } } }"
    document = read(built, text)
    assert document.depends_on_variables
    with pytest.raises(TooCostly):
        cost(text, built, by=[{}] * 500)
    assert cost(text, built, by=[{}] * 500, n=1) <= MAX_COST


async def test_a_request_whose_variables_make_it_too_costly_is_refused(asker: Asker) -> None:
    text = "query ($by: [ProfileBy!]!) { profiles(by: $by) { events(first: 100) { items { type name } } } }"
    assert await asker.ask(text, by=[{"id": "x"}]) == {"profiles": [None]}
    assert "values" in await asker.refused(text, by=[{"id": "x"}] * 1000)


async def test_a_query_past_10_kb_is_refused(asker: Asker) -> None:
    assert "10240 bytes" in await asker.refused("{ __typename }" + " " * MAX_BYTES)
    assert "10240 bytes" in await asker.refused("{ __typename } #" + "é" * 5200)


PAIRS = st.lists(
    st.sampled_from(
        ["id", "version", "x: id", "x: version", "lastName", "version: id", "...F", "...G", "... { x: id }",
         "history { nextCursor }", "history(first: 1) { nextCursor }", "h: history { x: nextCursor }",
         "h: history { items { x: version } }", "h: history { items { x: reason } }", "h: history { ...H }"]
    ),
    min_size=1, max_size=8,
)  # fmt: skip
FRAGMENTS = (
    " fragment F on Profile { x: lastName ...G } fragment G on Profile { h: history { items { x: at } } }"
    " fragment H on VersionPage { items { x: version } }"
)


@given(PAIRS, PAIRS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_conflicts_are_those_of_the_specifications_rule(built: Built, one: list[str], other: list[str]) -> None:
    document = parse(f"{{ {ADA} {{ {' '.join(one)} }} {ADA} {{ {' '.join(other)} }} }}" + FRAGMENTS)
    by_the_rule = validate(built.schema, document, [OverlappingFieldsCanBeMergedRule])
    assert (conflicts(document) is not None) == bool(by_the_rule)


def test_documents_are_read_once_and_only_so_many_are_kept(built: Built) -> None:
    documents = Documents(built)
    first = documents.read("{ __typename }")
    assert documents.read("{ __typename }") is first
    for n in range(REMEMBERED):
        documents.read(f"{{ a{n}: __typename }}")
    again = documents.read("{ __typename }")
    assert again is not first
    assert isinstance(again, Document)
