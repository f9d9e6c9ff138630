"""What the documents say is so: links lead somewhere, commands and settings are those that there are."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import Metric
from typer.main import get_command

from app.cli.main import COMMANDS, build
from app.core.metrics import REGISTRY
from app.core.settings import Settings
from app.domain.normalize import TYPES
from app.domain.survivorship import RULES
from app.identity.policy import EDITED_RECORD, EXTERNAL_ID, NAMESPACES
from tests.docs.readme import ROOT

DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
OPERATIONS, READING = ROOT / "docs" / "operations.md", ROOT / "docs" / "reading.md"

_FENCED = re.compile(r"^```.*?^```", re.M | re.S)
_LINK = re.compile(r"\]\(\s*([^)\s]+)\s*\)")
_COMMAND = re.compile(r"(?:^|[`(\s/])cdp ((?:[a-z]+)(?: [a-z]+)?)((?:[^\n`|)]|\\\n)*)")
_CODE = re.compile(r"`[^`\n]+`|^```sh\n.*?^```", re.M | re.S)


def anchors(document: Path) -> set[str]:
    """The anchors of a document's headings, as forges make them."""
    headings = re.findall(r"^#+ (.+)$", _FENCED.sub("", document.read_text()), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def table(document: Path, first: str) -> dict[str, list[str]]:
    """The rows of the table whose head begins with `first`, by their first cell without backticks."""
    head = re.search(rf"^\| {first} \|.*\n\|[ -|]+\n((?:\|.*\n)+)", document.read_text(), re.M)
    assert head is not None, first
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in head[1].splitlines()]
    return {row[0].strip("`"): row[1:] for row in rows}


def test_all_documents_are_there() -> None:
    names = {str(each.relative_to(ROOT)) for each in DOCUMENTS}
    wanted = {"README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"}
    wanted |= {f"docs/{name}.md" for name in ("glossary", "operations", "reading", "sending")}
    assert wanted <= names
    assert sum(name.startswith("docs/adr/0") for name in names) >= 12


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda each: str(each.relative_to(ROOT)))
def test_every_link_within_the_project_leads_somewhere(document: Path) -> None:
    broken = []
    for link in _LINK.findall(_FENCED.sub("", document.read_text())):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (document.parent / path).resolve() if path else document
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


def test_what_is_linked_belongs_to_the_project() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("This is no git checkout, so no file is tracked.")
    tracked = {ROOT / name for name in listed.stdout.split("\0") if name}
    held = tracked | {parent for place in tracked for parent in place.parents}
    for document in DOCUMENTS:
        for link in _LINK.findall(_FENCED.sub("", document.read_text())):
            path = link.partition("#")[0]
            if path and not re.match(r"[a-z]+:", path):
                assert (document.parent / path).resolve() in held, f"{document.name}: {link}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda each: str(each.relative_to(ROOT)))
def test_every_command_that_is_mentioned_is_one_with_its_options(document: Path) -> None:
    cdp = get_command(build(COMMANDS))
    for code in _CODE.findall(document.read_text()):
        for words, rest in _COMMAND.findall(code):
            command = meant(cdp, words)
            assert command is not None, f"cdp {words}"
            known = {option for each in command.params for option in (*each.opts, *each.secondary_opts)} | {"--help"}
            said = set(re.findall(r"(?<!\S)--[a-z-]+", rest))
            assert said <= known, f"cdp {words}{rest}"


def meant(cdp: Any, words: str) -> Any:
    """The command that one or two words name, or None; what follows a command that is no group are its arguments."""
    first, _, second = words.partition(" ")
    found = cdp.commands.get(first)
    return found.commands.get(second) if second and hasattr(found, "commands") else found


def test_the_table_of_settings_is_that_of_the_code() -> None:
    said = {name: row[0].strip("`") for name, row in table(OPERATIONS, "setting").items()}
    held = {
        f"CDP_{name.upper()}": "unset" if field.default is None else str(field.default)
        for name, field in Settings.model_fields.items()
    }
    assert said == held


def test_every_setting_that_a_document_names_is_one() -> None:
    known = {f"CDP_{name.upper()}" for name in Settings.model_fields}
    for document in DOCUMENTS:
        assert set(re.findall(r"\bCDP_[A-Z_]*[A-Z]", document.read_text())) <= known, document.name


def test_every_figure_is_explained() -> None:
    def shown(metric: Metric) -> str:
        return f"{metric.name}_total" if metric.type == "counter" else metric.name

    held = {shown(metric) for metric in REGISTRY.collect() if metric.name.startswith("samewise_")}
    source = (ROOT / "app" / "api" / "health.py").read_text()
    held |= set(re.findall(r"# TYPE (samewise_\w+)", source))
    assert set(table(OPERATIONS, "figure")) == held


def test_types_and_rules_are_all_named() -> None:
    text = READING.read_text()
    types = re.search(r"\*\*type\*\*: `([^`]+)`", text)
    assert types is not None
    assert set(types[1].split()) == set(TYPES)
    rules = re.search(r"\*\*rule\*\*.*?(?=\n\n)", text, re.S)
    assert rules is not None
    assert set(RULES) <= set(re.findall(r"`(\w+)`", rules[0]))


def test_the_policy_s_defaults_are_those_of_the_code() -> None:
    said = {name: [int(cell) for cell in row] for name, row in table(READING, "namespace").items()}
    held = {name: rule for name, rule in NAMESPACES.items() if name != EDITED_RECORD}
    held["any other of yours"] = EXTERNAL_ID
    assert said == {name: [rule.priority, rule.max_values, rule.max_records] for name, rule in held.items()}
