"""What a soak has seen, as a page for people, and the verdict."""

import collections
import json
import re
import statistics

from farebox_bench.soak_server import REQUEST_WINDOW_HOURS

MEBIBYTE = 2**20
# Memory is flat where the last third of the longest life has at most this much more than the first,
# and what SQLite keeps of the derived file meanwhile: up to 64 MiB of what it has grown by
# (storage/sqlite/derived_file.cc).
GROWTH_SHARE_MAX = 0.05
GROWTH_BYTES_MAX = 16 * MEBIBYTE
DERIVED_CACHE_BYTES = 64 * MEBIBYTE
WAL_BYTES_MAX = 64 * MEBIBYTE
# With this share of its capacity offered, a server may turn away so few calls when the machine has
# no time for it: whoever is turned away comes back, and nothing was done.
TURNED_AWAY_SHARE_MAX = 0.0001
TURNED_AWAY = "RESOURCE_EXHAUSTED OVERLOADED"
# What those hear who call while the server is stopped and started, and for some seconds after.
PLANNED = re.compile(r"^(UNAVAILABLE|RESOURCE_EXHAUSTED OVERLOADED|DEADLINE_EXCEEDED|CANCELLED|"
                     r"Connection|RemoteDisconnected|SSL|TimeoutError|503|429|.*UNAVAILABLE)")
# Refusals that the load provokes on purpose.
EXPECTED_REFUSALS = ("INSUFFICIENT_BALANCE",)


def tell(seen):
    """Prints all of it; the exit code."""
    problems = []
    tell_calls(seen, problems)
    tell_errors(seen, problems)
    tell_disturbances(seen, problems)
    tell_memory(seen, problems)
    tell_files(seen, problems)
    tell_repeats(seen, problems)
    tell_books(seen, problems)
    print("\n" + ("THERE ARE PROBLEMS:" if problems else
                  "Memory is flat, no error came that was not planned, the books balance."))
    for problem in problems:
        print(f"  {problem}")
    return 1 if problems else 0


def heading(text):
    print(f"\n{text}")


def line(what, value):
    print(f"  {what:<44}{value:>30}")


def millis(seconds):
    return f"{1000 * seconds:,.1f}"


class Latencies:
    """Counts in buckets that are each 2 % wider than the one before."""

    def __init__(self):
        self.buckets = collections.Counter()
        self.max_seconds = 0

    def add(self, buckets, max_micros):
        for bucket, count in buckets:
            self.buckets[bucket] += count
        self.max_seconds = max(self.max_seconds, max_micros / 1e6)

    def quantile(self, share):
        total, seen = sum(self.buckets.values()), 0
        for bucket, count in sorted(self.buckets.items()):
            seen += count
            if seen >= share * total:
                return 2 ** ((bucket + 1) / 32) / 1e6
        return 0

    def __str__(self):
        return " ".join(f"{millis(value):>9}" for value in
                        (self.quantile(.5), self.quantile(.99), self.max_seconds))


def tell_calls(seen, problems):
    steady = seen.steady
    heading(f"Calls: {steady['answered']:,} answered in {steady['seconds']:.0f} s, "
            f"{steady['per_second']:,.0f}/s of a capacity of {seen.capacity:,.0f}/s")
    for kind, outcome, count in steady["outcomes"]:
        line(f"{kind}: {outcome}", f"{count:,}")
        bad = outcome.startswith("refused") and not outcome.endswith(EXPECTED_REFUSALS)
        if bad or outcome == "never answered":
            problems.append(f"{kind}: {outcome}, {count:,} times")
    heading("Waits in ms, from when a call was due      "
            "  quiet: p50       p99       max   all: p50       p99       max")
    quiet, all_of_it = (collections.defaultdict(Latencies) for _ in range(2))
    for second, kind, buckets, max_micros in steady["latencies"]:
        for name in (kind, "all of them"):
            all_of_it[name].add(buckets, max_micros)
            if not any(one.begin - 1 <= second <= one.end for one in seen.server.disturbances):
                quiet[name].add(buckets, max_micros)
    for name in all_of_it:
        print(f"  {name:<40} {quiet[name]}  {all_of_it[name]}")
    waits = sorted(wait for begin, wait in seen.http.answers
                   if not seen.server.was_disturbed(begin))
    if waits:
        print(f"  {'JSON over HTTPS':<40} {millis(waits[len(waits) // 2]):>9} "
              f"{millis(waits[int(.99 * len(waits))]):>9} {millis(waits[-1]):>9}")


