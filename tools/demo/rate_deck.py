"""The demo rate deck: invented prices for real destinations."""

import csv

import numbering
from numbering import PhoneNumberType, stable_random

COLUMNS = (
    "item prefix description connect_fee attempt_fee rate_per_minute initial_increment increment "
    "rate_after_seconds rate_after_per_minute unit_fee effective_from effective_to"
).split()

# Prices a minute in ten-thousandths of the currency unit, by the first digit of the calling code
# (the zones of E.164): the cheapest country, the dearest country.
ZONES = {
    "1": (450, 2900),
    "2": (900, 5200),
    "3": (90, 850),
    "4": (85, 780),
    "5": (240, 1900),
    "6": (210, 3600),
    "7": (420, 900),
    "8": (140, 1500),
    "9": (310, 2600),
}
SATELLITES = (870, 881, 882, 883)
# The usual ways to bill, as often as they are met.
INCREMENTS = [(1, 1)] * 3 + [(6, 6)] * 2 + [(30, 6)] * 3 + [(60, 60)] * 2


def money(amount, decimals):
    """An integer count of 10^-decimals as decimal text without trailing zeros."""
    text = f"{amount // 10**decimals}.{amount % 10**decimals:0{decimals}}"
    return text.rstrip("0").rstrip(".")


