"""Whose account the servers run under.

PostgreSQL refuses to run as root, so root's servers run under an unprivileged
account. It is given nothing but its own directory: the data directory around
it, with the keys, stays root's alone.
"""

import os
import pwd
import sys
from dataclasses import dataclass
from pathlib import Path

from app.core.errors import Refused

CANDIDATES = ("postgres", "nobody")
"""Accounts that root hands the servers to, the first that exists. initdb wants one with a name."""


@dataclass(frozen=True, slots=True)
class Account:
    """An unprivileged account of this machine."""

    name: str
    uid: int
    gid: int


def server_account(owned: Path) -> Account | None:
    """The account to drop to, or None where we are not root and keep our own.

    Where `owned`, the directory of a server, exists already, its owner stays its owner:
    so a data directory made without root can be used with root later on.
    """
    if os.geteuid() != 0:
        return None
    if not sys.platform.startswith("linux"):
        raise Refused("The private database cannot run from root's account on this system; start as a normal user.")
    if owned.exists() and owned.stat().st_uid != 0:
        return _account(pwd.getpwuid(owned.stat().st_uid))
    for name in CANDIDATES:
        try:
            return _account(pwd.getpwnam(name))
        except KeyError:
            continue
    raise Refused("There is no account 'postgres' or 'nobody' for the private database; start as a normal user.")


def _account(entry: pwd.struct_passwd) -> Account:
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
