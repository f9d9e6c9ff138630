"""Fields of one answer key must be one field (GraphQL, section 5.3.2), found in one walk.

The rule as graphql-core has it compares every pair and takes seconds over a
few hundred overlapping fields. Here each field is compared with the first of
its key only. That is the whole rule for a schema of object types without
interfaces and unions: fields side by side have one parent type, so they agree
when their names and arguments do. The caller has bounded how many fields there
are after every fragment was put in its place (cost.py).
"""

from collections.abc import Iterable, Iterator, Mapping

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    print_ast,
)


def conflicts(document: DocumentNode) -> GraphQLError | None:
    """The first pair of fields that cannot share their answer key, or None."""
    fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode):
            found = _within([definition.selection_set], fragments)
            if found is not None:
                return found
    return None


def _within(
    selections: Iterable[SelectionSetNode], fragments: Mapping[str, FragmentDefinitionNode]
) -> GraphQLError | None:
    first: dict[str, FieldNode] = {}
    below: dict[str, list[SelectionSetNode]] = {}
    for node in _fields(selections, fragments, set()):
        key = node.alias.value if node.alias is not None else node.name.value
        other = first.setdefault(key, node)
        if other is not node and not _same(other, node):
            return GraphQLError(
                f"Fields of the key '{key}' conflict: they are different fields or have different arguments."
                " Use different aliases.",
                [other, node],
            )
        if node.selection_set is not None:
            below.setdefault(key, []).append(node.selection_set)
    return next((found for sets in below.values() if (found := _within(sets, fragments)) is not None), None)


def _fields(
    selections: Iterable[SelectionSetNode], fragments: Mapping[str, FragmentDefinitionNode], spread: set[str]
) -> Iterator[FieldNode]:
    """The fields side by side, each fragment put in its place once."""
    for selection in selections:
        for node in selection.selections:
            if isinstance(node, FieldNode):
                yield node
            elif isinstance(node, InlineFragmentNode):
                yield from _fields([node.selection_set], fragments, spread)
            elif isinstance(node, FragmentSpreadNode) and node.name.value not in spread:
                spread.add(node.name.value)
                if node.name.value in fragments:
                    yield from _fields([fragments[node.name.value].selection_set], fragments, spread)


def _same(one: FieldNode, other: FieldNode) -> bool:
    return one.name.value == other.name.value and _arguments(one) == _arguments(other)


def _arguments(node: FieldNode) -> dict[str, str]:
    return {each.name.value: print_ast(each.value) for each in node.arguments or ()}