def tell_errors(seen, problems):
    heading("Errors, each followed by another attempt")
    counts = collections.Counter()
    for when, kind, error, count in (
            *seen.steady["errors"], *seen.http.errors, *seen.backups.errors):
        planned = seen.server.was_disturbed(when) and PLANNED.match(error)
        counts[("planned" if planned else "NOT PLANNED", kind, error.split("\n")[0])] += count
    turned_away = sum(count for (planned, _, error), count in counts.items()
                      if planned != "planned" and error == TURNED_AWAY)
    is_few = turned_away <= TURNED_AWAY_SHARE_MAX * seen.steady["answered"]
    for (planned, kind, error), count in sorted(counts.items()):
        line(f"{kind}: {error}", f"{count:,}  {planned}")
        if planned != "planned" and not (is_few and error == TURNED_AWAY):
            problems.append(f"an error that was not planned, {count:,} times: {kind}: {error}")
    if turned_away:
        line("turned away outside of restarts",
             f"{1e4 * turned_away / seen.steady['answered']:.2f} of 10,000 calls")
    if not counts:
        line("none", "")


def tell_disturbances(seen, problems):
    heading("Restarts")
    for one in seen.server.disturbances:
        line(f"{one.what}, exit code {one.exit_code}", f"{one.down_seconds:.2f} s away")
        if one.what != "kill -9" and one.exit_code != 0:
            problems.append(f"a {one.what} ended with {one.exit_code}")
    for level, text, count in log_lines(seen.server.log_path):
        line(f"log, {level}: {text}", f"{count:,}")


def log_lines(path):
    """What the server said above info, by event."""
    counts = collections.Counter()
    for text in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            said = json.loads(text)
        except ValueError:
            counts[("error", text[:60])] += 1
            continue
        level = str(said.get("level", "")).lower()
        if level not in ("info", "debug"):
            counts[(level, str(said.get("event") or said.get("message") or said)[:60])] += 1
    return [(level, text, count) for (level, text), count in sorted(counts.items())]


