"""The server of a soak: with keys, TLS, HTTP, payments and backups; stopped and started again."""

import dataclasses
import json
import pathlib
import signal
import subprocess
import time

from certificates import make_certificates

from farebox_bench import servers

# Until then after a start, callers may still hear that there is too much to do.
RECOVERY_SECONDS = 5
START_SECONDS_MAX = 60
# How long request ids are kept in memory: less than a soak takes, or memory would grow all the
# time, as it should, by the ids of each call.
REQUEST_WINDOW_HOURS = 0.01
ROLES = ("router", "gateway", "support")


@dataclasses.dataclass
class Disturbance:
    """A time in which callers may be turned away, as Unix seconds."""

    what: str
    begin: float
    down_seconds: float
    end: float
    exit_code: int


class Server:

    def __init__(self, binaries, folder):
        self.binaries, self.folder = binaries, folder
        self.data, self.backups = folder / "ledger", folder / "backups"
        self.log_path = folder / "server.log"
        self.disturbances = []
        self.lives = 0
        for directory in (self.backups, folder / "mails"):
            directory.mkdir()
        make_certificates(folder)
        self.address = f"127.0.0.1:{servers.free_port()}"
        self.http_port = servers.free_port()
        self.process = None
        self.start_seconds = self.start()
        self.keys = {"admin": folder / "admin.key"}
        for role in ROLES:
            made = json.loads(self.cli("key", "create", role).stdout)
            self.keys[role] = folder / f"{role}.key"
            self.keys[role].write_text(made["secret"])

    def start(self):
        """Returns when calls are taken; how long that took."""
        begin = time.monotonic()
        port_file = self.folder / "port"
        port_file.unlink(missing_ok=True)
        with self.log_path.open("a", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [str(self.binaries / "farebox-server"), f"--data={self.data}",
                 f"--listen={self.address}", f"--port-file={port_file}",
                 f"--http-listen=127.0.0.1:{self.http_port}", "--access=keys",
                 f"--admin-key-file={self.folder}/admin.key",
                 f"--tls-cert={self.folder}/server.pem", f"--tls-key={self.folder}/server.key",
                 f"--backup-directory={self.backups}", "--payments=simulated", "--mail=file",
                 "--mail-from=billing@example.org", f"--mail-directory={self.folder}/mails",
                 f"--request-window={REQUEST_WINDOW_HOURS}", "--connections-max=1000",
                 "--log-format=json"],
                stdout=log, stderr=log)
        self.lives += 1
        while not (port_file.exists() and port_file.read_text(encoding="utf-8").strip()):
            if self.process.poll() is not None or time.monotonic() > begin + START_SECONDS_MAX:
                raise RuntimeError(f"the server does not start: see {self.log_path}")
            time.sleep(0.01)
        return time.monotonic() - begin

    def stop(self):
        self.process.terminate()
        return self.process.wait(120)

    def restart(self):
        """A planned restart. A hand-over to a second process, by SIGUSR2, would be done here."""
        self._disturb("restart", self.stop)

    def kill_and_start(self):
        def kill():
            self.process.send_signal(signal.SIGKILL)
            return self.process.wait()
        self._disturb("kill -9", kill)

    def _disturb(self, what, end):
        begin = time.time()
        exit_code = end()
        self.start()
        listening = time.time()
        self.disturbances.append(Disturbance(what, begin, listening - begin,
                                             listening + RECOVERY_SECONDS, exit_code))

    def was_disturbed(self, unix_seconds):
        # Callers write down tenths of a second.
        return any(one.begin - 0.1 <= unix_seconds <= one.end for one in self.disturbances)

    def identity(self, role):
        """The options by which all programs of ours say who they are."""
        return [f"--server={self.address}", f"--tls-ca={self.folder}/ca.pem",
                f"--api-key-file={self.keys[role]}"]

    def cli(self, *arguments, check=True):
        return subprocess.run(
            [str(self.binaries / "farebox"), "--json", *self.identity("admin"), *arguments],
            check=check, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def offline(self, *arguments):
        return subprocess.run([str(self.binaries / "farebox"), "--json", *arguments], check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def resident_bytes(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8")
        line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) * 1024

    def descriptors(self):
        return len(list(pathlib.Path(f"/proc/{self.process.pid}/fd").iterdir()))
