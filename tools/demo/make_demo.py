#!/usr/bin/python3
"""Makes a demo rate deck and, for it, a log of calls and one of texts.

Destinations and numbers are real as far as numbering plans go (they come from libphonenumber's
data, Debian's python3-phonenumbers); people and prices are invented. The same arguments and the
same data give the same files.
"""

import argparse
import os
import sys

from rate_deck import Deck
from traffic import Traffic


def write_whole(path, write):
    """Leaves either the whole file or none."""
    draft = f"{path}.part"
    with open(draft, "w", encoding="utf-8", newline="") as file:
        write(file)
    os.replace(draft, path)


def parse_arguments(arguments):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--deck", metavar="CSV", help="write the rate deck here")
    parser.add_argument("--calls", metavar="CSV", help="write the call log here")
    parser.add_argument("--texts", metavar="CSV", help="write the log of texts here")
    parser.add_argument("--seed", type=int, default=1, help="another seed, other prices and people")
    parser.add_argument("--calls-count", type=int, default=10_000)
    parser.add_argument("--texts-count", type=int, default=5_000)
    parser.add_argument("--accounts", type=int, default=200)
    parser.add_argument("--hours", type=float, default=4, help="how long the logs last")
    options = parser.parse_args(arguments)
    if not (options.deck or options.calls or options.texts):
        parser.error("nothing to write: give --deck, --calls or --texts")
    if options.accounts < 1 or options.hours <= 0:
        parser.error("--accounts and --hours must be above zero")
    return options


def main(arguments):
    options = parse_arguments(arguments)
    if options.deck:
        write_whole(options.deck, Deck(options.seed).build().write)
    if not (options.calls or options.texts):
        return
    traffic = Traffic(options.seed, options.accounts, options.hours)
    if options.calls:
        write_whole(options.calls, lambda file: traffic.write_calls(file, options.calls_count))
    if options.texts:
        write_whole(options.texts, lambda file: traffic.write_texts(file, options.texts_count))


if __name__ == "__main__":
    main(sys.argv[1:])
