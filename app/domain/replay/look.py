"""What every walk reads with: one snapshot, its keys and its rules."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from app.core.crypto.keyring import Keyring
from app.core.sql import Tx
from app.domain.catalog import Catalog
from app.domain.sources import Source
from app.identity.policy import Policy

Walked = Callable[[int], None]
"""Told how many rows a walk has passed since it told last."""


@dataclass(frozen=True, slots=True)
class Look:
    """One verification's view: nothing in it changes while it lasts. `automatic`: the score from which the model links
    a pair."""

    tx: Tx
    now: datetime
    keyring: Keyring
    catalog: Catalog
    policy: Policy
    sources: dict[int, Source]
    automatic: float = math.inf
