"""What calls notice of backups made in a loop, and how long a ledger takes to come back."""

import json
import pathlib
import subprocess
import threading
import time

from farebox_bench import large, servers

# As many as make some thousand calls a second.
OUTSTANDING = 8


class Loop:
    """Makes backups one after the other until the end of a `with`, and watches the log."""

    def __init__(self, cli, server, folder, arguments):
        self.command = [*cli, f"--server={server.address}", "backup", *arguments]
        self.log = folder / "journal.db-wal"
        self.made = []
        self.log_bytes = 0
        self.is_over = threading.Event()
        self.threads = [threading.Thread(target=self._make), threading.Thread(target=self._watch)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.is_over.set()
        for thread in self.threads:
            thread.join()

    def _make(self):
        while not self.is_over.is_set():
            name = f"loop-{len(self.made)}.db"
            command = [name if word == "NAME" else word for word in self.command]
            output = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
            self.made.append(json.loads(output))

    def _watch(self):
        while not self.is_over.wait(0.02):
            self.log_bytes = max(self.log_bytes, self.log.stat().st_size)


def measure(load, binaries, directory, accounts, entries):
    """Yields (what, figure)."""
    folder, backups = directory / "ledger", directory / "backups"
    backups.mkdir()
    cli = [str(binaries / "farebox"), "--json"]
    with servers.farebox(binaries, folder, "--backup-directory", str(backups)) as server:
        large.make(load, server, accounts, entries)
        large.await_derived(folder)
        yield from under_load(load, server, cli, folder)
        last = json.loads(subprocess.run(
            [*cli, f"--server={server.address}", "backup", "--to", "last.db"], check=True,
            stdout=subprocess.PIPE).stdout)
    yield "entries of the last backup", f"{int(last['head_entry_id']):,}"
    yield "the same without load", f"{seconds(last):.1f} s"
    for backup in sorted(backups.glob("*.db")):
        subprocess.run([*cli, "verify", "--data", str(backup)], check=True,
                       stdout=subprocess.DEVNULL)
    yield "backups that farebox verify finds good", f"{len(list(backups.glob('*.db')))} of all"
    yield from restored(binaries, cli, directory, backups / "last.db", last)


def under_load(load, server, cli, folder):
    alone = load.run(server, "authorize", OUTSTANDING)
    with Loop(cli, server, folder, ["--to", "NAME"]) as loop:
        beside = load.run(server, "authorize", OUTSTANDING)
    updates = Loop(cli, server, folder, ["--to", "update.db", "--update"])
    with updates:
        beside_updates = load.run(server, "authorize", OUTSTANDING)
    for what, run in (("alone", alone), ("beside backups", beside),
                      ("beside updates", beside_updates)):
        yield f"authorizations/s {what}", f"{run['per_second']:,.0f}"
        yield f"p50, p99, slowest {what}", ", ".join(
            f"{run[figure] / 1000:.2f}" for figure in ("p50_us", "p99_us", "max_us")) + " ms"
        yield f"errors {what}", f"{run['errors']}"
    yield "p99 beside backups over alone", f"{beside['p99_us'] / alone['p99_us']:.2f}"
    for what, run in (("backup", loop), ("update", updates)):
        times = sorted(seconds(made) for made in run.made)
        yield f"{what}s made", f"{len(times)}"
        yield f"{what}, quickest and slowest", f"{times[0]:.1f} s, {times[-1]:.1f} s"
        yield f"largest log beside {what}s", large.mebibytes(run.log_bytes)
    yield "size of a backup", large.mebibytes(int(loop.made[-1]["file_bytes"]))


def restored(binaries, cli, directory, backup, made):
    start = time.perf_counter()
    report = json.loads(subprocess.run(
        [*cli, "restore", str(backup), "--data", str(directory / "restored")], check=True,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout)
    yield "restore", f"{time.perf_counter() - start:.1f} s"
    with servers.farebox(binaries, directory / "restored") as server:
        yield "first start after it", f"{server.start_seconds:.1f} s"
        yield "from nothing to serving", f"{time.perf_counter() - start:.1f} s"
    is_same = report["head_hash"] == made["head_hash"]
    yield "fingerprint", "that of the backup" if is_same else "ANOTHER"


def seconds(made):
    return float(made["duration"].rstrip("s"))
