"""A decision that was asked for, made and answered, as the documentation shows it."""

from typing import Any

ASKED: dict[str, Any] = {
    "verdict": "different",
    "a": {"source": "crm", "key": "42"},
    "b": {"source": "shop", "key": "1077"},
    "reason": "Mother and daughter.",
}
DECISION: dict[str, Any] = {
    "id": "l3mDrjDGZN",
    "act_id": "wA3qBrqRxN",
    "verdict": "different",
    "a": {"source": "crm", "key": "42", "profile_id": "Zk3vWqLmPd"},
    "b": {"source": "shop", "key": "1077", "profile_id": "R8vKqXw2Yd"},
    "effect": "applied",
    "because": None,
    "detail": None,
    "reason": "Mother and daughter.",
    "origin": "split",
    "decided_by": "ann",
    "decided_at": "2026-11-24T09:00:00Z",
    "revoked_by": None,
    "revoked_at": None,
}
OUTCOME: dict[str, Any] = {
    "decided": 1,
    "revoked": 0,
    "profiles": [
        {"id": "Zk3vWqLmPd", "version": 8, "records": [{"source": "crm", "key": "42"}]},
        {"id": "R8vKqXw2Yd", "version": 3, "records": [{"source": "shop", "key": "1077"}]},
    ],
    "exposure": {
        "spans": [
            {
                "profile_id": "Zk3vWqLmPd",
                "first_version": 5,
                "last_version": 7,
                "from": "2026-11-20T10:00:00Z",
                "until": "2026-11-24T09:00:00Z",
            }
        ],
        "uses": [],
    },
    "contradicts": [],
}
ACT: dict[str, Any] = {
    "act_id": "wA3qBrqRxN",
    "effect": "applied",
    "because": None,
    "detail": None,
    "decisions": [DECISION],
    **OUTCOME,
}
