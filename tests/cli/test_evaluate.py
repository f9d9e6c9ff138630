"""`cdp evaluate` as a person types it: with no server anywhere."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.cli.supervisor import child_environment
from app.identity.matching.model import dump
from app.identity.matching.shipped import shipped

PEOPLE = """id,source,given,surname,dob,email
1,crm,Margaret,Okonkwo,03/04/1981,maggie.okonkwo@mail.example
2,shop,Maggie,Okonkwo,03/04/1981,maggie.okonkwo@mail.example
3,web,Margaret,Okonkwo,03/04/1981,m.okonkwo@post.example
4,crm,Piotr,Zielinski,30/11/1975,piotr@mail.example
5,shop,Piotr,Zielinski,30/11/1975,piotr@mail.example
6,web,Yuki,Tanaka,,not an address
"""
TRUTH = "id,cluster\n1,m\n2,m\n3,m\n4,p\n5,p\n6,y\n"
MAPS = ("--map", "first_name=given", "--map", "last_name=surname", "--map", "birthday=dob", "--day-first")


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / "people.csv").write_text(PEOPLE)
    (tmp_path / "truth.csv").write_text(TRUTH)
    return tmp_path


def evaluate(here: Path, *options: str, data: str = "people.csv", truth: str = "truth.csv") -> tuple[int, str, str]:
    """The exit code, what was printed and what was said of a failure; in an environment that names no server."""
    environment = child_environment({"CDP_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"})
    done = subprocess.run(
        [sys.executable, "-P", "-m", "app.cli.main", "evaluate", data, truth, *options],
        cwd=here,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def test_it_prints_how_well_people_were_found(here: Path) -> None:
    code, printed, said = evaluate(here, *MAPS)
    assert (code, said) == (0, "")
    assert printed.startswith("people.csv: 6 records of 3 entities; 3 people found with the shipped model, fitted")
    assert "pairs                 1.0000  1.0000  1.0000" in printed
    assert "Pairs: 4 right, 0 wrong, 0 missed." in printed
    assert "Could not be read: 1 of 6 values of email." in printed
    assert "values of birthday" not in printed


def test_what_a_source_would_declare_decides_how_values_are_read(here: Path) -> None:
    (here / "people.csv").write_text("id,dob,phone\n1,2/3/80,0302298716\n2,2/3/80,030 229 87 16\n")
    dob = ("--map", "birthday=dob", "--model", "none", "--json")
    bare = json.loads(evaluate(here, *dob)[1])
    told = json.loads(evaluate(here, *dob, "--month-first", "--century-from", "1925", "--region", "DE")[1])
    assert (bare["unreadable"], told["unreadable"]) == ({"birthday": 2, "phone": 2}, {})
    assert (bare["pairs"]["right"], told["pairs"]["right"]) == (0, 1)


def test_without_a_model_only_shared_identifiers_count(here: Path) -> None:
    code, printed, _ = evaluate(here, *MAPS, "--model", "none", "--json")
    found = json.loads(printed)
    assert code == 0
    assert found["pairs"] == {"precision": 1.0, "recall": 0.5, "f1": 2 / 3, "right": 2, "wrong": 0, "missed": 2}
    assert (found["compared_by"], found["matching"]) == ("no model", None)
    assert found["torn_because"] == {"nothing_shared": 1}
    assert found["counts"]["clusters"] == 4
    assert found["mapping"]["traits"]["birthday"] == ["dob"]
    assert "Okonkwo" not in printed


def test_a_model_of_ones_own_is_read_from_its_file(here: Path) -> None:
    (here / "mine.json").write_bytes(dump(shipped()))
    ours, theirs = (
        json.loads(evaluate(here, *MAPS, "--no-adapt", "--json", *model)[1]) for model in ((), ("--model", "mine.json"))
    )
    assert ours["matching"] == theirs["matching"]
    assert ours["matching"]["automatic"] == shipped().automatic
    assert ours["matching"]["compared"] > 0


def test_the_report_is_written_for_its_owner_alone(here: Path) -> None:
    code, printed, _ = evaluate(here, *MAPS, "--report", "report.html")
    page = here / "report.html"
    assert code == 0
    assert "The report, with values of your records: report.html" in printed
    assert page.stat().st_mode & 0o777 == 0o600
    assert "6 records of 3 true people" in page.read_text()
    page.write_text("x" * 100_000)
    evaluate(here, *MAPS, "--report", "report.html")
    assert page.read_text().endswith("</html>\n")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--map", "first_name=forename"], "--map: there is no column 'forename'. There are id, source, given,"),
        (["--map", "given=first_name"], "the column stands last: --map first_name=given."),
        (["--no-guess"], "Say what the columns mean: --map trait=column."),
        (["--region", "Britain"], "--region is a code such as FR."),
        (["--model", "none.json"], "--model is shipped, none or a file; none.json cannot be read"),
        (["--model", "people.csv"], "--model people.csv: This file is no matching model."),
        (["--report", "people.csv"], "--report people.csv would write over what is evaluated; name another file."),
        (["--report", "no/such/folder.html"], "--report no/such/folder.html cannot be written: No such file"),
    ],
)
def test_what_cannot_be_done_ends_in_one_sentence(here: Path, options: list[str], said: str) -> None:
    code, printed, sentence = evaluate(here, *options)
    assert (code, printed) == (1, "")
    assert said in sentence
    assert sentence.count("\n") == 1
    assert (here / "people.csv").read_text() == PEOPLE


def test_a_failure_leaves_no_empty_report(here: Path) -> None:
    (here / "people.csv").write_text(PEOPLE + "1,crm,Again,,,\n")
    code, _, sentence = evaluate(here, *MAPS, "--report", "report.html")
    assert (code, sentence) == (
        1,
        "Line 8 of people.csv repeats the id of another row; give each record an id of its own in 'id'.\n",
    )
    assert not (here / "report.html").exists()


def test_a_truth_of_other_records_is_no_truth(here: Path) -> None:
    (here / "truth.csv").write_text("id,cluster\n100,m\n")
    code, _, sentence = evaluate(here, *MAPS)
    assert (code, sentence[:48]) == (1, "No record of people.csv is in truth.csv; name th")


def test_files_that_are_not_there_are_named(here: Path) -> None:
    assert evaluate(here, truth="nowhere.csv")[2] == "nowhere.csv cannot be read: No such file or directory.\n"
    assert evaluate(here, data=".")[2] == ". cannot be read: Is a directory.\n"
    assert evaluate(here, "--nonsense")[0] == 2
