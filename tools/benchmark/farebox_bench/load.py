"""Runs of farebox-load, and what is made of them."""

import json
import statistics
import subprocess

FIGURES = ("per_second", "p50_us", "p99_us")


def medians(runs):
    return {figure: statistics.median(run[figure] for run in runs) for figure in FIGURES}


class Load:

    def __init__(self, binaries, rounds, seconds):
        self.binary = str(binaries / "farebox-load")
        self.rounds = rounds
        self.seconds = seconds

    def prepare(self, server, **options):
        subprocess.run([self.binary, "--prepare", f"--server={server.address}", *flags(options)],
                       check=True)

    def run(self, server, operation, outstanding, **options):
        command = [self.binary, f"--server={server.address}", f"--operation={operation}",
                   f"--outstanding={outstanding}", f"--seconds={self.seconds}",
                   f"--warmup={min(1, self.seconds)}", *flags(options)]
        output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        return json.loads(output)

    def pair(self, first, second):
        """Median figures of two loads, and the median of the paired ratios.

        A load is what `run` takes: (server, operation, outstanding, options). The two take turns,
        so that a machine whose speed drifts slows both.
        """
        pairs = [[self.run(*load[:3], **load[3]) for load in (first, second)]
                 for _ in range(self.rounds)]
        ratio = statistics.median(a["per_second"] / b["per_second"] for a, b in pairs)
        return (*(medians(runs) for runs in zip(*pairs)), ratio)


def flags(options):
    return [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
