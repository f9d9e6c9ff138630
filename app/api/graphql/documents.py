"""Documents: parsed, weighed and validated once per text and schema, and remembered."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from graphql import (
    ASTValidationRule,
    DocumentNode,
    GraphQLError,
    OperationDefinitionNode,
    OverlappingFieldsCanBeMergedRule,
    parse,
    specified_rules,
    validate,
)

from app.api.graphql.cost import Scale, TooCostly
from app.api.graphql.overlap import conflicts
from app.api.graphql.schema import Built

MAX_BYTES = 10 * 1024
MAX_TOKENS = 2500
MAX_ERRORS = 10
REMEMBERED = 1000
RULES: Sequence[type[ASTValidationRule]] = tuple(
    rule for rule in specified_rules if rule is not OverlappingFieldsCanBeMergedRule
)
"""The rules of the specification; overlap.py stands in for the one whose time has no bound."""


@dataclass(frozen=True, slots=True)
class Document:
    """A document that is ready to run, or what is wrong with it."""

    ast: DocumentNode | None
    errors: Sequence[GraphQLError] = ()
    asks_for_proof: bool = False
    depends_on_variables: bool = False
    might_be_stale: bool = False
    """It was refused by the schema: a newer one, with a trait that has just arrived, may take it."""

    def operation(self, name: str | None) -> OperationDefinitionNode | None:
        """The operation that a name means; without one the only operation there is."""
        found = [
            each
            for each in (self.ast.definitions if self.ast else ())
            if isinstance(each, OperationDefinitionNode) and (name is None or (each.name and each.name.value == name))
        ]
        return found[0] if len(found) == 1 else None


class Documents:
    """The documents of one schema that were asked lately. A persisted query is one that is put here by its name."""

    def __init__(self, built: Built) -> None:
        self.built = built
        self._held: OrderedDict[str, Document] = OrderedDict()

    def read(self, text: str) -> Document:
        """The document of this text, remembered."""
        held = self._held.get(text)
        if held is None:
            held = self._held[text] = read(self.built, text)
            if len(self._held) > REMEMBERED:
                self._held.popitem(last=False)
        else:
            self._held.move_to_end(text)
        return held


def read(built: Built, text: str) -> Document:
    """Parse, weigh and validate: at most 50 ms of work for any text of MAX_BYTES."""
    if len(text) > MAX_BYTES or len(text.encode()) > MAX_BYTES:
        return _refused(f"A query has at most {MAX_BYTES} bytes; values belong into variables.")
    try:
        ast = parse(text, max_tokens=MAX_TOKENS)
        scale = Scale(ast, built.sizes)
        scale.weigh()
    except GraphQLError as error:
        return Document(None, [error])
    except RecursionError:
        return _refused("The query nests too deep.")
    except TooCostly as error:
        return _refused(str(error))
    errors = validate(built.schema, ast, RULES, max_errors=MAX_ERRORS, hide_suggestions=True)
    if not errors and (conflict := conflicts(ast)) is not None:
        errors = [conflict]
    if errors:
        return Document(None, errors, might_be_stale=True)
    return Document(ast, (), scale.asks_for_proof, scale.depends_on_variables)


def _refused(message: str) -> Document:
    return Document(None, [GraphQLError(message, extensions={"code": TooCostly.code})])
