"""Countries, units, languages, zones, addresses on the web and small vocabularies."""

from typing import Any

import pint
import pycountry
import pytest
from babel import Locale

from app.domain.normalize import Declarations, Json, Normal, Unreadable, normalize
from app.domain.normalize.countries import LANGUAGES
from app.domain.normalize.units import UNITS

NOTHING = Declarations()


def code(type: str, raw: Json, declared: Declarations = NOTHING) -> str:
    read = normalize(type, raw, declared)
    assert isinstance(read, Unreadable), read
    return read.code


@pytest.mark.parametrize(
    ("raw", "alpha_2"),
    [
        ("DE", "DE"), ("de", "DE"), (" DEU ", "DE"), ("276", "DE"), (276, "DE"), (4, "AF"), ("Germany", "DE"),
        ("Deutschland", "DE"), ("ALLEMAGNE", "DE"), ("Duitsland", "DE"), ("ドイツ", "DE"), ("UK", "GB"),
        ("England", "GB"),
        ("Great Britain", "GB"), ("USA", "US"), ("U.S.A.", "US"), ("United States of America", "US"),
        ("Estados Unidos", "US"),
        ("Holland", "NL"), ("The Netherlands", "NL"), ("Côte d’Ivoire", "CI"), ("Cote d'Ivoire", "CI"),
        ("Ivory Coast", "CI"),
        ("Bosnia & Herzegovina", "BA"), ("Korea, Republic of", "KR"), ("South Korea", "KR"), ("日本", "JP"),
        ("中国", "CN"),
        ("Czechia", "CZ"), ("Czech Republic", "CZ"), ("Türkiye", "TR"), ("Turkey", "TR"), ("Kosovo", "XK"),
        ("Niger", "NE"), ("NGA", "NG"), ("Áo", "AT"),
        ("Österreich", "AT"), ("Austria", "AT"), ("Australia", "AU"), ("Россия", "RU"), ("Ελλάδα", "GR"),
        ("مصر", "EG"),
        ("Republic of the Congo", "CG"), ("DR Congo", "CD"),
    ],
)  # fmt: skip
def test_every_name_and_code_of_a_country_is_one_country(raw: Json, alpha_2: str) -> None:
    assert normalize("country", raw, NOTHING) == Normal(alpha_2)


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        ("Congo", "ambiguous_country"), ("Kongo", "ambiguous_country"), ("Korea", "ambiguous_country"),
        ("Nga", "ambiguous_country"), ("", "empty"),
        ("Atlantis", "country"), ("EU", "country"), ("XX", "country"), ("Yugoslavia", "country"), ("000", "country"),
        (1234, "country"), (True, "country"), (["DE"], "country"), ("x" * 100, "country"), ("the", "country"),
    ],
)  # fmt: skip
def test_what_names_no_one_country_says_why(raw: Json, why: str) -> None:
    assert code("country", raw) == why


@pytest.mark.parametrize("country", list(pycountry.countries), ids=lambda country: str(country.alpha_2))
def test_every_country_is_known_by_its_codes_and_names(country: "pycountry.db.Data") -> None:
    names: list[Json] = [country.alpha_2, country.alpha_3, country.numeric, int(country.numeric), country.name]
    names += [Locale("en").territories[country.alpha_2]]
    names = [name for name in names if name != "Congo"]  # ISO calls one of the two so; nobody else can
    assert {str(normalize("country", name, NOTHING)) for name in names} == {str(Normal(country.alpha_2))}


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_language_names_another_country_than_it_means(language: str) -> None:
    codes = {country.alpha_2 for country in pycountry.countries}
    for alpha_2, name in Locale(language).territories.items():
        if alpha_2 in codes:
            read = normalize("country", name, NOTHING)
            assert read == Normal(alpha_2) or getattr(read, "code", "") == "ambiguous_country", (name, alpha_2, read)


