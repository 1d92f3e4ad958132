"""Each kind of call, beside a server that does nothing."""

import statistics

from farebox_bench import machine, servers

OUTSTANDING = (1, 64, 256)


def measure(load, binaries, directory, outstanding=OUTSTANDING):
    """Yields a row for each kind of call."""
    with (servers.farebox(binaries, directory) as ours, servers.noop(binaries) as noop,
          servers.bounded_noop(binaries) as bounded):
        load.prepare(ours)

        def row(name, operation, count, baseline=noop, **options):
            mine, base, ratio = load.pair((ours, operation, count, options),
                                          (baseline, operation, count, options))
            return {"name": name, "outstanding": count, **mine, "noop": base, "ratio": ratio}

        for operation in ("debit", "authorize", "balance"):
            for count in outstanding:
                yield row(operation, operation, count)
            yield row(f"{operation} *", operation, outstanding[-1], bounded)
        for size, count in ((100, 4), (1000, 4), (1000, 16)):
            yield row(f"batch {size}", "batch", count, batch_size=size)
        for size in (1, 64):
            yield row(f"stream {size}", "stream", 1024, batch_size=size)


def syncs_of_a_lone_debit(load, binaries, directory):
    """How many disk syncs a debit takes beyond a no-op call, one after the other: ours, and that
    of a server that does nothing but sync; medians."""
    with (servers.farebox(binaries, directory / "lone") as ours, servers.noop(binaries) as noop,
          servers.syncing_noop(binaries, directory) as syncing):
        load.prepare(ours)
        rounds = []
        for _ in range(load.rounds):
            before = machine.sync_micros(directory)
            base, *durable = (load.run(server, "debit", 1)["p50_us"]
                              for server in (noop, ours, syncing))
            sync = statistics.mean((before, machine.sync_micros(directory)))
            rounds.append([(p50 - base) / sync for p50 in durable])
    return [statistics.median(side) for side in zip(*rounds)]


HEADER = ("RPC", "outstanding", "durable/s", "p50 us", "p99 us", "no-op/s", "ratio")


def cells(row):
    return (row["name"], row["outstanding"], f"{row['per_second']:,.0f}", f"{row['p50_us']:,.0f}",
            f"{row['p99_us']:,.0f}", f"{row['noop']['per_second']:,.0f}", f"{row['ratio']:.2f}")
