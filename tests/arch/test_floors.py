"""Who may look at whom: the contracts of pyproject.toml, held by import-linter."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def lint(house: Path, *asked: str) -> subprocess.CompletedProcess[str]:
    linter = Path(sys.executable).with_name("lint-imports")
    return subprocess.run([linter, "--no-cache", "--no-logo", *asked], cwd=house, capture_output=True, text=True)


def test_every_room_looks_only_at_the_floors_below_it() -> None:
    checked = lint(ROOT)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "0 broken" in checked.stdout


@pytest.mark.parametrize("contract", ["floors", "identity", "acyclic"])
def test_the_contracts_break_on_a_house_that_is_built_upside_down(tmp_path: Path, contract: str) -> None:
    looks_at = {"identity": "import socket\nimport app.domain\n", "domain": "import app.identity\n"}
    for room in ("", "cli", "demo", "api", "workers", "embedded", "domain", "identity", "core"):
        (tmp_path / "app" / room).mkdir(parents=True, exist_ok=True)
        (tmp_path / "app" / room / "__init__.py").write_text(looks_at.get(room, ""))
    (tmp_path / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
    checked = lint(tmp_path, "--contract", contract)
    assert checked.returncode == 1, checked.stdout + checked.stderr
    assert "1 broken" in checked.stdout
