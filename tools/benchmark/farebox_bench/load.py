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
        self.warmup = min(1, seconds)

    def prepare(self, server, **options):
        subprocess.run([self.binary, "--prepare", f"--server={server.address}", *flags(options)],
                       check=True)

    def begin(self, server, operation, outstanding, **options):
        return Run([self.binary, f"--server={server.address}", f"--operation={operation}",
                    f"--outstanding={outstanding}", f"--seconds={self.seconds}",
                    f"--warmup={self.warmup}", *flags(options)])

    def run(self, server, operation, outstanding, **options):
        with self.begin(server, operation, outstanding, **options) as run:
            return run.figures()

    def pair(self, first, second):
        """Median figures of two loads, and the median of the paired ratios.

        A load is what `run` takes: (server, operation, outstanding, options). The two take turns,
        so that a machine whose speed drifts slows both.
        """
        pairs = [[self.run(*load[:3], **load[3]) for load in (first, second)]
                 for _ in range(self.rounds)]
        ratio = statistics.median(a["per_second"] / b["per_second"] for a, b in pairs)
        return (*(medians(runs) for runs in zip(*pairs)), ratio)


class Run:
    """A load under way; over at the end of a `with`."""

    def __init__(self, command):
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def figures(self):
        """Waits for its end."""
        output = self.process.stdout.read()
        if self.process.wait() != 0:
            raise subprocess.CalledProcessError(self.process.returncode, self.process.args)
        return json.loads(output)


def flags(options):
    return [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
