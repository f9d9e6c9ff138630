"""What a document asks for, weighed in one pass before anything else looks at it.

Each fragment is weighed once and remembered, so a document is weighed in time
proportional to its length however its fragments fan out. What is too deep, too
wide or too costly is refused here, before validation, whose own rules would
take seconds over it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
)

from app.core.errors import Refused
from app.domain.history import MAX_PAGE

MAX_DEPTH = 16
MAX_FIELDS = 500
"""Fields written in a document."""
MAX_EXPANDED = 1000
"""Fields after every fragment was put in its place."""
MAX_ALIASES = 100
MAX_DIRECTIVES = 50
MAX_OPERATIONS = 10
MAX_FRAGMENTS = 50
MAX_VARIABLES = 100
MAX_VALUE_DEPTH = 8
MAX_COST = 50_000
"""Values that an answer may hold; one takes some 10 microseconds."""

DATA = "data"
STATEMENT = 20
"""What a field that reads more from the database weighs beside its values."""
EXPLANATION = 200
"""What an explanation weighs beside its values: it opens every record of a profile."""
DEFAULT_FIRST = 20
SMALL_LIST = 5
INTROSPECTED = 0.5
"""A field of the introspection weighs less: it reads no database."""
WRAPPED = 0.25
"""Few types of a schema are lists or not null, and most tools ask nine levels deep for what they wrap."""
_SMALL_LISTS = frozenset("identifiers records traits causes segments consents links refused contributions".split())


class TooCostly(Refused):
    """The query asks for too much at once."""

    code = "query_too_costly"


@dataclass(frozen=True, slots=True)
class Weight:
    """Of a selection: values per parent, fields with every fragment in its place, levels below."""

    cost: float = 0
    expanded: int = 0
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Sizes:
    """Of the schema: fields in all, fields of the widest type, types, and arguments of fields in all."""

    fields: int
    widest: int
    types: int
    arguments: int


class Scale:
    """Weighs one document. `variables` are those of the request; without them lists are taken to hold one item."""

    def __init__(self, document: DocumentNode, sizes: Sizes, variables: Mapping[str, Any] | None = None) -> None:
        self.asks_for_proof = False
        self.depends_on_variables = False
        self._sizes = sizes
        self._variables = variables
        self._fields = self._aliases = self._directives = 0
        self._seen: dict[tuple[str, str], Weight | None] = {}
        self._weighed: set[str] = set()
        self._fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
        self._operations = [d for d in document.definitions if isinstance(d, OperationDefinitionNode)]
        if len(self._operations) > MAX_OPERATIONS or len(document.definitions) > MAX_OPERATIONS + MAX_FRAGMENTS:
            raise TooCostly(f"A document has at most {MAX_OPERATIONS} operations and {MAX_FRAGMENTS} fragments.")

    def weigh(self) -> Weight:
        """The weight of the heaviest operation. Raises TooCostly."""
        heaviest = Weight()
        for operation in self._operations:
            self._count_directives(operation)
            if len(operation.variable_definitions or ()) > MAX_VARIABLES:
                raise TooCostly(f"An operation has at most {MAX_VARIABLES} variables.")
            for variable in operation.variable_definitions or ():
                self._count_directives(variable)
                _shallow(variable.default_value)
            weight = self._selections(operation.selection_set, DATA, 1)
            if weight.cost > heaviest.cost:
                heaviest = weight
        for name, fragment in self._fragments.items():
            if name not in self._weighed:
                self._fragment(fragment, DATA, 1)
        return heaviest

    def _selections(self, selections: SelectionSetNode, context: str, level: int) -> Weight:
        if level > MAX_DEPTH:
            raise TooCostly(f"A query is at most {MAX_DEPTH} levels deep.")
        cost, expanded, depth = 0.0, 0, 0
        for node in selections.selections:
            self._count_directives(node)
            match node:
                case FieldNode():
                    weight = self._field(node, context, level)
                case InlineFragmentNode():
                    weight = self._selections(node.selection_set, context, level + 1)
                case FragmentSpreadNode():
                    found = self._fragments.get(node.name.value)
                    weight = Weight() if found is None else self._fragment(found, context, level)
                case _:
                    continue
            cost, expanded, depth = cost + weight.cost, expanded + weight.expanded, max(depth, weight.depth)
        if expanded > MAX_EXPANDED:
            raise TooCostly(f"A query asks for at most {MAX_EXPANDED} fields, fragments put in their places.")
        if cost > MAX_COST:
            raise TooCostly(f"A query asks for at most {MAX_COST} values; ask for fewer fields, people or items.")
        return Weight(cost, expanded, depth)

    def _fragment(self, fragment: FragmentDefinitionNode, context: str, level: int) -> Weight:
        key = (fragment.name.value, context)
        if key in self._seen:
            held = self._seen[key]
            if held is None:
                raise TooCostly(f"The fragment {fragment.name.value[:64]} contains itself.")
            if level + held.depth > MAX_DEPTH + 1:
                raise TooCostly(f"A query is at most {MAX_DEPTH} levels deep.")
            return held
        self._seen[key] = None
        if fragment.name.value not in self._weighed:
            self._weighed.add(fragment.name.value)
            self._count_directives(fragment)
        weight = self._selections(fragment.selection_set, context, level)
        self._seen[key] = weight
        return weight

    def _field(self, node: FieldNode, context: str, level: int) -> Weight:
        self._fields += 1
        self._aliases += node.alias is not None
        if self._fields > MAX_FIELDS:
            raise TooCostly(f"A document has at most {MAX_FIELDS} fields.")
        if self._aliases > MAX_ALIASES:
            raise TooCostly(f"A document has at most {MAX_ALIASES} aliases.")
        for argument in node.arguments or ():
            _shallow(argument.value)
        own, times, below = self._measure(node, context)
        if node.selection_set is None:
            return Weight(own * times, 1, 1)
        inner = self._selections(node.selection_set, below, level + 1)
        cost = own + times * inner.cost
        return Weight(cost, inner.expanded + 1, inner.depth + 1)

    def _measure(self, node: FieldNode, context: str) -> tuple[float, float, str]:
        """What a field weighs itself, how many times its selection is answered, and the context below it."""
        name = node.name.value
        if context != DATA or name in ("__schema", "__type"):
            times, below = self._introspected(name, context)
            return INTROSPECTED, times, below
        if name in ("records", "traits"):
            self.asks_for_proof = True
        if name == "profiles":
            return 1, self._length(node), DATA
        if name in ("history", "events"):
            return STATEMENT, self._page(node), DATA
        if name in ("at", "atVersion"):
            return STATEMENT, 1, DATA
        if name == "explain":
            return EXPLANATION, 1, DATA
        return 1, SMALL_LIST if name in _SMALL_LISTS else 1, DATA

    def _introspected(self, name: str, context: str) -> tuple[float, str]:
        """How often a field of the introspection is answered. Under `types` that is exact: all fields of the schema."""
        match context, name:
            case "data", "__schema":
                return 1, "schema"
            case "schema", "types":
                return self._sizes.types, "types"
            case "types", "fields":
                return self._sizes.fields / self._sizes.types, "field"
            case "type", "fields":
                return self._sizes.widest, "field"
            case _, "args":
                return self._sizes.arguments / self._sizes.fields, "field"
            case _, "ofType":
                return WRAPPED, "type"
            case _, "directives" | "inputFields" | "enumValues" | "interfaces" | "possibleTypes":
                return SMALL_LIST, "field"
        return 1, "type"

    def _length(self, node: FieldNode) -> int:
        """How many people are asked for."""
        given = self._argument(node, "by")
        if isinstance(given, VariableNode):
            held = self._variable(given)
            return len(held) if isinstance(held, list) else 1
        return len(given.values) if isinstance(given, ListValueNode) else 1

    def _page(self, node: FieldNode) -> int:
        """How many items are asked for, at most the longest page."""
        given = self._argument(node, "first")
        held = self._variable(given) if isinstance(given, VariableNode) else None
        if isinstance(given, IntValueNode):
            held = int(given.value) if len(given.value) < 10 else MAX_PAGE
        return min(max(held, 1), MAX_PAGE) if isinstance(held, int) else DEFAULT_FIRST

    def _argument(self, node: FieldNode, name: str) -> ValueNode | None:
        return next((each.value for each in node.arguments or () if each.name.value == name), None)

    def _variable(self, node: VariableNode) -> Any:
        """What the request gives for a variable; where it gives nothing, the longest default that there is."""
        self.depends_on_variables = True
        name = node.name.value
        if self._variables is not None and name in self._variables:
            return self._variables[name]
        defaults = [
            variable.default_value
            for operation in self._operations
            for variable in operation.variable_definitions or ()
            if variable.variable.name.value == name
        ]
        lists = [list(each.values) for each in defaults if isinstance(each, ListValueNode)]
        return max(lists, key=len) if lists else (MAX_PAGE if any(defaults) else None)

    def _count_directives(self, node: Any) -> None:
        self._directives += len(node.directives or ())
        if self._directives > MAX_DIRECTIVES:
            raise TooCostly(f"A document has at most {MAX_DIRECTIVES} directives.")
        for directive in node.directives or ():
            for argument in directive.arguments or ():
                _shallow(argument.value)


def _shallow(value: ValueNode | None) -> None:
    """Raise TooCostly for a value that nests deeper than any input of the schema."""
    level = [value] if value is not None else []
    for _ in range(MAX_VALUE_DEPTH):
        below: list[ValueNode] = []
        for each in level:
            if isinstance(each, ListValueNode):
                below += each.values
            elif isinstance(each, ObjectValueNode):
                below += [field.value for field in each.fields]
        if not below:
            return
        level = below
    raise TooCostly(f"A value nests at most {MAX_VALUE_DEPTH} levels deep.")
