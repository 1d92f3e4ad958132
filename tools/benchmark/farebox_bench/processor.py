"""What a call costs in processor time, and which threads spend it."""

import collections
import pathlib
import statistics
import time

from farebox_bench import servers

OUTSTANDING = 256
OPERATIONS = ("debit", "authorize", "balance")
DURABLE = ("debit", "authorize")
# What costs less is not told apart.
MICROS_MIN = 0.1


def measure(load, binaries, directory):
    """Yields (what, figure) of our server, of one that does nothing with the same bound, and of
    one that does nothing but sync."""
    with servers.farebox(binaries, directory / "ledger") as ours, \
            servers.bounded_noop(binaries) as noop, \
            servers.syncing_noop(binaries, directory) as syncing:
        load.prepare(ours)
        for operation in OPERATIONS:
            baselines = {"the no-op server": noop}
            if operation in DURABLE:
                baselines["one that only syncs"] = syncing
            samples = [[sample(load, server, operation) for server in (ours, *baselines.values())]
                       for _ in range(load.rounds)]
            mine, *others = (merged(side) for side in zip(*samples))
            yield f"{operation}, us", f"{sum(mine.values()):.1f}"
            yield from threads(mine)
            for number, (name, micros) in enumerate(zip(baselines, others), start=1):
                yield f"{operation} of {name}, us", f"{sum(micros.values()):.1f}"
                yield from threads(micros)
                ratio = statistics.median(sum(run[number].values()) / sum(run[0].values())
                                          for run in samples)
                yield f"{name} over ours", f"{ratio:.2f}"


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
