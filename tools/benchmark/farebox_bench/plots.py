"""Figures as SVG."""

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402

from farebox_bench import servers  # noqa: E402

OUTSTANDING = (1, 4, 16, 64, 256, 1024)
# Entries in the ledger when it is measured, roughly.
SIZES = (0, 500_000, 1_000_000, 2_000_000, 4_000_000, 8_000_000)


def draw(load, binaries, directory, folder):
    """Measures and draws both plots."""
    folder.mkdir(parents=True, exist_ok=True)
    draw_outstanding(load, binaries, directory / "outstanding", folder)
    draw_size(load, binaries, directory / "size", folder)


def draw_outstanding(load, binaries, directory, folder):
    with servers.farebox(binaries, directory) as ours, servers.bounded_noop(binaries) as noop:
        load.prepare(ours)
        rows = [load.pair((ours, "debit", count, {}), (noop, "debit", count, {}))
                for count in OUTSTANDING]
    labels = ("durable Debit", "no-op server, same bound")
    figure, (throughput, latency) = plt.subplots(1, 2, figsize=(10, 4))
    for axes, name, label in ((throughput, "per_second", "calls a second"),
                              (latency, "p50_us", "median latency, us")):
        for side, (style, what) in enumerate(zip(("o-", "s--"), labels)):
            axes.plot(OUTSTANDING, [row[side][name] for row in rows], style, label=what)
        axes.set_xscale("log", base=2)
        axes.set_xticks(OUTSTANDING, OUTSTANDING)
        axes.set_xlabel("calls outstanding")
        axes.set_ylabel(label)
        axes.set_ylim(bottom=0)
        axes.grid(alpha=0.3)
    throughput.legend()
    save(figure, folder / "debit-outstanding.svg")


def draw_size(load, binaries, directory, folder):
    with servers.farebox(binaries, directory) as ours, servers.bounded_noop(binaries) as noop:
        load.prepare(ours)
        filled, ratios = 0, []
        for size in SIZES:
            if size > filled:
                load.run(ours, "batch", 4, batch_size=1000, operations=size - filled)
                filled = size
            ratios.append(load.pair((ours, "debit", 256, {}), (noop, "debit", 256, {}))[2])
    figure, axes = plt.subplots(figsize=(6, 4))
    axes.plot([size / 1e6 for size in SIZES], ratios, "o-")
    axes.set_xlabel("million entries in the ledger")
    axes.set_ylabel("durable Debit over no-op, 256 outstanding")
    axes.set_ylim(0, 1)
    axes.grid(alpha=0.3)
    save(figure, folder / "debit-ledger-size.svg")


def save(figure, path):
    figure.tight_layout()
    # Neither dates nor random ids: the same figures make the same file.
    matplotlib.rcParams["svg.hashsalt"] = path.stem
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
