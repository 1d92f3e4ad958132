"""What a call costs in processor time, and which threads spend it."""

import collections
import pathlib
import statistics
import time

from farebox_bench import servers

OUTSTANDING = 256
OPERATIONS = ("debit", "authorize", "balance")
# What costs less is not told apart.
MICROS_MIN = 0.1


def measure(load, binaries, directory):
    """Yields (what, figure) of our server, and of one that does nothing with the same bound."""
    with servers.farebox(binaries, directory / "ledger") as ours, \
            servers.bounded_noop(binaries) as noop:
        load.prepare(ours)
        for operation in OPERATIONS:
            samples = [(sample(load, ours, operation), sample(load, noop, operation))
                       for _ in range(load.rounds)]
            mine, base = (merged(side) for side in zip(*samples))
            yield f"{operation}, us", f"{sum(mine.values()):.1f}"
            yield from threads(mine)
            yield f"{operation} of the no-op server, us", f"{sum(base.values()):.1f}"
            yield from threads(base)
            ratio = statistics.median(sum(b.values()) / sum(a.values()) for a, b in samples)
            yield "no-op over ours", f"{ratio:.2f}"


def threads(micros):
    for name, figure in sorted(micros.items(), key=lambda item: -item[1]):
        if figure >= MICROS_MIN:
            yield f"  {name}", f"{figure:.1f}"


def merged(samples):
    names = {name for micros in samples for name in micros}
    return {name: statistics.median(micros.get(name, 0) for micros in samples) for name in names}


def sample(load, server, operation):
    """Microseconds a call of each thread, callers' and server's, in the middle of one run."""
    with load.begin(server, operation, OUTSTANDING) as run:
        time.sleep(load.warmup + load.seconds / 4)
        before, start = spent(server.process.pid, run.process.pid), time.monotonic()
        time.sleep(load.seconds / 2)
        after, seconds = spent(server.process.pid, run.process.pid), time.monotonic() - start
        made = run.figures()["per_second"] * seconds
    return {name: (after[name] - before[name]) / made for name in after}


def spent(server, callers):
    """Microseconds of processor time by the name of the thread; of the callers all together."""
    total = collections.Counter()
    for process, prefix in ((server, None), (callers, "callers")):
        for task in pathlib.Path(f"/proc/{process}/task").iterdir():
            try:
                name = (task / "comm").read_text(encoding="utf-8").strip()
                nanos = int((task / "schedstat").read_text(encoding="utf-8").split()[0])
            except (FileNotFoundError, ProcessLookupError):  # It has ended.
                continue
            total[prefix or name] += nanos / 1000
    return total
