"""`cdp evaluate`: how well the product finds who is the same person, on data where that is known."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TextIO

import typer

from app.cli.answer import AsJson, answer
from app.cli.progress import progress
from app.cli.source import DayFirst, Region, Said, declared
from app.core.errors import NotFound, Refused
from app.domain import models
from app.domain.evaluate.labelled import Row, header, rows, truth
from app.domain.evaluate.mapping import mapped
from app.domain.evaluate.mistakes import said_of
from app.domain.evaluate.outcome import Outcome, Used, figures, outcome
from app.domain.evaluate.people import TELL_EVERY, Member, all_features, members
from app.domain.evaluate.report import facts, percent, report
from app.domain.matching import Features
from app.domain.normalize import Declarations
from app.domain.normalize.calendar import YEARS
from app.identity.matching.adapt import adapt as adapted
from app.identity.matching.features import TRAITS
from app.identity.matching.model import Model, load
from app.identity.matching.scorer import Scorer
from app.identity.matching.shipped import shipped
from app.identity.policy import Policy

SHIPPED, NONE = "shipped", "none"

Traits = Annotated[list[str] | None, typer.Option("--map", help="trait=column, or trait=column+column. Repeatable.")]
Identifiers = Annotated[
    list[str] | None, typer.Option("--identifier", help="namespace=column, for numbers that name a person. Repeatable.")
]
Century = Annotated[
    int | None,
    typer.Option(
        min=YEARS.start, max=YEARS.stop - 100, help="First year of the hundred that 1/2/80 is of, such as 1925."
    ),
]
Chosen = Annotated[str, typer.Option("--model", help="shipped, the file of a model, or none.")]
Adapt = Annotated[bool, typer.Option("--adapt/--no-adapt", help="Fit the model to these records first, unlabelled.")]
Guess = Annotated[
    bool, typer.Option("--guess/--no-guess", help="Columns that have a trait's very name are that trait.")
]
Page = Annotated[Path | None, typer.Option("--report", help="Write a page with the scores and the worst mistakes.")]


def evaluate(
    data: Annotated[Path, typer.Argument(metavar="DATA", help="A CSV file of records, .gz or not.")],
    labels: Annotated[Path, typer.Argument(metavar="TRUTH", help="A CSV file with the columns id and cluster.")],
    mapping: Traits = None,
    identifier: Identifiers = None,
    id_column: Annotated[str | None, typer.Option(help="Column with a record's id; else the one called id.")] = None,
    source_column: Annotated[
        str | None, typer.Option(help="Column with its source; else the one called source.")
    ] = None,
    region: Region = None,
    day_first: DayFirst = None,
    century_from: Century = None,
    model: Chosen = SHIPPED,
    adapt: Adapt = True,
    guess: Guess = True,
    page: Page = None,
    as_json: AsJson = False,
) -> None:
    """Resolve labelled records in memory as the product would, and compare the people found with the truth.

    Needs no server and changes nothing. Normalisation, policy, model and thresholds are those of the product.

    Example: cdp evaluate people.csv truth.csv --map last_name=surname --map birthday=dob --report report.html
    """
    policy = Policy()
    said = declared(Declarations(century_from=century_from), Said(region=region, day_first=day_first))
    base = _model(model)
    name = _named(base, adapt=adapt)
    used = mapped(
        header(data), mapping or (), identifier or (), id=id_column, source=source_column, guess=guess, reads=TRAITS
    )
    known = truth(labels, used.columns.id)
    with _page(page, {data, labels}) as file:
        with progress("Reading") as told:
            held = members(_counted(rows(data, used.columns), told), policy, said)
        _same_ids(held, known, data, labels)
        with progress("Fitting the model"):
            by = _used(base, held, policy, adapt=adapt)
        with progress("Comparing", len(held)) as told:
            found = outcome(used, held, known, policy, by, lambda _, done, of: told(done, of))
        if file is not None:
            file.write(report(found, data.name, name, datetime.now(UTC)))
    shown = {"data": data.name, "compared_by": name, **figures(found)}
    answer(shown, "\n".join(_told(found, data.name, name, page)), as_json=as_json)


def _model(named: str) -> Model | None:
    if named == NONE:
        return None
    if named == SHIPPED:
        return shipped()
    try:
        return load(Path(named).read_bytes())
    except OSError as failure:
        raise NotFound(f"--model is shipped, none or a file; {named} cannot be read: {failure.strerror}.") from failure
    except ValueError as fault:
        raise Refused(f"--model {named}: {fault}") from fault


def _named(model: Model | None, *, adapt: bool) -> str:
    """What to call that which compares the records."""
    if model is None:
        return "no model"
    return f"the {model.origin} model, fitted to these records" if adapt else f"the {model.origin} model"


def _used(model: Model | None, held: list[Member], policy: Policy, *, adapt: bool) -> Used | None:
    if model is None:
        return None
    features = None
    if adapt:
        features = all_features(held, models.matcher(policy.matching, Scorer(model)))
        model = adapted(model, features)
    scorer = Scorer(model)

    def explain(one: Features, other: Features) -> list[tuple[str, str, float]]:
        return [(part.comparison, part.level, part.bits) for part in scorer.score(one, other).contributions]

    return Used(models.matcher(policy.matching, scorer), explain, features)


def _counted(held: Iterator[Row], told: Callable[[int, int | None], None]) -> Iterator[Row]:
    for number, row in enumerate(held):
        if number % TELL_EVERY == 0:
            told(number, None)
        yield row


def _same_ids(held: list[Member], known: dict[str, str], data: Path, labels: Path) -> None:
    if not any(member.row.id in known for member in held):
        raise Refused(
            f"No record of {data.name} is in {labels.name}; name the column that has its ids: --id-column NAME."
        )


@contextmanager
def _page(place: Path | None, read: set[Path]) -> Iterator[TextIO | None]:
    """The report's file, opened before the long work and for its owner alone: it will show values."""
    if place is None:
        yield None
        return
    if any(each.exists() and place.exists() and each.samefile(place) for each in read):
        raise Refused(f"--report {place} would write over what is evaluated; name another file.")
    is_new = not place.exists()
    try:
        file = os.fdopen(os.open(place, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="utf-8")
    except OSError as failure:
        raise NotFound(f"--report {place} cannot be written: {failure.strerror}.") from failure
    try:
        with file:
            yield file
            file.truncate()
    except BaseException:
        if is_new:
            place.unlink(missing_ok=True)
        raise


def _told(found: Outcome, data: str, model: str, page: Path | None) -> Iterator[str]:
    judged, matcher, scores = found.evaluation, found.matcher, found.scores
    yield (
        f"{data}: {judged.records:,} records of {judged.entities:,} entities; "
        f"{judged.clusters:,} people found with {model}."
    )
    yield ""
    yield f"{'':18} precision  recall  F1"
    for name, measure in (
        ("pairs", judged.pairs),
        ("records (B-cubed)", judged.bcubed),
        ("whole people", judged.exact),
    ):
        yield f"{name:18} {measure.precision:9.4f}  {measure.recall:6.4f}  {measure.f1:6.4f}"
    yield ""
    yield f"Pairs: {judged.right:,} right, {judged.wrong:,} wrong, {judged.missed:,} missed."
    yield f"People with more than one entity: {judged.overmerged:,}. Entities in more than one person: {judged.torn:,}."
    yield from facts(found)
    if matcher is not None and scores is not None:
        met = scores.alike.total() / max(judged.right + judged.missed, 1)
        yield (
            f"Compared: {found.found.compared:,} pairs ({found.a_record:.1f} a record), {percent(met)} of the true "
            f"ones among them. Linked from {matcher.automatic:.2f} bits, shown to a person from {matcher.review:.2f}: "
            f"{found.waiting:,} pairs wait."
        )
    for name, many in found.mistakes.through.most_common():
        yield f"Wrong links through {name}: {many:,}."
    for why, many in found.mistakes.why.most_common():
        yield f"Torn, {many:,}: {said_of(why)}"
    for name, many in found.unreadable.most_common():
        yield f"Could not be read: {many:,} of {found.told[name]:,} values of {name}."
    if found.mapped.unused:
        yield f"Columns not used: {', '.join(found.mapped.unused)}."
    if page is not None:
        yield f"The report, with values of your records: {page}"
