"""What a server does with more calls than it can answer."""

import json
import statistics
import subprocess

from farebox_bench import servers

# As many calls at once as keep a server busy without a long queue.
OUTSTANDING = 128
FACTORS = (1, 1.5, 2, 3)
CROWDS = (512, 2048)
# Calls that a caller has waiting for their turn on a connection, before it gives new ones up.
PENDING = 16
KINDS = ("authorize", "settle", "balance")
# A moment of a phase is so long.
MOMENT_SECONDS = 0.1


def measure(load, binaries, directory):
    """Yields (what, figure) of a server that is offered what it can do, and up to thrice that."""
    with servers.farebox(binaries, directory / "ledger") as server:
        load.prepare(server)
        capacity = find_capacity(load, binaries, server)
        yield from describe("capacity, 128 calls at once", capacity)
        peak = answered(capacity)
        for outstanding in CROWDS:
            crowd = run(binaries, server, f"@{outstanding}:{load.seconds}")[0]
            yield f"--- {outstanding} calls at once, anew when one ends", ""
            yield from compare(crowd, capacity, capacity)
        at_capacity = None
        for factor in FACTORS:
            yield f"--- {factor} x capacity, offered", f"{factor * peak:,.0f}/s"
            offered, after = offer(load, binaries, server, factor * peak, peak)
            at_capacity = at_capacity or offered
            yield from compare(offered, capacity, at_capacity)
            yield from aftermath(server, after)
        yield from without_bound(load, binaries, server, capacity)
        yield from hot_account(load, binaries, server)


def offer(load, binaries, server, rate, peak, **options):
    """Calls at a rate, and then at half of what the server can do."""
    return run(binaries, server, phase(rate, load.seconds), phase(0.5 * peak, load.seconds),
               **options)


def without_bound(load, binaries, server, capacity):
    """Callers who queue whatever comes, first come first served, until its time is over."""
    peak = answered(capacity)
    yield "--- 2 x capacity, from callers who queue without bound", f"{2 * peak:,.0f}/s"
    try:
        offered, after = offer(load, binaries, server, 2 * peak, peak, pending=0)
    except subprocess.CalledProcessError:
        # Calls that are over before they are read are taken for a flood.
        yield "the server", "cut a connection"
        return
    yield from compare(offered, capacity, capacity)
    yield from aftermath(server, after)


def aftermath(server, after):
    yield "well again after", f"{recovery_seconds(after):.1f} s"
    yield "memory afterwards", f"{server.resident_bytes() / 2**20:.0f} MiB"


def find_capacity(load, binaries, server):
    """The best of some runs without overload."""
    runs = [run(binaries, server, f"@{OUTSTANDING}:{load.seconds}")[0]
            for _ in range(load.rounds)]
    return sorted(runs, key=answered)[len(runs) // 2]


def measure_hot(load, binaries, directory):
    """Yields (what, figure) of an account that has all calls."""
    with servers.farebox(binaries, directory / "ledger") as server:
        load.prepare(server)
        yield from hot_account(load, binaries, server)


def hot_account(load, binaries, server):
    """All of it about one account, and how evenly its connections are served."""
    pairs = []
    for _ in range(load.rounds):
        hot = run(binaries, server, f"@{OUTSTANDING}:{load.seconds}", accounts=1)[0]
        spread = run(binaries, server, f"@{OUTSTANDING}:{load.seconds}")[0]
        pairs.append((ratio(answered(hot), answered(spread)), evenness(hot)))
        yield "one account: calls/s, p50, p99", (
            f"{answered(hot):,.0f}, {hot['p50_us'] / 1000:.1f}, {hot['p99_us'] / 1000:.1f} ms")
        yield "a thousand accounts: calls/s, p50, p99", (
            f"{answered(spread):,.0f}, {spread['p50_us'] / 1000:.1f}, "
            f"{spread['p99_us'] / 1000:.1f} ms")
    yield "--- one account has all calls, over a thousand", (
        f"{statistics.median(ratio for ratio, _ in pairs):.2f}")
    yield "its slowest connection over the mean one", (
        f"{statistics.median(even for _, even in pairs):.2f}")


def evenness(result):
    return ratio(min(result["connections"]), statistics.mean(result["connections"]))


def ratio(value, base):
    """0 where a run was too short to answer anything."""
    return value / base if base else 0


def phase(rate, seconds):
    return f"{max(rate, 1):.0f}:{seconds}"


def run(binaries, server, *phases, accounts=1000, pending=PENDING):
    command = [str(binaries / "farebox-open-load"), f"--server={server.address}",
               f"--accounts={accounts}", f"--pending={pending}"]
    for one in phases:
        command.append(f"--phase={one}")
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return [json.loads(line) for line in output.splitlines()]


def answered(result):
    """Calls answered OK a second."""
    return sum(result["kinds"][kind]["answered"] for kind in KINDS) / result["seconds"]


def describe(what, result):
    yield f"{what} answered".strip(), f"{answered(result):,.0f}/s"
    yield "p50, p99 of these", f"{result['p50_us'] / 1000:.1f}, {result['p99_us'] / 1000:.1f} ms"
    for kind in KINDS:
        calls = result["kinds"][kind]
        if calls["arrived"]:
            yield f"  {kind}: answered, refused, given up", ", ".join(
                f"{100 * calls[part] / calls['arrived']:.0f} %"
                for part in ("answered", "refused")) + (
                f", {100 * (calls['held_back'] + calls['late']) / calls['arrived']:.0f} %")


def compare(result, capacity, at_capacity):
    yield from describe("", result)
    yield "goodput over capacity", f"{ratio(answered(result), answered(capacity)):.2f}"
    yield "p99 over that at capacity", f"{ratio(result['p99_us'], at_capacity['p99_us']):.1f}"


def recovery_seconds(result):
    """From the end of an overload until nothing is refused or given up any more."""
    last = 0
    for number, (_, refused, given_up, _) in enumerate(result["moments"], 1):
        if refused or given_up:
            last = number
    return last * MOMENT_SECONDS
