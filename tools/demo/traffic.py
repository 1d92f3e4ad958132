"""The demo's calls and texts: invented people with valid numbers."""

import csv
import math

import numbering
from numbering import PhoneNumberType, stable_random

CALL_COLUMNS = "start account direction from to seconds answered".split()
TEXT_COLUMNS = "start account direction from to segments body".split()

HOME_REGIONS = ["US"] * 55 + ["CA"] * 8 + ["GB"] * 8
HOME_REGIONS += "DE FR ES IT NL AU MX BR IN JP ZA IL".split() * 2
UNANSWERED_SHARE = 0.3
OUTBOUND_SHARE = 0.8
SECONDS_MEDIAN = 80
SECONDS_SIGMA = 1.15
SECONDS_MAX = 7200
CONTACTS = 12

# Destinations that the demo deck has no rate for: calling codes that nobody has, a short code, a
# SIP user. And some that it names one by one.
UNRATED = ["+2105550123", "+9995550123", "5512", "reception"]
SPECIAL = ["911", "411", "support"]

GSM7_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡"
    "ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM7_EXTENSION = "\f^{}\\[~]|€"

PHRASES = [
    "Your code is {code}. Do not share it.",
    "Your table for {small} at 7:30 pm is confirmed. Reply C to cancel.",
    "Dentist tomorrow at {small}:15. See you then!",
    "Parcel {code} is out for delivery; track it at https://example.com/t/{code}",
    "Ваш код: {code}. Никому его не сообщайте.",
    "Café ouvert dimanche, -{small} % sur tout ☕",
    "Running late, start without me 😅",
    "Rechnung {code}: {small},90 € [bezahlt]",
]


def segments_of(body):
    """Packs the text as a phone does and counts the messages it takes."""
    if all(char in GSM7_BASIC or char in GSM7_EXTENSION for char in body):
        sizes, single, part = [2 if char in GSM7_EXTENSION else 1 for char in body], 160, 153
    else:
        sizes, single, part = [2 if ord(char) > 0xFFFF else 1 for char in body], 70, 67
    if sum(sizes) <= single:
        return 1
    segments, room = 1, part
    for size in sizes:
        if size > room:
            segments, room = segments + 1, part
        room -= size
    return segments


class Person:
    """An account: where it lives, its number, whom it calls, and how often compared to others."""

    def __init__(self, seed, index):
        rng = stable_random(seed, "person", index)
        self.account = f"caller-{index:04}"
        self.weight = rng.paretovariate(1.6)
        self.region = rng.choice(HOME_REGIONS)
        toll_free = self.region == "US" and rng.random() < 0.05
        own_type = PhoneNumberType.TOLL_FREE if toll_free else PhoneNumberType.FIXED_LINE
        self.number = numbering.random_number(rng, self.region, own_type)
        self.contacts = [self._contact(rng) for _ in range(CONTACTS)]

    def _contact(self, rng):
        number = None
        while number is None:
            far = rng.random()
            if far < 0.6:
                region = self.region
            elif far < 0.85:
                region = rng.choice(HOME_REGIONS)
            else:
                region = numbering.main_region(rng.choice(numbering.country_calling_codes()))
            mobile = rng.random() < 0.5
            number_type = PhoneNumberType.MOBILE if mobile else PhoneNumberType.FIXED_LINE
            if region != numbering.NON_GEOGRAPHIC:
                number = numbering.random_number(rng, region, number_type)
        return number

    def destination(self, rng):
        kind = rng.random()
        if kind < 0.01:
            return rng.choice(UNRATED)
        if kind < 0.02:
            return rng.choice(SPECIAL)
        if kind < 0.04:
            return numbering.random_number(rng, "US", PhoneNumberType.TOLL_FREE)
        if kind < 0.15:
            return self._contact(rng)
        return rng.choice(self.contacts)


class Traffic:
    def __init__(self, seed, accounts, hours):
        self._seed = seed
        self._milliseconds = int(hours * 3_600_000)
        self._people = [Person(seed, index + 1) for index in range(accounts)]

    def _events(self, rng, count):
        starts = sorted(rng.randrange(self._milliseconds) for _ in range(count))
        # Everybody is there at least once, so that every account is used.
        people = (self._people * (count // len(self._people) + 1))[: min(count, len(self._people))]
        weights = [person.weight for person in self._people]
        people += rng.choices(self._people, weights, k=count - len(people))
        rng.shuffle(people)
        return zip(starts, people)

    def write_calls(self, file, count):
        rng = stable_random(self._seed, "calls")
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(CALL_COLUMNS)
        for start, person in self._events(rng, count):
            outbound = rng.random() < OUTBOUND_SHARE
            other = person.destination(rng) if outbound else rng.choice(person.contacts)
            answered = rng.random() >= UNANSWERED_SHARE
            seconds = self._seconds(rng) if answered else 0
            ends = (person.number, other) if outbound else (other, person.number)
            direction = "OUTBOUND" if outbound else "INBOUND"
            writer.writerow((start, person.account, direction, *ends, seconds, int(answered)))

    @staticmethod
    def _seconds(rng):
        drawn = rng.lognormvariate(math.log(SECONDS_MEDIAN), SECONDS_SIGMA)
        return min(SECONDS_MAX, math.ceil(drawn))

    def write_texts(self, file, count):
        rng = stable_random(self._seed, "texts")
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(TEXT_COLUMNS)
        for start, person in self._events(rng, count):
            outbound = rng.random() < OUTBOUND_SHARE
            other = rng.choice(person.contacts)
            ends = (person.number, other) if outbound else (other, person.number)
            direction = "OUTBOUND" if outbound else "INBOUND"
            body = self._body(rng)
            segments = segments_of(body) if body else rng.randint(1, 4)
            writer.writerow((start, person.account, direction, *ends, segments, body))

    @staticmethod
    def _body(rng):
        """Usually a text; nothing where the gateway has counted the segments itself."""
        if rng.random() < 0.1:
            return ""
        phrases = rng.choices(PHRASES, k=rng.choice((1, 1, 1, 2, 3, 6)))
        return " ".join(
            phrase.format(code=rng.randint(100000, 999999), small=rng.randint(2, 9))
            for phrase in phrases
        )
