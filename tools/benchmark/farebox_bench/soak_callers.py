"""Who calls the server of a soak."""

import csv
import http.client
import json
import random
import ssl
import subprocess
import threading
import time

# The call router plays its log so much faster than life, and so many calls a second.
SPEED = 60
CALLS_PER_SECOND = 25
CALL_SECONDS_MAX = 600
HOLD_TTL_SECONDS = 6
# A burst of texts now and then.
TEXTS_IN_BURST = 400
BURST_PAUSE_SECONDS = 6
CARDS = 50
# A card is charged a hundred times a day at most.
CHARGES_MAX = 80
HTTP_PAUSE_SECONDS = 0.1
CODES = {1: "CANCELLED", 4: "DEADLINE_EXCEEDED", 8: "RESOURCE_EXHAUSTED", 14: "UNAVAILABLE"}


def steady(server, seconds, **options):
    """The command of the load that most of it is."""
    return [str(server.binaries / "farebox-steady-load"), *server.identity("router"),
            f"--gateway-key-file={server.keys['gateway']}",
            f"--support-key-file={server.keys['support']}",
            f"--admin-key-file={server.keys['admin']}", f"--seconds={seconds}",
            *(f"--{name.replace('_', '-')}={value}" for name, value in options.items())]


def write_calls(demo, path, seconds):
    """A log of calls at a steady rate; its accounts are nobody else's."""
    with (demo / "calls.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    chosen = random.Random(1)
    with path.open("w", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        for number in range(int(CALLS_PER_SECOND * seconds)):
            row = dict(chosen.choice(rows))
            row["start"] = int(1000 * SPEED * number / CALLS_PER_SECOND)
            row["account"] = "calls-" + row["account"]
            # The last calls do not go on for long after the others.
            row["seconds"] = min(int(row["seconds"]), CALL_SECONDS_MAX, int(seconds * SPEED / 8))
            writer.writerow(row)


def write_texts(demo, path):
    with (demo / "texts.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    with path.open("w", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        for row in random.Random(1).sample(rows, TEXTS_IN_BURST):
            writer.writerow({**row, "account": "texts-" + row["account"]})


def router(server, demo, seconds):
    log = server.folder / "calls.csv"
    write_calls(demo, log, seconds)
    return subprocess.Popen(
        [str(server.binaries / "farebox-call-router"), *server.identity("router"),
         f"--admin-key-file={server.keys['admin']}", f"--deck-csv={demo}/deck.csv",
         f"--log={log}", "--accounts-setup", "--opening-balance=50", f"--speed={SPEED}",
         "--calls-at-once=2000", "--repeat-rate=0.02", "--interim-rate=0.05", "--balance-rate=0.05",
         "--crash-rate=0.005", f"--hold-ttl={HOLD_TTL_SECONDS}", "--await-expiry"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def charges(server, seconds):
    pause = max(2, seconds / CHARGES_MAX)
    storm = subprocess.Popen(
        [str(server.binaries / "farebox-recharges"), *server.identity("admin"),
         f"--accounts={CARDS}", f"--pause-ms={int(1000 * pause)}"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    if storm.stdout.readline() != "ready\n":
        raise RuntimeError("the accounts with cards could not be made")
    return storm


class Loop(threading.Thread):
    """Does something over and over, with a pause, until stop()."""

    def __init__(self, act, pause):
        super().__init__()
        self.act, self.pause = act, pause
        self.is_over = threading.Event()
        self.failure = None
        self.start()

    def run(self):
        try:
            while not self.is_over.is_set():
                self.act()
                self.is_over.wait(self.pause)
        except Exception as error:  # Whatever it is, it is told where it is awaited.
            self.failure = error

    def stop(self):
        self.is_over.set()
        self.join()
        if self.failure is not None:
            raise self.failure


class Texts:
    """Bursts of texts by each way that there is; each burst checks its own books."""

    WAYS = ("unary", "batch", "stream")

    def __init__(self, server, demo):
        self.server, self.demo = server, demo
        self.log = server.folder / "texts.csv"
        write_texts(demo, self.log)
        self.bursts, self.failures = 0, []
        self.reports = []

    def __call__(self):
        way = self.WAYS[self.bursts % len(self.WAYS)]
        done = subprocess.run(
            [str(self.server.binaries / "farebox-sms-gateway"), *self.server.identity("gateway"),
             f"--admin-key-file={self.server.keys['admin']}", f"--deck-csv={self.demo}/deck.csv",
             f"--log={self.log}", "--accounts-setup", f"--by={way}", "--texts-at-once=16",
             "--batch-size=100", "--repeat-rate=0.05"],
            check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.bursts += 1
        self.reports.append(done.stdout)
        if done.returncode != 0:
            self.failures.append(done.stdout)


def describe(failure):
    """What the command line tells of a failure, with the code's name."""
    try:
        told = json.loads(failure)
    except ValueError:
        return failure.strip().split("\n")[0]
    return f"{CODES.get(told.get('code'), told.get('code'))} {told.get('message', '')[:60]}"


class Backups:
    """Brings one backup up to date, and tells how each went."""

    def __init__(self, server):
        self.server = server
        self.made, self.errors = [], []

    def __call__(self):
        done = self.server.cli("backup", "--to", "soak.db", "--update", check=False)
        if done.returncode == 0:
            self.made.append(float(json.loads(done.stdout)["duration"].rstrip("s")))
        else:
            self.errors.append((time.time(), "Backup", describe(done.stderr), 1))


class Http:
    """What a page asks for, as JSON over HTTPS, by turns."""

    ASKED = (("BillingService/GetBalance", {"account_id": "steady-1"}),
             ("AccountService/ListActivity", {"account_id": "steady-1", "page_size": 50}),
             ("OperationsService/GetStatus", {}))

    def __init__(self, server):
        self.server = server
        self.context = ssl.create_default_context(cafile=f"{server.folder}/ca.pem")
        self.headers = {"Content-Type": "application/json",
                        "Authorization": f"Bearer {server.keys['support'].read_text()}"}
        self.connection = None
        self.calls = 0
        self.answers, self.errors = [], []

    def __call__(self):
        method, body = self.ASKED[self.calls % len(self.ASKED)]
        self.calls += 1
        begin = time.time()
        try:
            status, text = self.ask(method, body)
        except (OSError, http.client.HTTPException) as error:
            self.connection = None
            # Nobody listens, or who did was killed.
            return self.errors.append((time.time(), f"{method} by HTTP", type(error).__name__, 1))
        if status == 200:
            return self.answers.append((begin, time.time() - begin))
        return self.errors.append((time.time(), f"{method} by HTTP", f"{status} {text[:80]}", 1))

    def ask(self, method, body):
        if self.connection is None:
            self.connection = http.client.HTTPSConnection(
                "127.0.0.1", self.server.http_port, timeout=5, context=self.context)
        self.connection.request("POST", f"/farebox.v1.{method}", json.dumps(body), self.headers)
        answer = self.connection.getresponse()
        return answer.status, answer.read().decode()