def tell_memory(seen, problems):
    lives = collections.defaultdict(list)
    for sample in seen.samples:
        lives[sample.life].append(sample)
    longest = max(lives.values(), key=lambda life: life[-1].time - life[0].time)
    # Until the first ids have left memory it fills, as it should.
    filled = longest[0].time + min(1.5 * 3600 * REQUEST_WINDOW_HOURS + 10,
                                   (longest[-1].time - longest[0].time) / 3)
    settled = [sample for sample in longest if sample.time >= filled]
    third = max(1, len(settled) // 3)
    first, last = (statistics.mean(sample.resident_bytes for sample in part)
                   for part in (settled[:third], settled[-third:]))
    derived = (statistics.mean(sample.files.get("derived.db", 0) for sample in settled[-third:]) -
               statistics.mean(sample.files.get("derived.db", 0) for sample in settled[:third]))
    cached = min(derived, DERIVED_CACHE_BYTES)
    allowed = max(GROWTH_BYTES_MAX, GROWTH_SHARE_MAX * first) + cached
    heading(f"Memory of the longest life, {settled[-1].time - settled[0].time:.0f} s of "
            f"{longest[-1].time - longest[0].time:.0f} s, from when request ids leave as they come")
    line("first third, last third", f"{first / MEBIBYTE:.1f}, {last / MEBIBYTE:.1f} MiB")
    line("grown by", f"{(last - first) / MEBIBYTE:+.1f} MiB")
    line("may grow by, of that for the derived file",
         f"{allowed / MEBIBYTE:.1f}, {cached / MEBIBYTE:.1f} MiB")
    line("slope", f"{3600 * slope(settled) / MEBIBYTE:+.1f} MiB/h")
    line("most, of all lives",
         f"{max(sample.resident_bytes for sample in seen.samples) / MEBIBYTE:.1f} MiB")
    line("descriptors, first and last",
         f"{settled[0].descriptors}, {settled[-1].descriptors}")
    if last - first > allowed:
        problems.append(f"memory has grown by {(last - first) / MEBIBYTE:.1f} MiB")


def slope(samples):
    """Bytes a second, by least squares."""
    if len(samples) < 2:
        return 0
    times = [sample.time - samples[0].time for sample in samples]
    middle = statistics.mean(times)
    mean = statistics.mean(sample.resident_bytes for sample in samples)
    over = sum((t - middle) * (sample.resident_bytes - mean)
               for t, sample in zip(times, samples))
    return over / sum((t - middle) ** 2 for t in times)


def tell_files(seen, problems):
    heading("Files")
    status = seen.ends["farebox status"][1]
    entries = int(status.get("entries", 0))
    for name in seen.samples[-1].files:
        sizes = [sample.files.get(name, 0) for sample in seen.samples]
        line(f"{name}, at the end and at most",
             f"{sizes[-1] / MEBIBYTE:.1f}, {max(sizes) / MEBIBYTE:.1f} MiB")
        if name == "journal.db-wal" and max(sizes) > WAL_BYTES_MAX:
            problems.append(f"the log has grown to {max(sizes) / MEBIBYTE:.0f} MiB")
    line("entries", f"{entries:,}")
    files = sum(seen.samples[-1].files.get(name, 0) for name in ("journal.db", "derived.db"))
    if entries:
        line("bytes an entry, both files", f"{files / entries:.0f}")
    made = sorted(seen.backups.made)
    line("backups made, the slowest", f"{len(made)}, {made[-1]:.1f} s" if made else "none")
    line("charges of cards", f"{seen.charges:,}")
    if not made or not seen.charges:
        problems.append("no backup was made, or no card charged")


def tell_repeats(seen, problems):
    steady = seen.steady
    heading("Repeated under the same request id")
    line("changes, after errors", f"{steady['repeated_after_errors']:,}")
    line("changes, on purpose", f"{steady['repeated_on_purpose']:,}")
    line("answers that said so (replayed)", f"{steady['replayed']:,}")
    line("answers that were not the first again", f"{len(steady['different_answers']):,}")
    for answer in steady["different_answers"][:5]:
        problems.append(f"another answer to the same request id: {answer}")


def tell_books(seen, problems):
    steady = seen.steady
    heading("Books")
    expected = (steady["opening_micros"] + steady["credited_micros"] - steady["charged_micros"])
    line("balances, and what callers were told of", f"{units(steady['opening_micros'])}")
    line("credited", f"+{units(steady['credited_micros'])}")
    line("charged", f"-{units(steady['charged_micros'])}")
    line("makes", units(expected))
    line("the ledger has", units(steady["end_micros"]))
    if expected != steady["end_micros"] or steady["problems"]:
        problems.append(f"{len(steady['problems'])} accounts do not have what was told, e.g. "
                        f"{steady['problems'][:3]}")
    for what, value in re.findall(r"^  ((?:calls|money|  granted|entries|answers|requests sent|"
                                  r"holds)\S*.{0,30}?) {2,}(\S.*)$", seen.router_report, re.M):
        line(f"call router: {what.strip()}", value)
    line("call router: its books", "balance" if seen.router_code == 0 else "DO NOT BALANCE")
    if seen.router_code != 0:
        problems.append(f"the call router found: {seen.router_report[-600:]}")
    line(f"{seen.texts.bursts} bursts of texts: their books",
         "balance" if not seen.texts.failures else "DO NOT BALANCE")
    for report in seen.texts.failures[:2]:
        problems.append(f"the gateway found: {report[-600:]}")
    for what, (code, told, error) in seen.ends.items():
        if what == "farebox status":
            continue
        good = code == 0 and told.get("ok", True)
        details = f", {int(told['entries']):,} entries" if "entries" in told else ""
        line(what, ("ok" if good else f"exit code {code}") + details)
        if not good:
            problems.append(f"{what}: exit code {code} {error} {told}")


def units(micros):
    return f"{micros / 1_000_000:,.6f}"
