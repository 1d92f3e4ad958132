"""Public facts about phone numbers, read from libphonenumber's metadata and geographic data."""

import collections
import functools
import random

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberType, geocoder
from phonenumbers.carrierdata import CARRIER_DATA
from phonenumbers.geodata import GEOCODE_DATA

NORTH_AMERICA = 1
NON_GEOGRAPHIC = "001"

# Regions that the data has no English name for, and calling codes that belong to no region.
_REGION_NAMES = {"AC": "Ascension Island", "XK": "Kosovo", "TA": "Tristan da Cunha"}
_GLOBAL_NAMES = {
    800: "International Freephone",
    808: "International Shared Cost",
    870: "Inmarsat satellite",
    878: "Universal Personal Telecommunications",
    881: "Global mobile satellite",
    882: "International networks",
    883: "International networks",
    888: "Disaster relief",
    979: "International premium rate",
}

AreaCode = collections.namedtuple("AreaCode", "prefix region place number_type")


def country_calling_codes():
    """All of them, ascending."""
    return sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE)


def main_region(calling_code):
    return phonenumbers.COUNTRY_CODE_TO_REGION_CODE[calling_code][0]


def country_name(calling_code):
    if main_region(calling_code) == NON_GEOGRAPHIC:
        return _GLOBAL_NAMES.get(calling_code, "International services")
    if calling_code == NORTH_AMERICA:
        return "North America"
    regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE[calling_code]
    return ", ".join(region_name(region) for region in regions)


def region_name(region):
    return _REGION_NAMES.get(region) or geocoder._region_display_name(region, "en") or region


def _english(prefix):
    return GEOCODE_DATA.get(prefix, {}).get("en", "")


def _state_of(place):
    """CT of "Stamford, CT"; nothing of a place that is not written so."""
    state = place.rpartition(", ")[2]
    return state if state != place and len(state) == 2 else ""


def _states_by_area():
    """For each area code, as 1203, how many of its exchanges lie in which state."""
    votes = collections.defaultdict(collections.Counter)
    for prefix in GEOCODE_DATA:
        state = _state_of(_english(prefix)) if prefix[0] == "1" else ""
        if state:
            votes[prefix[:4]][state] += 1
    return {area: states.most_common(1)[0][0] for area, states in votes.items()}


def _places_by_area():
    """The state, province or territory of each area code that the data places on land."""
    states = _states_by_area()
    names = collections.defaultdict(collections.Counter)
    for area, state in states.items():
        if _english(area) and not _state_of(_english(area)):
            names[state][_english(area)] += 1
    places = {}
    placed = {prefix for prefix in GEOCODE_DATA if prefix[0] == "1" and len(prefix) == 4}
    for area in placed | set(states):
        state = states.get(area)
        places[area] = names[state].most_common(1)[0][0] if names[state] else _english(area)
    return places


_SERVICES = {
    PhoneNumberType.TOLL_FREE: "Toll-free",
    PhoneNumberType.PREMIUM_RATE: "Premium rate",
    PhoneNumberType.PERSONAL_NUMBER: "Personal numbers",
}


@functools.lru_cache(maxsize=None)
def north_american_area_codes():
    """The area codes in use: +1 and three digits, with the state, province or country of each."""
    places = _places_by_area()
    areas = []
    for area in range(200, 1000):
        number = PhoneNumber(country_code=NORTH_AMERICA, national_number=area * 10**7 + 2345678)
        region = phonenumbers.region_code_for_number(number)
        prefix = f"1{area}"
        if region is None and prefix not in places:
            continue
        number_type = phonenumbers.number_type(number)
        place = _SERVICES.get(number_type) or places.get(prefix) or region_name(region)
        areas.append(AreaCode(prefix, region or "US", place, number_type))
    return areas


def mobile_prefixes(calling_code, digits_max):
    """The shortest prefixes, with the names of their networks, that the data gives to mobile
    networks of one country, as far as `digits_max` digits after the calling code tell them."""
    code = str(calling_code)
    found = {}
    for prefix in sorted(CARRIER_DATA, key=lambda key: (len(key), key)):
        if not prefix.startswith(code) or len(prefix) > len(code) + digits_max:
            continue
        if any(prefix[:length] in found for length in range(len(code) + 1, len(prefix))):
            continue
        if CARRIER_DATA[prefix].get("en"):
            found[prefix] = CARRIER_DATA[prefix]["en"]
    return found


def random_number(rng, region, number_type):
    """A valid number of the region in E.164, or None where it has none of that type."""
    if region in ("US", "CA") and number_type != PhoneNumberType.TOLL_FREE:
        return _random_north_american(rng, region)
    example = phonenumbers.example_number_for_type(region, number_type)
    if example is None:
        return None
    digits = phonenumbers.national_significant_number(example)
    for varied in (6, 5, 4, 4, 3, 3, 2):
        varied = min(varied, len(digits) - 2)
        tail = "".join(rng.choice("0123456789") for _ in range(varied))
        text = f"+{example.country_code}{digits[:-varied]}{tail}"
        if phonenumbers.is_valid_number(phonenumbers.parse(text)):
            return text
    return phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)


@functools.lru_cache(maxsize=None)
def _local_area_codes(region):
    return [
        area.prefix
        for area in north_american_area_codes()
        if area.region == region and area.number_type == PhoneNumberType.FIXED_LINE_OR_MOBILE
    ]


def _random_north_american(rng, region):
    while True:
        exchange, line = rng.randint(200, 999), rng.randint(0, 9999)
        text = f"+{rng.choice(_local_area_codes(region))}{exchange}{line:04}"
        if phonenumbers.is_valid_number(phonenumbers.parse(text)):
            return text


def stable_random(*key):
    """A source of random numbers that depends on nothing but the key."""
    return random.Random(":".join(str(part) for part in key))
