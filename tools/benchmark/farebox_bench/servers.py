"""Servers to measure: ours on a directory of its own, and the one that does nothing."""

import pathlib
import signal
import socket
import subprocess
import time


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A running server; stops at the end of a `with`."""

    def __init__(self, command, address):
        self.address = address
        start = time.perf_counter()
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        self._await_listening()
        self.start_seconds = time.perf_counter() - start

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def _await_listening(self):
        host, port = self.address.split(":")
        while self.process.poll() is None:
            try:
                socket.create_connection((host, int(port)), 1).close()
                return
            except OSError:
                time.sleep(0.01)
        raise RuntimeError(f"the server on {self.address} did not start")

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def resident_bytes(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8")
        line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) * 1024


def farebox(binaries, directory, *options):
    address = f"127.0.0.1:{free_port()}"
    return Server([str(binaries / "farebox-server"), "--data", str(directory), "--listen", address,
                   *options], address)


# What our server has by default (kCallsPerConnectionMax).
CALLS_AT_ONCE = 128


def bounded_noop(binaries):
    """With the same bound on both, what it does for any server does not count."""
    return noop(binaries, f"--calls-per-connection-max={CALLS_AT_ONCE}")


def syncing_noop(binaries, directory):
    """The least that a server does which answers changes only once they are on disk."""
    return noop(binaries, f"--calls-per-connection-max={CALLS_AT_ONCE}",
                f"--sync-file={directory / 'synced'}")


def noop(binaries, *options):
    address = f"127.0.0.1:{free_port()}"
    return Server([str(binaries / "farebox-noop-server"), "--listen", address, *options], address)