@pytest.mark.parametrize(
    ("raw", "value", "unit"),
    [
        ("180 cm", 180, "cm"), ("180cm", 180, "cm"), ("1,80 m", 1.8, "m"), ("1.80 metres", 1.8, "m"),
        ("70kg", 70, "kg"),
        ("154 lb", 154, "lb"), ("154 LBS.", 154, "lb"), ("154 pounds", 154, "lb"), ("11 stone", 11, "st"),
        ("5'11\"", 71, "in"),
        ("5′ 11″", 71, "in"), ("5 ft 11 in", 71, "in"), ("5 feet 11.5 inches", 71.5, "in"), ("5'11", 71, "in"),
        ("6'", 6, "ft"),
        ("5 fl oz", 5, "fl_oz"), ("-3 °C", -3, "degC"), ("20%", 20, "percent"), ("1,500.5 km", 1500.5, "km"),
        ("30 m²", 30, "m2"),
    ],
)  # fmt: skip
def test_a_measure_keeps_its_number_and_its_unit(raw: str, value: float, unit: str) -> None:
    assert normalize("measure", raw, NOTHING) == Normal({"value": value, "unit": unit})


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (180, "measure_syntax"), ("180", "measure_syntax"), ("tall", "measure_syntax"), ("12 parsecs", "unit"),
        ("", "empty"),
        ("5'13\"", "measure_syntax"), ("1.800 m", "ambiguous_number"), ({"value": 1, "unit": "?"}, "unit"),
        ({"value": "x", "unit": "m"}, "number_syntax"), ({"value": 1}, "measure_syntax"), ("1 m*10**9", "unit"),
    ],
)  # fmt: skip
def test_what_is_no_measure_says_why(raw: Json, why: str) -> None:
    assert code("measure", raw) == why


# Spellings that the registry reads as something else: grains, and thousands of seconds.
NOT_THEIRS = frozenset(("gr", "kilos"))


def test_units_mean_what_the_unit_registry_says() -> None:
    registry: Any = pint.UnitRegistry()
    ours = {"kmh": "km/h", "mph": "mi/h", "m2": "m**2", "ft2": "ft**2", "fl_oz": "floz", "st": "stone", "wk": "week"}
    theirs = {"kmh": "kph", "sqm": "m**2", "m²": "m**2", "sqft": "ft**2", "ft²": "ft**2", "wk": "week", "st": "stone"}
    compared = 0
    for spelling, symbol in UNITS.items():
        known = theirs.get(spelling, spelling)
        if spelling in theirs or (spelling.isidentifier() and spelling not in NOT_THEIRS and known in registry):
            (size, base), (expected, base_expected) = map(registry.get_base_units, (ours.get(symbol, symbol), known))
            assert (pytest.approx(size), base) == (expected, base_expected), spelling
            compared += 1
    assert compared > 100


@pytest.mark.parametrize(
    ("raw", "tag"),
    [
        ("en_US", "en-US"), ("EN-us", "en-US"), ("de", "de"), ("zh-hant-tw", "zh-Hant-TW"), ("de_DE.UTF-8", "de-DE"),
        ("sr_RS@latin", "sr-RS"), ("iw", "he"), ("eng", "en"), ("es-419", "es-419"),
        ("sl-rozaj-biske", "sl-rozaj-biske"),
        ("de-DE-u-co-phonebk", "de-DE-u-co-phonebk"), ("sr-Latn-RS-x-ab", "sr-Latn-RS-x-ab"), ("fil-PH", "fil-PH"),
    ],
)  # fmt: skip
def test_a_language_tag_has_one_spelling(raw: str, tag: str) -> None:
    assert normalize("locale", raw, NOTHING) == Normal(tag)


@pytest.mark.parametrize("raw", ["hello", "C", "POSIX", "xx-YY", "en-", "-en", "en--US", "e", 5, ["en"], "English"])
def test_what_is_no_language_tag_is_unreadable(raw: Json) -> None:
    assert code("locale", raw) == "locale"


def test_a_time_zone_has_one_name() -> None:
    for raw in ("Europe/Berlin", "europe/berlin", " Europe/Berlin ", "W. Europe Standard Time"):
        assert normalize("timezone", raw, NOTHING) == Normal("Europe/Berlin")
    assert normalize("timezone", "America/New York", NOTHING) == Normal("America/New_York")
    assert normalize("timezone", "Z", NOTHING) == normalize("timezone", "utc", NOTHING) == Normal("UTC")
    for unknown in ("PST", "+01:00", "Berlin", "../../etc/passwd", 1):
        assert code("timezone", unknown) == "timezone"


