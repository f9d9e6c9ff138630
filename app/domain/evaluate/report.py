"""The report of an evaluation: one HTML page that needs nothing else, in words for whoever sends the mails.

It shows values, for it is about the reader's own labelled data; it belongs where those are.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import cache
from html import escape
from importlib import resources
from string import Template

from app.domain.evaluate.cases import MAX_CASES, false_unions, torn_people
from app.domain.evaluate.histogram import histogram
from app.domain.evaluate.mistakes import said_of
from app.domain.evaluate.outcome import Outcome
from app.identity.evaluation import Measure

EXPLAINED = (
    ("pairs", "Pairs", "Every two records that were put together, or should be. Large people weigh most."),
    ("bcubed", "Records (B-cubed)", "For each record, its company as found and as true. Every record weighs the same."),
    ("exact", "Whole people", "People found that are exactly a true person, no record more and none less."),
)


def report(outcome: Outcome, data: str, model: str, now: datetime) -> str:
    """The page. `data` names what was evaluated, `model` what compared the records."""
    judged = outcome.evaluation
    subtitle = (
        f"{data}: {judged.records:,} records of {judged.entities:,} true people; {judged.clusters:,} people found. "
        f"{model[:1].upper()}{model[1:]}. {now:%d %B %Y}."
    )
    return _template().substitute(
        title=escape(f"Evaluation of {data}"),
        subtitle=escape(subtitle),
        tiles="".join(_tiles(outcome)),
        figures=_figures(outcome),
        facts="".join(f"<p>{escape(each)}</p>" for each in facts(outcome)),
        scores=_scores(outcome),
        summary=_summary(outcome),
        unions=_cases(false_unions(outcome), len(outcome.mistakes.unions), "No person holds records of two."),
        torn=_cases(torn_people(outcome), len(outcome.mistakes.torn), "No person is in two parts."),
        columns=_columns(outcome),
        unused=_unused(outcome),
        footer="This page shows values of your records. Keep it where you keep them, and delete it when it has served.",
    )


def percent(share: float) -> str:
    """A share with as many digits as its distance from all or nothing needs; only all of it is 100 %."""
    for digits in (1, 2, 3, 4):
        text = f"{100 * share:.{digits}f}"
        if share in (0.0, 1.0) or float(text) not in (0.0, 100.0):
            return f"{text} %"
    return "under 0.0001 %" if share < 1 / 2 else "over 99.9999 %"


def facts(outcome: Outcome) -> Iterator[str]:
    """What there is to say of the records beside the figures, a sentence each."""
    judged = outcome.evaluation
    yield f"The largest person found holds {judged.largest:,} records, the largest true one {judged.largest_entity:,}."
    if outcome.unlabelled:
        yield f"Records that are not in the truth, resolved and not judged: {outcome.unlabelled:,}."
    if outcome.absent:
        yield f"Records of the truth that are not in the data and count as not found: {outcome.absent:,}."


@cache
def _template() -> Template:
    return Template((resources.files("app.domain.evaluate") / "report.html").read_text("utf-8"))


def _tiles(outcome: Outcome) -> Iterator[str]:
    judged = outcome.evaluation
    for share, said, means in (
        (
            judged.pairs.precision,
            "of what was put together belongs together.",
            f"{judged.wrong:,} wrong pairs: one person would read of another's purchases.",
        ),
        (
            judged.pairs.recall,
            "of what belongs together was put together.",
            f"{judged.missed:,} missed pairs: somebody is counted, and written to, twice.",
        ),
        (
            judged.exact.recall,
            "of the true people came out exactly right.",
            f"{judged.overmerged:,} people found hold several true ones; {judged.torn:,} true people are in parts.",
        ),
    ):
        yield f"<div><strong>{percent(share)}</strong>{said}<small>{means}</small></div>"


def _figures(outcome: Outcome) -> str:
    measures: dict[str, Measure] = {name: getattr(outcome.evaluation, name) for name, _, _ in EXPLAINED}
    rows = [
        (name, *(f"{part:.4f}" for part in (measures[key].precision, measures[key].recall, measures[key].f1)), means)
        for key, name, means in EXPLAINED
    ]
    return _table(("", "precision", "recall", "F1", ""), rows)


def _scores(outcome: Outcome) -> str:
    matcher, scores = outcome.matcher, outcome.scores
    if matcher is None or scores is None:
        return "<p>No model was used: only identifiers that records share put them together.</p>"
    right = outcome.evaluation.right + outcome.evaluation.missed
    met = percent(scores.alike.total() / right) if right else "none"
    return (
        f"<p>{outcome.found.compared:,} pairs were compared, {outcome.a_record:.1f} for each record; {met} of the "
        f"pairs that belong together were among them. {outcome.waiting:,} pairs wait for a person's word.</p>"
        f"<figure>{histogram(scores, matcher.review, matcher.automatic)}<figcaption>"
        '<span class="key alike"></span> upwards, pairs of one true person; <span class="key apart"></span> downwards, '
        "pairs of two. A score of 10 bits is evidence of a thousand to one, 20 bits of a million to one. Each step of "
        "the scale on the left is ten times the one before.</figcaption></figure>"
    )


def _summary(outcome: Outcome) -> str:
    through, why = outcome.mistakes.through.most_common(), outcome.mistakes.why.most_common()
    if not through and not why:
        return "<p>Nothing: every person found is a true one.</p>"
    parts = []
    if through:
        rows = [("likeness" if name == "match" else name, f"{many:,}") for name, many in through]
        parts.append(f"<p>The links that put two people into one:</p>{_table(('shared', 'links'), rows)}")
    if why:
        rows = [(said_of(name), f"{many:,}") for name, many in why]
        parts.append(f"<p>What kept the parts of one person apart:</p>{_table(('because', 'people'), rows)}")
    return "".join(parts)


def _cases(cases: str, many: int, none: str) -> str:
    if not cases:
        return f"<p>{none}</p>"
    shown = f"The {MAX_CASES} worst of {many:,}." if many > MAX_CASES else f"All {many:,}, the worst first."
    return f"<p>{shown}</p>{cases}"


def _columns(outcome: Outcome) -> str:
    columns, told, unread = outcome.mapped.columns, outcome.told, outcome.unreadable
    rows = []
    for name, parts in columns.traits.items():
        whole = name.partition(".")[0]
        rows.append((name, " + ".join(parts), f"{told[whole]:,}", f"{unread[whole]:,}" if unread[whole] else ""))
    for name, parts in columns.identifiers.items():
        fault = unread[f"identifier:{name}"]
        carried = sum(any(space == name for space, _ in each.row.identifiers) for each in outcome.found.members)
        rows.append((f"identifier {name}", ", ".join(parts), f"{carried:,}", f"{fault:,}" if fault else ""))
    return _table(("trait", "columns", "records", "could not be read"), rows)


def _unused(outcome: Outcome) -> str:
    unused = ", ".join(escape(name) for name in outcome.mapped.unused)
    return f"<p>Not used: {unused}.</p>" if unused else ""


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = "".join(f"<th>{escape(each)}</th>" for each in heads)
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
