"""What a large ledger costs, beside an empty one."""

import time

from farebox_bench import servers

BATCH = {"batch_size": 1000}


def measure(load, binaries, directory, accounts, entries):
    """Yields (what, figure) of a ledger that has so many accounts and entries."""
    folder = directory / "large"
    with servers.farebox(binaries, folder) as large:
        hot_since = make(load, large, accounts, entries)
        await_derived(folder)
        yield "disk an entry", f"{disk_bytes(folder) / entries:.0f} bytes"
        with servers.farebox(binaries, directory / "empty") as empty:
            load.prepare(empty)
            yield from throughput(load, large, empty, accounts)
        yield from activity(load, large, hot_since)
        # Killed with a backlog that the derived file has not seen.
        load.run(large, "batch", 4, accounts=accounts, operations=entries // 20, **BATCH)
        large.kill()

    with servers.farebox(binaries, folder) as restarted:
        yield "start-up after kill -9", f"{restarted.start_seconds:.1f} s"
        yield "memory with the request ids of a week", mebibytes(restarted.resident_bytes())
    yield from memory(load, binaries, directory, accounts)


def make(load, server, accounts, entries):
    """Fills the ledger; a tenth of it is one account's. Returns when that account's began."""
    load.prepare(server, accounts=accounts)
    hot = entries // 10
    spread = entries - 2 * accounts - hot
    load.run(server, "batch", 4, accounts=accounts, operations=spread, **BATCH)
    since = time.time()
    load.run(server, "batch", 4, accounts=1, operations=hot, **BATCH)
    return since


def throughput(load, large, empty, accounts):
    mine, base, ratio = load.pair((large, "debit", 256, {"accounts": accounts}),
                                  (empty, "debit", 256, {}))
    yield "debits/s, large ledger", f"{mine['per_second']:,.0f}"
    yield "debits/s, empty ledger", f"{base['per_second']:,.0f}"
    yield "large over empty", f"{ratio:.2f}"
    mine, _, ratio = load.pair((empty, "debit", 256, {"accounts": 1}), (empty, "debit", 256, {}))
    yield "debits/s, one hot account", f"{mine['per_second']:,.0f}"
    yield "hot over spread", f"{ratio:.2f}"


def activity(load, server, since):
    page = load.run(server, "activity", 1, accounts=1, activity_since=since)
    yield "page of 50 at any date, p50", f"{page['p50_us'] / 1000:.2f} ms"
    yield "page of 50 at any date, p99", f"{page['p99_us'] / 1000:.2f} ms"


def memory(load, binaries, directory, accounts):
    """Of accounts alone: a ledger that has been restarted with nothing to remember but them."""
    folder = directory / "accounts"
    sizes = []
    for count in (1, accounts):
        with servers.farebox(binaries, folder) as server:
            load.prepare(server, accounts=count)
            await_derived(folder)
        with servers.farebox(binaries, folder) as server:
            sizes.append(server.resident_bytes())
    yield "memory an account, with its two request ids", (
        f"{(sizes[1] - sizes[0]) / accounts:.0f} bytes")


def await_derived(folder):
    """Waits until no file has changed for a second."""
    seen = None
    while seen != (seen := [(f.stat().st_size, f.stat().st_mtime) for f in folder.iterdir()]):
        time.sleep(1)


def disk_bytes(folder):
    return sum(f.stat().st_size for f in folder.iterdir() if not f.name.endswith("-shm"))


def mebibytes(count):
    return f"{count / 2**20:,.0f} MiB"