class Deck:
    def __init__(self, seed):
        self._seed = seed
        self.rows = []

    def build(self):
        self._calls_to_countries()
        self._calls_to_north_america()
        self._calls_to_special_destinations()
        self._inbound_calls()
        self._texts()
        self._numbers_and_attempts()
        return self

    def write(self, file):
        writer = csv.DictWriter(file, COLUMNS, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)

    def _add(self, item, prefix, description, **values):
        self.rows.append({"item": item, "prefix": prefix, "description": description, **values})

    def _random(self, *key):
        return stable_random(self._seed, "deck", *key)

    def _calls_to_countries(self):
        for code in numbering.country_calling_codes():
            if code in SATELLITES:
                self._call_to_satellite(code)
                continue
            rng = self._random(code)
            low, high = ZONES[str(code)[0]]
            rate = int(low * (high / low) ** rng.random())
            terms = self._terms(rng, rate)
            name = numbering.country_name(code)
            if code == 800:
                terms = {"rate_per_minute": "0"}
            self._add_call(str(code), name, terms, rng)
            if code != numbering.NORTH_AMERICA:
                self._calls_to_mobiles(code, name, rate)

    def _terms(self, rng, rate):
        """How calls are billed at `rate` ten-thousandths a minute."""
        first, next_blocks = rng.choice(INCREMENTS)
        # Half a ten-thousandth and less: prices that only exact arithmetic gets right.
        nanos = rate * 100_000 + rng.choice((0, 0, 50_000, 12_345, 1))
        terms = {
            "rate_per_minute": money(nanos, 9),
            "initial_increment": first,
            "increment": next_blocks,
        }
        if rng.random() < 0.12:
            terms["connect_fee"] = money(rng.choice((5, 10, 25, 39, 50)), 3)
        if rng.random() < 0.06:
            terms["attempt_fee"] = money(rng.choice((1, 2, 5)), 3)
        if rng.random() < 0.08:
            terms["rate_after_seconds"] = rng.choice((60, 300, 600))
            terms["rate_after_per_minute"] = money(nanos * 7 // 10, 9)
        return terms

    def _add_call(self, prefix, name, terms, rng):
        """Some rates have changed, and some are about to in a future that no demo lives to see."""
        history = rng.random()
        if history < 0.05:
            old = dict(terms, rate_per_minute="0.99")
            self._add("OUTBOUND_CALL", prefix, name, **old, effective_to="2024-01-01")
            terms = dict(terms, effective_from="2024-01-01")
        elif history < 0.08:
            new = dict(terms, rate_per_minute="0.99")
            self._add("OUTBOUND_CALL", prefix, name, **new, effective_from="2199-01-01")
            terms = dict(terms, effective_to="2199-01-01T00:00:00Z")
        self._add("OUTBOUND_CALL", prefix, name, **terms)

    def _calls_to_mobiles(self, code, name, rate):
        prefixes = numbering.mobile_prefixes(code, digits_max=3)
        for prefix, network in sorted(prefixes.items()):
            rng = self._random(code, "mobile", network)
            dearer = int(rate * (1.3 + 2.5 * rng.random()))
            terms = self._terms(rng, dearer)
            self._add("OUTBOUND_CALL", prefix, f"{name}, mobile, {network}", **terms)

    def _call_to_satellite(self, code):
        rng = self._random(code)
        self._add(
            "OUTBOUND_CALL",
            str(code),
            numbering.country_name(code),
            connect_fee="0.5",
            attempt_fee="0.01",
            rate_per_minute=money(rng.randint(450, 990), 2),
            initial_increment=60,
            increment=60,
        )

    def _calls_to_north_america(self):
        for area in numbering.north_american_area_codes():
            terms = self._north_american_terms(area)
            self._add("OUTBOUND_CALL", area.prefix, area.place, **terms)

    def _north_american_terms(self, area):
        if area.number_type == PhoneNumberType.TOLL_FREE:
            return {"rate_per_minute": "0"}
        if area.number_type == PhoneNumberType.PREMIUM_RATE:
            return {
                "connect_fee": "0.75",
                "rate_per_minute": "2.49",
                "initial_increment": 60,
                "increment": 60,
            }
        rng = self._random("area", area.place)  # One price for a state, province or island.
        if area.region not in ("US", "CA"):
            low, high = ZONES["1"]
            return self._terms(rng, rng.randint(low, high))
        if area.place in ("Alaska", "Northwest Territories/Nunavut/Yukon"):
            return self._terms(rng, rng.randint(600, 1200))
        per_minute = rng.randint(45, 120) if area.region == "US" else rng.randint(60, 150)
        nanos = per_minute * 100_000 + rng.choice((0, 50_000))
        first = rng.choice((1, 6, 6, 30))
        return {
            "rate_per_minute": money(nanos, 9),
            "initial_increment": first,
            "increment": min(first, 6),
        }

    def _calls_to_special_destinations(self):
        self._add("OUTBOUND_CALL", "exact:911", "Emergency", rate_per_minute="0")
        self._add("OUTBOUND_CALL", "exact:112", "Emergency", rate_per_minute="0")
        self._add(
            "OUTBOUND_CALL",
            "exact:411",
            "Directory, per call",
            connect_fee="1.25",
            rate_per_minute="0",
        )
        self._add("OUTBOUND_CALL", "exact:support", "Our own support", rate_per_minute="0")

    def _inbound_calls(self):
        local = {"rate_per_minute": "0.0085", "initial_increment": 6, "increment": 6}
        toll_free = {"rate_per_minute": "0.022", "initial_increment": 60, "increment": 60}
        self._add("INBOUND_CALL", "", "Inbound", **local)
        for area in numbering.north_american_area_codes():
            if area.number_type == PhoneNumberType.TOLL_FREE:
                self._add("INBOUND_CALL", area.prefix, "Inbound, toll-free", **toll_free)
        for code in numbering.country_calling_codes():
            rng = self._random("inbound", code)
            terms = dict(local, rate_per_minute=money(rng.randint(40, 130), 4))
            name = f"Inbound, {numbering.country_name(code)}"
            self._add("INBOUND_CALL", str(code), name, **terms)

    def _texts(self):
        self._add("INCOMING_TEXT", "", "Incoming text", unit_fee="0.0075")
        for code in numbering.country_calling_codes():
            rng = self._random("text", code)
            fee = 79 if code == numbering.NORTH_AMERICA else rng.randint(120, 1400)
            name = numbering.country_name(code)
            self._add("OUTGOING_TEXT", str(code), f"Text to {name}", unit_fee=money(fee, 4))
        for area in numbering.north_american_area_codes():
            if area.region not in ("US", "CA"):
                fee = self._random("text", area.place).randint(150, 900)
                name = f"Text to {area.place}"
                self._add("OUTGOING_TEXT", area.prefix, name, unit_fee=money(fee, 4))

    def _numbers_and_attempts(self):
        self._add("RING_THROUGH_ATTEMPT", "", "Ring-through attempt", unit_fee="0.01")
        self._add("RING_THROUGH_ATTEMPT", "1", "Ring-through attempt", unit_fee="0.004")
        for code in numbering.country_calling_codes():
            cents = self._random("number", code).randint(2, 19) * 50
            if code == numbering.NORTH_AMERICA:
                cents = 100
            name = f"Number, {numbering.country_name(code)}"
            for item in ("PHONE_NUMBER_PURCHASE", "PHONE_NUMBER_RENEWAL"):
                self._add(item, str(code), name, unit_fee=money(cents, 2))
        for area in numbering.north_american_area_codes():
            if area.number_type == PhoneNumberType.TOLL_FREE:
                for item in ("PHONE_NUMBER_PURCHASE", "PHONE_NUMBER_RENEWAL"):
                    self._add(item, area.prefix, "Number, toll-free", unit_fee="2")
