"""The model that comes with the product: good enough to start with no data.

`shipped.json`: agreement levels with m and u as they are in customer data in general, and how often the thousand
most common American family names and seven hundred given names occur (US Census Bureau and Social Security
Administration, public domain, as the package `faker`, MIT, carries them). A workspace's own names replace them with
`cdp train`.
"""

from functools import cache
from importlib import resources

from app.identity.matching.model import Model, load


@cache
def shipped() -> Model:
    return load((resources.files("app.identity.matching") / "shipped.json").read_bytes())
