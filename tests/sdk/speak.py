"""Sends calls with a Python SDK, in an environment that holds it and nothing of ours.

python speak.py segment|rudderstack URL KEY < {"calls": [...], "pace": seconds, "options": {...}}

Prints {"sent": [messageId, ...], "errors": [...]} once the SDK has flushed.
"""

import importlib
import json
import re
import sys
import time
from datetime import datetime
from typing import Any


def main() -> None:
    package, url, key = sys.argv[1:]
    asked = json.load(sys.stdin)
    errors: list[str] = []

    def failed(error: Exception, _batch: Any) -> None:
        errors.append(str(error))

    sdk = importlib.import_module(f"{package}.analytics.client")
    client = sdk.Client(key, host=url, on_error=failed, **asked["options"])
    sent = []
    for call in asked["calls"]:
        given = {re.sub(r"(?=[A-Z])", "_", name).lower(): value for name, value in call.items()}
        if "timestamp" in given:
            given["timestamp"] = datetime.fromisoformat(given["timestamp"])
        queued, message = getattr(client, given.pop("type"))(**given)
        assert queued
        sent.append(message["messageId"])
        time.sleep(asked["pace"])
    client.shutdown()
    json.dump({"sent": sent, "errors": errors}, sys.stdout)


main()
