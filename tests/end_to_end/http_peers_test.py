#!/usr/bin/python3
"""Peers that want something else than answers: ten thousand that say nothing, slow ones, ones
that never read. Meanwhile whoever asks is answered, and the server's memory and descriptors stay
bounded.

Usage: http_peers_test.py SERVER_BINARY
"""

import json
import pathlib
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

sys.dont_write_bytecode = True  # the tree stays as it was checked out
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import memory_bounds  # noqa: E402

SILENT = 10_000
SLOW = 300
UNREADING = 200
# server/base/limits.h: kHttpConnectionsMax and kHttpConnectionsSlack.
CONNECTIONS_MAX = 4_096 + 256
OTHER_DESCRIPTORS = 200
MEMORY_MAX = 64 * 1024 * 1024
CALLS = 300


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class HttpPeers(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 2 * SILENT), hard))
        cls.folder = tempfile.TemporaryDirectory()
        cls.port = free_port()
        port_file = pathlib.Path(cls.folder.name) / "port"
        cls.log = open(f"{cls.folder.name}/log", "wb")
        cls.server = subprocess.Popen(
            [SERVER, "--data", f"{cls.folder.name}/ledger", "--listen", "127.0.0.1:0",
             "--port-file", str(port_file), "--http-listen", f"127.0.0.1:{cls.port}"],
            stdout=cls.log, stderr=cls.log)
        deadline = time.monotonic() + 30
        while not port_file.exists():
            if time.monotonic() > deadline:
                raise RuntimeError("the server did not start")
            time.sleep(0.05)
        cls.call("AccountService/CreateAccount", {
            "request_id": "open", "account": {"account_id": "acme", "currency_code": "USD"}})
        cls.peers = []

    @classmethod
    def tearDownClass(cls):
        if cls.server.poll() is None:
            cls.server.kill()
        cls.server.wait()
        cls.log.close()
        cls.folder.cleanup()

    @classmethod
    def connect(cls):
        peer = socket.create_connection(("127.0.0.1", cls.port), 20)
        return peer

    @classmethod
    def call(cls, rpc, request):
        """One call on a connection of its own; its answer and how long it took."""
        body = json.dumps(request).encode()
        start = time.perf_counter()
        with cls.connect() as peer:
            peer.sendall(f"POST /farebox.v1.{rpc} HTTP/1.1\r\nHost: localhost\r\n"
                         "Content-Type: application/json\r\nConnection: close\r\n"
                         f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
            answer = b""
            while piece := peer.recv(65_536):
                answer += piece
        if not answer.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"{rpc}: {answer!r}")
        return json.loads(answer.split(b"\r\n\r\n", 1)[1]), time.perf_counter() - start

    def resident(self):
        status = pathlib.Path(f"/proc/{self.server.pid}/status").read_text(encoding="utf-8")
        line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) * 1024

    def descriptors(self):
        return len(list(pathlib.Path(f"/proc/{self.server.pid}/fd").iterdir()))

    def test_good_callers_are_answered_meanwhile(self):
        before = self.resident()
        for _ in range(SILENT):
            self.peers.append(self.connect())
        for _ in range(SLOW):
            self.peers.append(self.connect())
            self.peers[-1].sendall(b"POST /farebox.v1.BillingService/Debit HTTP/1.1\r\nHost: ")
        for _ in range(UNREADING):
            self.peers.append(self.connect())
            self.peers[-1].setblocking(False)
            try:
                self.peers[-1].sendall(2_000 * b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
            except BlockingIOError:
                pass

        took = sorted(self.call("BillingService/GetBalance", {"account_id": "acme"})[1]
                      for _ in range(CALLS))

        grown = self.resident() - before
        print(f"beside {SILENT} silent, {SLOW} slow and {UNREADING} unreading peers: "
              f"p50 {1e3 * took[CALLS // 2]:.1f} ms, p99 {1e3 * took[CALLS * 99 // 100]:.1f} ms, "
              f"{self.descriptors()} descriptors, {grown / 2**20:.0f} MiB more")
        self.assertLess(self.descriptors(), CONNECTIONS_MAX + OTHER_DESCRIPTORS)
        self.assertLess(grown, memory_bounds.at_most(MEMORY_MAX))
        self.assertLess(took[-1], 10)

        # It does not wait for any of them when it ends.
        start = time.monotonic()
        self.server.send_signal(signal.SIGTERM)
        self.assertEqual(self.server.wait(30), 0)
        self.assertLess(time.monotonic() - start, 20)
        for peer in self.peers:
            peer.close()


if __name__ == "__main__":
    SERVER = sys.argv.pop(1)
    unittest.main(verbosity=2)
