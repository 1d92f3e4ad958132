"""Everything at once for a while, with restarts: runs it, and gathers what is seen."""

import csv
import dataclasses
import json
import resource
import statistics
import subprocess
import time

from farebox_bench import soak_callers
from farebox_bench.soak_server import Server

SHARE_OF_CAPACITY = 0.7
CAPACITY_ROUNDS = 3
# Roughly, of the call router's calls and the bursts of texts, to the server a second.
OTHERS_PER_SECOND = 150
# What happens to the server, at these parts of the time: what is left is one long life.
DISTURBANCES = ((0.1, Server.hand_over), (0.2, Server.restart), (0.3, Server.hand_over),
                (0.4, Server.restart), (0.5, Server.kill_and_start))
BACKUPS = 15
# With less time than this, one of each is all.
SHORT_SECONDS = 90
SHORT_DISTURBANCES = ((0.15, Server.hand_over), (0.3, Server.restart), (0.5, Server.kill_and_start))


@dataclasses.dataclass
class Sample:
    """What the server has at a moment."""

    time: float
    life: int
    resident_bytes: int
    descriptors: int
    files: dict


class Samples:

    FILES = ("journal.db", "journal.db-wal", "derived.db", "derived.db-wal")

    def __init__(self, server):
        self.server = server
        self.taken = []

    def __call__(self):
        try:
            files = {name: (self.server.data / name).stat().st_size
                     for name in self.FILES if (self.server.data / name).exists()}
            self.taken.append(Sample(time.time(), self.server.lives, self.server.resident_bytes(),
                                     self.server.descriptors(), files))
        except (OSError, StopIteration):
            pass  # It is being started again.


@dataclasses.dataclass
class Seen:
    """All that a soak has seen."""

    server: Server
    seconds: float
    capacity: float
    rate: float
    steady: dict
    samples: list
    texts: soak_callers.Texts
    backups: soak_callers.Backups
    http: soak_callers.Http
    router_report: str
    router_code: int
    charges: int
    ends: dict  # What the commands said that were typed at the end: (exit code, what it told).


def run(build, folder, seconds):
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    demo = build / "demo"
    server = Server(build / "bin", folder)
    try:
        capacity = measure_capacity(server, seconds)
        say(f"capacity: {capacity:,.0f} calls/s by keys and TLS; {SHARE_OF_CAPACITY:.0%} of it for "
            f"{seconds / 60:.1f} minutes")
        server.cli("rates", "import", "demo", str(demo / "deck.csv"))
        return play(server, demo, seconds, capacity)
    finally:
        if server.process.poll() is None:
            server.process.kill()
            server.process.wait()


def measure_capacity(server, seconds):
    """The calls a second that one caller more would not make more."""
    rounds = CAPACITY_ROUNDS if seconds >= SHORT_SECONDS else 1
    found = []
    for _ in range(rounds):
        done = subprocess.run(
            soak_callers.steady(server, min(8, seconds / 6), talk_seconds=0.2), check=True,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        found.append(json.loads(done.stdout)["per_second"])
    return statistics.median(found)


def play(server, demo, seconds, capacity):
    rate = max(50, SHARE_OF_CAPACITY * capacity - OTHERS_PER_SECOND)
    samples = Samples(server)
    texts = soak_callers.Texts(server, demo)
    backups = soak_callers.Backups(server)
    http = soak_callers.Http(server)
    result_path = server.folder / "steady.json"
    with result_path.open("w", encoding="utf-8") as result_file:
        talk = min(2, seconds / 20)
        steady = subprocess.Popen(
            soak_callers.steady(server, seconds, rate=rate, talk_seconds=talk), stdout=result_file)
        router = soak_callers.router(server, demo, seconds)
        storm = soak_callers.charges(server, seconds)
        loops = [soak_callers.Loop(act, pause) for act, pause in (
            (samples, min(1, seconds / 60)), (texts, soak_callers.BURST_PAUSE_SECONDS),
            (backups, max(3, seconds / BACKUPS)), (http, soak_callers.HTTP_PAUSE_SECONDS))]
        begin = time.monotonic()
        try:
            disturb(server, begin, seconds)
            router_report, _ = router.communicate(timeout=seconds + 300)
            charges = int(storm.communicate("", timeout=60)[0])
        finally:
            for loop in loops:
                loop.stop()
            for program in (router, storm):
                program.kill()
        steady_code = steady.wait(300)
    if steady_code not in (0, 1):
        raise RuntimeError("the steady load could not be made")
    write_samples(samples.taken, server.folder / "samples.csv")
    ends = end(server, backups)
    return Seen(server=server, seconds=seconds, capacity=capacity, rate=rate,
                steady=json.loads(result_path.read_text(encoding="utf-8")), samples=samples.taken,
                texts=texts, backups=backups, http=http, router_report=router_report,
                router_code=router.returncode, charges=charges, ends=ends)


def write_samples(samples, path):
    with path.open("w", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("time", "life", "resident_bytes", "descriptors", *Samples.FILES))
        for one in samples:
            writer.writerow((f"{one.time:.1f}", one.life, one.resident_bytes, one.descriptors,
                             *(one.files.get(name, 0) for name in Samples.FILES)))


def disturb(server, begin, seconds):
    for part, act in DISTURBANCES if seconds >= SHORT_SECONDS else SHORT_DISTURBANCES:
        time.sleep(max(0, begin + part * seconds - time.monotonic()))
        act(server)
        last = server.disturbances[-1]
        say(f"{last.what} after {begin_of(server, begin):.0f} s: "
            f"{last.down_seconds:.2f} s until calls are taken")


def begin_of(server, begin):
    return server.disturbances[-1].begin - (time.time() - (time.monotonic() - begin))


def end(server, backups):
    """What an operator would type to be sure."""
    ends = {}

    def keep(what, done):
        told = json.loads(done.stdout) if done.stdout.strip() else {}
        ends[what] = (done.returncode, told, done.stderr.strip())
    backups()
    keep("farebox verify", server.cli("verify", check=False))
    keep("farebox recharge reconcile", server.cli("recharge", "reconcile", check=False))
    keep("farebox status", server.cli("status", check=False))
    ends["the last SIGTERM"] = (server.stop(), {}, "")
    keep("farebox verify --data LEDGER", server.offline("verify", "--data", str(server.data)))
    keep("farebox verify --data BACKUP",
         server.offline("verify", "--data", str(server.backups / "soak.db")))
    return ends


def say(line):
    print(line, flush=True)