@pytest.mark.parametrize(
    ("raw", "address"),
    [
        ("https://example.com", "https://example.com"),
        (" HTTPS://Example.COM/Path?Q=1#F ", "https://example.com/Path?Q=1#F"),
        ("http://example.com:80/a", "http://example.com/a"), ("https://example.com:443", "https://example.com"),
        ("https://example.com:8443/", "https://example.com:8443/"),
        ("http://User:Pw@Example.com/", "http://User:Pw@example.com/"),
        ("https://[2001:DB8::1]/x", "https://[2001:db8::1]/x"), ("https://example.com?Q", "https://example.com?Q"),
    ],
)  # fmt: skip
def test_a_web_address_keeps_all_but_the_case_of_its_host(raw: str, address: str) -> None:
    assert normalize("url", raw, NOTHING) == Normal(address)


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        ("example.com", "url_scheme"), ("javascript:alert(1)", "url_scheme"), ("https://", "url_syntax"),
        ("", "empty"),
        ("https://a b.com", "url_syntax"), ("https://example.com:99999", "url_syntax"), ("https://[::1", "url_syntax"),
        ("https://x/\n", "ok"), ("https://x/\ny", "url_syntax"), ("https:///path", "url_syntax"), (1, "not_text"),
    ],
)  # fmt: skip
def test_what_is_no_web_address_says_why(raw: Json, why: str) -> None:
    read = normalize("url", raw, NOTHING)
    assert getattr(read, "code", "ok") == why


@pytest.mark.parametrize("raw", [True, 1, 1.0, "true", "TRUE", " yes ", "Y", "1", "on", "ja", "oui", "sí"])
def test_yes_in_every_form_is_true(raw: Json) -> None:
    assert normalize("boolean", raw, NOTHING) == Normal(True)


@pytest.mark.parametrize("raw", [False, 0, 0.0, -0.0, "false", "No", "0", "off", "nein", "non"])
def test_no_in_every_form_is_false(raw: Json) -> None:
    assert normalize("boolean", raw, NOTHING) == Normal(False)


@pytest.mark.parametrize("raw", ["maybe", 2, -1, 0.5, float("nan"), [], {}, "10"])
def test_perhaps_is_neither(raw: Json) -> None:
    assert code("boolean", raw) == "boolean"


def test_gender_has_a_small_vocabulary_and_other_words_stay_with_the_caller() -> None:
    spellings = {
        "female": ["F", "Female", "weiblich", "Mrs."],
        "male": ["M", "männlich", "Homme"],
        "nonbinary": ["X", "divers"],
    }
    for word, raws in spellings.items():
        assert {str(normalize("gender", raw, NOTHING)) for raw in (word, *raws)} == {str(Normal(word))}
    assert code("gender", "wizard") == "gender_word"


def test_text_is_kept_exactly_and_what_no_store_can_hold_is_refused() -> None:
    assert normalize("string", "  Zoe\u0308 \r\n", NOTHING) == Normal("  Zoe\u0308 \r\n")
    assert normalize("string", "", NOTHING) == Normal("")
    assert normalize("string", 8001, NOTHING) == Normal("8001")
    assert normalize("text", True, NOTHING) == Normal("true")
    for number in (float("nan"), float("inf"), 2**63, -(2**63) - 1):
        assert code("json", number) == code("object", {"a": [number]}) == "unstorable"
    for raw in ("a\0b", "a\ud800"):
        assert code("string", raw) == code("json", [raw]) == code("object", {raw: 1}) == "unstorable"


def test_containers_are_kept_as_they_are() -> None:
    assert normalize("list", ["b", "a", "b", 1, True], NOTHING) == Normal(["b", "a", "b", 1, True])
    assert normalize("list", "a, b", NOTHING) == Normal(["a, b"])
    assert code("list", [["a"]]) == code("list", [None]) == code("list", {}) == "not_list"
    assert normalize("object", {"b": [None, 1.5]}, NOTHING) == Normal({"b": [None, 1.5]})
    assert code("object", []) == "not_object"


def test_what_nests_too_deeply_is_refused_without_climbing_down() -> None:
    deep: Json = 1
    for _ in range(100_000):
        deep = [deep]
    assert code("json", deep) == "unstorable"
    level: Json = 1
    for _ in range(32):
        level = [level]
    assert normalize("json", level, NOTHING) == Normal(level)


def test_personal_traits_take_the_canonical_form_of_their_identifier() -> None:
    german = Declarations(region="DE")
    assert normalize("email", " Ada@Example.com", NOTHING) == Normal("ada@example.com")
    assert normalize("phone", "030 901820", german) == normalize("phone", 4930901820, german) == Normal("+4930901820")
    assert normalize("phone", "030 901820 ext. 5", german) == Normal("+4930901820;ext=5")
    assert normalize("name", "  Ada   King ", NOTHING) == Normal("Ada King")
    assert code("email", 5) == code("phone", [5]) == code("name", 5) == "not_text"
    assert code("phone", "030 901820") == "phone_region"
