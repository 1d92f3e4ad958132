#!/usr/bin/python3
"""What the server takes from a service manager and tells it, by systemd's protocol.

usage: supervisor_test.py SERVER
"""

import fcntl
import http.client
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

SERVER = ""
PATIENCE_SECONDS = 60
FIRST_PASSED = 3


def speaks_http2(address):
    """Whether somebody at the address answers as gRPC does."""
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    with socket.socket(family) as peer:
        peer.settimeout(PATIENCE_SECONDS)
        peer.connect(address)
        peer.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0")
        return peer.recv(9)[3:4] == b"\4"


def get_status(address, path):
    """What a GET over a connection of its own is answered."""
    connection = http.client.HTTPConnection(*address, timeout=PATIENCE_SECONDS)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


class Supervisor(unittest.TestCase):

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.log = open(f"{self.folder.name}/log", "w+", encoding="utf-8")
        self.told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.told.bind(f"{self.folder.name}/notify")
        self.told.settimeout(PATIENCE_SECONDS)
        self.process_ids = []

    def tearDown(self):
        for process_id in self.process_ids:
            try:
                os.kill(process_id, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.told.close()
        self.log.close()
        self.folder.cleanup()

    def start(self, listen, *more, passed=(), names=()):
        environment = dict(os.environ, NOTIFY_SOCKET=f"{self.folder.name}/notify")
        if passed:
            environment.update(LISTEN_FDS=str(len(passed)), LISTEN_FDNAMES=":".join(names))

        def pass_sockets():
            # Copied away first: one may be where another is to be.
            away = [fcntl.fcntl(one.fileno(), fcntl.F_DUPFD, 100) for one in passed]
            for place, descriptor in enumerate(away, FIRST_PASSED):
                os.dup2(descriptor, place)
                os.close(descriptor)

        server = subprocess.Popen(
            ["/bin/sh", "-c", 'LISTEN_PID=$$ exec "$0" "$@"', SERVER, "--data",
             f"{self.folder.name}/ledger", "--listen", listen, *more], stderr=self.log,
            env=environment, close_fds=False, preexec_fn=pass_sockets)
        self.process_ids.append(server.pid)
        return server

    def hear(self):
        return self.told.recv(4096).decode()

    def said(self):
        self.log.seek(0)
        return self.log.read()

    def test_it_is_told_when_calls_are_taken_and_when_not(self):
        server = self.start(f"unix:{self.folder.name}/calls")
        self.assertEqual(self.hear(), "READY=1")
        self.assertTrue(speaks_http2(f"{self.folder.name}/calls"))
        server.terminate()
        self.assertEqual(self.hear(), "STOPPING=1")
        self.assertEqual(server.wait(PATIENCE_SECONDS), 0)

    def hand_over(self, server):
        server.send_signal(signal.SIGUSR2)
        self.assertEqual(self.hear(), "RELOADING=1")
        name, process_id = self.hear().split("=")
        self.assertEqual(name, "MAINPID")
        self.process_ids.append(int(process_id))
        self.assertEqual(self.hear(), "READY=1")
        self.assertEqual(server.wait(PATIENCE_SECONDS), 0)
        return int(process_id)

    def test_it_is_told_who_the_new_server_is(self):
        server = self.start(f"unix:{self.folder.name}/calls")
        self.assertEqual(self.hear(), "READY=1")
        process_id = self.hand_over(server)
        self.assertTrue(speaks_http2(f"{self.folder.name}/calls"))
        os.kill(process_id, signal.SIGTERM)
        self.assertEqual(self.hear(), "STOPPING=1")

    def test_it_is_told_that_the_old_server_stays(self):
        settings = f"{self.folder.name}/settings"
        open(settings, "w", encoding="utf-8").close()
        server = self.start(f"unix:{self.folder.name}/calls", "--config", settings)
        self.assertEqual(self.hear(), "READY=1")
        with open(settings, "w", encoding="utf-8") as file:
            file.write("no-such-setting = 1\n")
        server.send_signal(signal.SIGUSR2)
        self.assertEqual(self.hear(), "RELOADING=1")
        self.assertEqual(self.hear(), "READY=1")
        self.assertIn("hand_over_failed", self.said())
        self.assertTrue(speaks_http2(f"{self.folder.name}/calls"))

    def test_who_connects_before_the_start_is_answered_after_it(self):
        with socket.create_server(("127.0.0.1", 0)) as passed:
            address = passed.getsockname()
            with socket.create_connection(address) as early:
                early.settimeout(PATIENCE_SECONDS)
                early.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0")
                self.start(f"127.0.0.1:{address[1]}", passed=[passed], names=["any name"])
                self.assertEqual(self.hear(), "READY=1")
                self.assertEqual(early.recv(9)[3:4], b"\4")

    def test_a_server_with_passed_sockets_passes_them_on(self):
        with (socket.create_server(("127.0.0.1", 0)) as calls,
              socket.create_server(("127.0.0.1", 0)) as pages):
            calls_address, pages_address = calls.getsockname(), pages.getsockname()
            server = self.start(f"127.0.0.1:{calls_address[1]}", "--http-listen",
                                f"127.0.0.1:{pages_address[1]}", passed=[pages, calls])
            self.assertEqual(self.hear(), "READY=1")
        self.hand_over(server)
        self.assertTrue(speaks_http2(calls_address))
        self.assertEqual(get_status(pages_address, "/healthz"), 200)
        self.assertNotIn("socket_refused", self.said())

    def test_nobody_is_refused_by_http_over_the_change(self):
        with socket.create_server(("127.0.0.1", 0)) as free:
            address = free.getsockname()
        server = self.start(f"unix:{self.folder.name}/calls", "--http-listen",
                            f"127.0.0.1:{address[1]}")
        self.assertEqual(self.hear(), "READY=1")
        seen = []
        is_over = threading.Event()

        def ask():
            while not is_over.is_set():
                try:
                    seen.append(get_status(address, "/healthz"))
                except (OSError, http.client.HTTPException) as error:
                    seen.append(repr(error))

        callers = [threading.Thread(target=ask) for _ in range(4)]
        for caller in callers:
            caller.start()
        self.hand_over(server)
        is_over.set()
        for caller in callers:
            caller.join()
        # 503: one that came when the old server was about to leave.
        self.assertLessEqual(set(seen), {200, 503})
        self.assertEqual(get_status(address, "/healthz"), 200)

    # Whoever made the socket may have made it reachable for others, without TLS.
    def test_a_socket_at_another_address_is_not_listened_on(self):
        with socket.create_server(("127.0.0.1", 0)) as passed:
            self.start(f"unix:{self.folder.name}/calls", passed=[passed], names=["farebox.socket"])
            self.assertEqual(self.hear(), "READY=1")
            self.assertIn("socket_refused", self.said())
            self.assertTrue(speaks_http2(f"{self.folder.name}/calls"))

    def test_without_a_service_manager_there_is_nothing_to_tell(self):
        environment = {name: value for name, value in os.environ.items() if name != "NOTIFY_SOCKET"}
        server = subprocess.Popen(
            [SERVER, "--data", f"{self.folder.name}/ledger", "--listen",
             f"unix:{self.folder.name}/calls"], stderr=self.log, env=environment)
        self.process_ids.append(server.pid)
        end = time.monotonic() + PATIENCE_SECONDS
        while "listening" not in self.said() and time.monotonic() < end:
            time.sleep(0.01)
        server.terminate()
        self.assertEqual(server.wait(PATIENCE_SECONDS), 0)


if __name__ == "__main__":
    SERVER = sys.argv.pop(1)
    unittest.main()
