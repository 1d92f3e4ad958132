"""The server of a soak: with keys, TLS, HTTP, payments and backups; stopped and started again."""

import ctypes
import dataclasses
import json
import os
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


class Successor:
    """A server that its predecessor has started, by what is needed of a Popen."""

    def __init__(self, pid):
        self.pid = pid
        self.returncode = None

    def poll(self):
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid == self.pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self, timeout=60):
        end = time.monotonic() + timeout
        while self.poll() is None:
            if time.monotonic() > end:
                raise RuntimeError(f"process {self.pid} does not end")
            time.sleep(0.01)
        return self.returncode

    def send_signal(self, number):
        os.kill(self.pid, number)

    def terminate(self):
        self.send_signal(signal.SIGTERM)

    def kill(self):
        self.send_signal(signal.SIGKILL)


def adopt_orphans():
    """Who is left by its parent becomes our child, so that it can be waited for (prctl(2))."""
    set_child_subreaper = 36
    if ctypes.CDLL(None, use_errno=True).prctl(set_child_subreaper, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


class Server:

    def __init__(self, binaries, folder):
        adopt_orphans()
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
        self.await_calls_taken(port_file, begin)
        return time.monotonic() - begin

    def await_calls_taken(self, port_file, begin):
        while not (port_file.exists() and port_file.read_text(encoding="utf-8").strip()):
            if self.process.poll() is not None or time.monotonic() > begin + START_SECONDS_MAX:
                raise RuntimeError(f"the server does not start: see {self.log_path}")
            time.sleep(0.01)

    def stop(self):
        self.process.terminate()
        return self.process.wait(120)

    def restart(self):
        self._disturb("restart", self.stop)

    def hand_over(self):
        """A restart that callers hardly notice: by a second process."""
        begin, started = time.time(), time.monotonic()
        port_file = self.folder / "port"
        port_file.unlink(missing_ok=True)
        old = self.process
        old.send_signal(signal.SIGUSR2)
        children = pathlib.Path(f"/proc/{old.pid}/task/{old.pid}/children")
        while not (pids := children.read_text(encoding="utf-8").split()):
            if time.monotonic() > started + START_SECONDS_MAX:
                raise RuntimeError(f"the server starts no successor: see {self.log_path}")
            time.sleep(0.001)
        try:
            exit_code = old.wait(START_SECONDS_MAX)
        except Exception:
            old.kill()
            raise
        self.process = Successor(int(pids[0]))
        self.lives += 1
        self.await_calls_taken(port_file, started)
        self._note("hand-over", begin, exit_code)

    def kill_and_start(self):
        def kill():
            self.process.send_signal(signal.SIGKILL)
            return self.process.wait()
        self._disturb("kill -9", kill)

    def _disturb(self, what, end):
        begin = time.time()
        exit_code = end()
        self.start()
        self._note(what, begin, exit_code)

    def _note(self, what, begin, exit_code):
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
