"""`cdp import`: a file into the running product, and a last word that says what to do."""

import gzip
import json
import re
from pathlib import Path

import pytest

from tests.cli.conftest import Shell
from tests.live import Client, free_port


@pytest.fixture
def file(tmp_path: Path) -> Path:
    held = tmp_path / "people.csv"
    held.write_text("id,email\n1,ada@example.com\n2,bob@example.com\nbad\n", "utf-8")
    return held


async def test_a_file_is_imported_and_the_last_word_says_what_to_do(shell: Shell, client: Client, file: Path) -> None:
    there = ("--source", "crm", "--workspace", client.workspace.name)
    assert (await shell.refused("import", str(file), *there)).startswith("There is no source 'crm'")
    told = await shell.said("import", str(file), "--create", *there)
    assert re.match(
        r"people.csv: 3 rows in [0-9.]+ s \([0-9,]+ a second\): 2 accepted, 0 duplicates, 1 rejected.", told
    )
    assert re.search(r"/v1/imports/\w+/rejected -o rejected.csv", told)
    assert "/v1/profiles/lookup" in told
    assert await client.log_size() == 2


async def test_programs_get_json_and_nothing_else(shell: Shell, client: Client, file: Path) -> None:
    packed = file.with_suffix(".csv.gz")
    packed.write_bytes(gzip.compress(file.read_bytes()))
    argv = ("import", str(packed), "--source", "crm", "--create", "--workspace", client.workspace.name, "--json")
    done = await shell.cdp(*argv, "--map", "email=contact", "--identifier", "email=loyalty_card")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["accepted"] == 2


async def test_a_file_that_cannot_be_read_is_one_sentence(shell: Shell, client: Client, tmp_path: Path) -> None:
    there = ("--source", "crm", "--create", "--workspace", client.workspace.name)
    for name, content, sentence in (
        ("no.txt", b"id\n1\n", "The file's name does not tell its format"),
        ("no.csv", b"a,b\n1,2\n", "The file has no column called key or id"),
        ("no.json", b'[{"id": 1}, {"id"', "The file breaks off at item 2"),
    ):
        (tmp_path / name).write_bytes(content)
        assert (await shell.refused("import", str(tmp_path / name), *there)).startswith(sentence)
    assert (await shell.refused("import", str(tmp_path / "none.csv"), *there)).startswith("There is no file")


async def test_without_the_api_it_says_how_to_start_it(shell: Shell, client: Client, file: Path) -> None:
    port = str(free_port())
    sentence = await shell.refused("import", str(file), "--source", "crm", CDP_PORT=port)
    assert sentence == f"The API does not answer at http://127.0.0.1:{port}; start it with ./run, or set CDP_PORT."
