"""The rules of the house: small rooms, names that say something, nothing of the builder's desk."""

import ast
import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAX_MODULE = 300
MAX_FUNCTION = 60
SAYS_NOTHING = re.compile(r"(^|_)(utils?|helpers?|common|misc|handlers?|managers?)($|_)")
NO_MOCKS = re.compile(r"unittest\.mock|from unittest import|monkeypatch\.setattr|mocker\b")
UNDONE = re.compile(r"\b(TODO|FIXME|HACK)\b")
# Where packages come from is the business of whoever installs; paths of one machine are nobody's.
HOSTS = re.compile(r"(?:files\.pythonhosted|pypi|registry\.npmjs|proxy\.golang|index\.crates)\.(?:org|io)")
DESK = re.compile(r"(?<![\w.])/(?:work|root|home)/\w")


@cache
def tracked(*patterns: str) -> list[Path]:
    found = subprocess.run(["git", "ls-files", "-z", *patterns], cwd=ROOT, capture_output=True, text=True)
    if found.returncode:
        pytest.skip("This is no git checkout, so no file is tracked.")
    return [place for name in found.stdout.split("\0") if name and (place := ROOT / name).is_file()]


def lines_that_match(pattern: re.Pattern[str], places: list[Path]) -> list[str]:
    return [
        f"{place.relative_to(ROOT)}:{number}"
        for place in places
        if place != Path(__file__)
        for number, line in enumerate(place.read_text("utf-8", "replace").splitlines(), start=1)
        if pattern.search(line)
    ]


def test_a_module_fits_into_a_head() -> None:
    lengths = {str(p.relative_to(ROOT)): len(p.read_text().splitlines()) for p in tracked("app/*.py")}
    assert len(lengths) > 100
    assert {name: length for name, length in lengths.items() if length > MAX_MODULE} == {}


def test_a_function_fits_onto_a_screen() -> None:
    found = {}
    for place in tracked("app/*.py"):
        for node in ast.walk(ast.parse(place.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None:
                found[f"{place.relative_to(ROOT)}:{node.name}"] = node.end_lineno - node.lineno + 1
    assert len(found) > 500
    assert {name: length for name, length in found.items() if length > MAX_FUNCTION} == {}


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert [str(p.relative_to(ROOT)) for p in tracked("*.py") if SAYS_NOTHING.search(p.stem)] == []


def test_no_test_mocks() -> None:
    assert lines_that_match(NO_MOCKS, tracked("tests/*.py")) == []


def test_nothing_is_left_to_do_in_a_comment() -> None:
    assert lines_that_match(UNDONE, tracked("app/*.py", "app/*.sql", "tests/*.py", "migrations/*.py")) == []


def test_no_file_names_a_package_registry_or_a_path_of_one_machine() -> None:
    files = tracked()
    assert lines_that_match(HOSTS, files) == []
    assert lines_that_match(DESK, files) == []


def test_every_module_says_what_it_is() -> None:
    silent = [
        str(place.relative_to(ROOT))
        for place in tracked("app/*.py")
        if place.read_text().strip() and ast.get_docstring(ast.parse(place.read_text())) is None
    ]
    assert silent == []
