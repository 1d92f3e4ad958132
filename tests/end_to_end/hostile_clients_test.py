#!/usr/bin/python3
"""Peers that flood, dawdle, or come in crowds, against the real server over real sockets.

Each is cut or closed, and another caller, whose connection is open all the time, is answered all
the time. Usage: hostile_clients_test.py SERVER_BINARY
"""

import contextlib
import pathlib
import re
import resource
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request

from hyperframe import frame as h2

sys.dont_write_bytecode = True  # the tree stays as it was checked out
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import floods  # noqa: E402
import memory_bounds  # noqa: E402
from certificates import client_context, make_certificates  # noqa: E402
from http2_peer import (  # noqa: E402
    BALANCE, OK, PREFACE, Closed, Connection, Server, connect, framed, method, text)

SERVER_BINARY = pathlib.Path(sys.argv.pop(1))
PATIENCE = 30
# What is promised within a second, on a machine that is far slower; and a flood's end, until which
# another connection may stand still.
SOON = 5
FLOOD_SOON = 10
# server/base/limits.h: kHandshakeTimeout.
HANDSHAKE_SECONDS = 5
UNIMPLEMENTED = 12


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def open_account(port, tls=None):
    connection = Connection(port, tls=tls)
    account = text(1, "alice") + text(2, "USD")
    status = connection.call(method("AccountService/CreateAccount"),
                             framed(text(1, account) + text(2, "open")))
    connection.close()
    return status


class Figures:
    """What /metrics of a server says, under TLS where `tls` is an SSLContext for it."""

    def __init__(self, port, tls=None):
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{port}/metrics"
        self.tls = tls

    def read(self, series):
        with urllib.request.urlopen(self.url, timeout=PATIENCE, context=self.tls) as answer:
            found = re.search(f"^{re.escape(series)} (.*)$", answer.read().decode(), re.MULTILINE)
        return float(found.group(1))

    def wait_for(self, series, accepts, seconds=PATIENCE):
        give_up = time.monotonic() + seconds
        while not accepts(self.read(series)):
            if time.monotonic() > give_up:
                raise TimeoutError(f"{series} is {self.read(series)}")
            time.sleep(0.05)


class HostileTest(unittest.TestCase):
    def expect_cut_soon(self, took):
        self.assertIsNotNone(took, "it was not cut")
        self.assertLess(took, FLOOD_SOON)

    def expect_served(self, caller):
        """A good caller asked all the time, and waited for no answer for long."""
        self.assertGreaterEqual(len(caller.waits), floods.GoodCaller.CALLS_MIN)
        self.assertLess(caller.waits[-1], FLOOD_SOON)

    def expect_end(self, name, sock, end):
        """The server ends the connection before `end`."""
        with contextlib.closing(sock), contextlib.suppress(ConnectionError):
            is_open = True
            while is_open:
                sock.settimeout(max(0.1, end - time.monotonic()))
                try:
                    is_open = sock.recv(65_536) != b""
                except TimeoutError:
                    self.fail(f"not closed in time: {name}")


class OneServer(HostileTest):
    """All tests of a class have one server."""

    options = ()
    popen = {}

    @classmethod
    def setUpClass(cls):
        http_port = free_port()
        cls.server = Server(SERVER_BINARY, "--http-listen", f"127.0.0.1:{http_port}",
                            *cls.options, **cls.popen)
        cls.figures = Figures(http_port)

    @classmethod
    def tearDownClass(cls):
        assert cls.server.stop() == 0

    def is_answered(self):
        """Whether a new connection gets an answer."""
        with contextlib.suppress(OSError, Closed):
            connection = Connection(self.server.port)
            status = connection.call(BALANCE, framed(text(1, "nobody")))
            connection.close()
            return status is not None
        return False

    def expect_answers_soon(self):
        give_up = time.monotonic() + SOON
        is_answered = self.is_answered()
        while not is_answered and time.monotonic() < give_up:
            is_answered = self.is_answered()
        self.assertTrue(is_answered)
        self.assertLess(time.monotonic(), give_up)


class Floods(OneServer):
    # What gRPC may use for buffers (512 MiB), and what malloc keeps of it for later.
    MEMORY_MAX = 700_000_000
    # What a flood leaves, which is worked through for a fraction of a second.
    FLOOD_MEMORY_MAX = 300_000_000

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        assert open_account(cls.server.port) == OK
        cls.resident = floods.Usage(cls.server.process.pid).resident()

    def cuts(self, reasons):
        return sum(self.figures.read(f'farebox_connections_cut_total{{reason="{reason}"}}')
                   for reason in reasons)

    def expect_grown_less(self, resident, bytes_max):
        grown = floods.Usage(self.server.process.pid).resident() - resident
        self.assertLess(grown, memory_bounds.at_most(bytes_max))

    def expect_cut(self, pieces, *reasons):
        before = self.cuts(reasons)
        resident = floods.Usage(self.server.process.pid).resident()
        with floods.GoodCaller(self.server.port) as caller:
            took, sent = floods.flood(Connection(self.server.port), pieces)
        self.expect_cut_soon(took)
        # It is counted before it is cut.
        self.assertEqual(self.cuts(reasons), before + 1, f"for none of {reasons}")
        self.expect_served(caller)
        self.expect_grown_less(resident, self.FLOOD_MEMORY_MAX)
        return sent

    def test_calls_that_are_reset_at_once_are_cut(self):
        # Whichever is seen first: a busy machine tells late of what was reset.
        self.expect_cut(floods.resets(300_000), "resets", "bytes")

    def test_calls_with_a_request_that_are_reset_at_once_are_cut(self):
        self.expect_cut(floods.resets(300_000, message=framed(text(1, "alice"))),
                        "resets", "bytes")

    def test_calls_of_no_method_that_are_reset_at_once_are_cut(self):
        # Whichever is seen first: what comes fast is not worked through before it is too much.
        self.expect_cut(floods.resets(300_000, path="/none"), "resets", "bytes")

    def test_calls_that_are_none_are_cut(self):
        self.expect_cut(floods.resets(600_000, te="x"), "bytes")

    def test_a_header_without_end_is_cut(self):
        sent = self.expect_cut(floods.endless_headers(60_000_000), "bytes")
        self.assertLess(sent, 40_000_000)

    def test_a_header_without_end_in_small_frames_is_cut(self):
        self.expect_cut(floods.endless_headers(30_000_000, piece=64), "bytes")

    def test_settings_without_end_are_cut(self):
        self.expect_cut(floods.settings(3_000_000), "bytes")

    def test_binary_metadata_that_is_none_is_closed_and_counted(self):
        # Both sides may have closed it by the time that it is looked at.
        series = [f'farebox_connections_ended_total{{by="{side}"}}' for side in ("server", "peer")]
        with floods.GoodCaller(self.server.port) as caller:
            before = sum(map(self.figures.read, series))
            bad = Connection(self.server.port)
            self.assertNotEqual(bad.outcome(BALANCE, framed(text(1, "alice")), x_bin="=?=*"), OK)
            give_up = time.monotonic() + PATIENCE
            while sum(map(self.figures.read, series)) <= before:
                self.assertLess(time.monotonic(), give_up)
                time.sleep(0.05)
            bad.close()
        self.expect_served(caller)

    def test_calls_that_nobody_reads_the_answers_of_use_bounded_memory(self):
        deaf = Connection(self.server.port)
        request = framed(text(1, "alice"))
        deaf.socket.settimeout(2)
        with contextlib.suppress(OSError):  # It waits, or the server has had enough.
            for _ in range(50_000):
                deaf.data(deaf.start(deaf.headers(BALANCE, grpc_timeout=None)), request)
        self.expect_grown_less(self.resident, self.MEMORY_MAX)
        deaf.close()
        self.assertTrue(self.is_answered())

    def test_streams_of_reflection_have_a_bounded_number_of_threads(self):
        path = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
        threads = pathlib.Path(f"/proc/{self.server.process.pid}/task")
        before = len(list(threads.iterdir()))
        idle = Connection(self.server.port)
        for _ in range(100):
            idle.start(idle.headers(path, grpc_timeout=None))
        idle.ping()
        self.assertTrue(self.is_answered())
        self.assertLess(len(list(threads.iterdir())) - before, 20)
        idle.close()


class OtherAddresses(HostileTest):
    def test_a_flood_by_ipv6_is_cut(self):
        http_port = free_port()
        server = Server(SERVER_BINARY, f"--http-listen=127.0.0.1:{http_port}", listen="[::1]:0",
                        stderr=subprocess.DEVNULL)
        self.addCleanup(server.stop)
        # So few that none waits to be read for long.
        took, _ = floods.flood(Connection(server.port, host="::1"), floods.resets(3_000))
        self.expect_cut_soon(took)
        # For what it did: its calls were known to be its own.
        Figures(http_port).wait_for('farebox_connections_cut_total{reason="resets"}',
                                    lambda value: value == 1)
        self.assertEqual(Connection(server.port, host="::1").call("/none", b""), UNIMPLEMENTED)
        self.assertEqual(server.stop(), 0)

    def test_a_unix_socket_is_answered_and_can_be_listened_on_again(self):
        with tempfile.TemporaryDirectory(prefix="farebox-hostile-") as directory:
            path = f"{directory}/socket"
            for _ in range(2):
                server = Server(SERVER_BINARY, listen=f"unix:{path}")
                self.assertEqual(open_account(path), OK)
                self.assertEqual(server.stop(), 0)


class Dawdlers(OneServer):
    # Each connection may be of any age: that does not close one before its own time has come.
    options = ("--connection-idle", "1")

    def raw(self, data):
        sock = connect(self.server.port)
        sock.sendall(data)
        return sock

    def test_each_is_closed_in_its_time_and_counted(self):
        series = "farebox_connections_unused_total"
        before = self.figures.read(series)
        start = time.monotonic()
        dawdlers = (  # Those that are closed first come first.
            ("idle", Connection(self.server.port).socket, 1),
            ("silent", self.raw(b""), HANDSHAKE_SECONDS),
            ("half a preface", self.raw(PREFACE[:10]), HANDSHAKE_SECONDS),
            ("a preface and no settings", self.raw(PREFACE), HANDSHAKE_SECONDS))
        for name, sock, seconds in dawdlers:
            self.expect_end(name, sock, start + seconds + SOON)

        self.figures.wait_for(series, lambda value: value == before + len(dawdlers), SOON)
        self.assertTrue(self.is_answered())


class OldConnections(OneServer):
    AGE, GRACE = 3, 1
    options = ("--connection-age", str(AGE), "--connection-age-grace", str(GRACE))

    def test_half_a_request_is_closed_at_that_age(self):
        half = Connection(self.server.port)
        start = time.monotonic()
        stream = half.start(half.headers(BALANCE, grpc_timeout=None))
        half.send(h2.DataFrame(stream, data=framed(b"", size=100)))

        self.expect_end("half a request", half.socket, start + self.AGE + self.GRACE + SOON)

        self.assertTrue(self.is_answered())


class CallsAtOnce(OneServer):
    options = ("--calls-per-connection-max", "7")

    def most(self, port):
        peer = Connection(port)
        self.addCleanup(peer.close)
        return peer.settings[h2.SettingsFrame.MAX_CONCURRENT_STREAMS]

    def test_are_few_on_a_connection_and_an_operator_says_how_many(self):
        by_default = Server(SERVER_BINARY)
        self.addCleanup(by_default.stop)

        self.assertEqual(self.most(by_default.port), 128)
        self.assertEqual(self.most(self.server.port), 7)


class Crowds(OneServer):
    options = ("--connections-max", "6")

    def test_more_connections_than_there_may_be_are_closed_at_once(self):
        first = [Connection(self.server.port) for _ in range(6)]
        series = 'farebox_connections_refused_total{reason="total"}'
        before = self.figures.read(series)

        with connect(self.server.port) as late:
            self.assertEqual(late.recv(1), b"")
        self.assertEqual(self.figures.read(series), before + 1)
        self.assertEqual(self.figures.read("farebox_connections"), 6)

        first.pop().close()
        self.figures.wait_for("farebox_connections", lambda value: value == 5)
        self.assertTrue(self.is_answered())
        for connection in first:
            connection.close()


class FewDescriptors(OneServer):
    LIMIT = 160
    popen = {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (160, 160))}

    def test_a_crowd_does_not_take_all_and_leaves_no_trace(self):
        crowd = []
        for _ in range(80):
            with contextlib.suppress(OSError):
                crowd.append(connect(self.server.port))
        self.figures.wait_for('farebox_connections_refused_total{reason="total"}',
                              lambda value: value > 0)
        for sock in crowd:
            sock.close()
        self.expect_answers_soon()

    @staticmethod
    def settled_descriptors(pid):
        """What the server has open once all who left are gone: for a second nothing changes."""
        def read():
            return {int(entry.name) for entry in pathlib.Path(f"/proc/{pid}/fd").iterdir()}

        deadline = time.monotonic() + PATIENCE
        taken, since = read(), time.monotonic()
        while time.monotonic() - since < 1:
            if time.monotonic() > deadline:
                raise RuntimeError("the server's descriptors do not settle")
            time.sleep(0.05)
            now = read()
            if now != taken:
                taken, since = now, time.monotonic()
        return taken

    def test_without_descriptors_who_comes_is_closed_until_there_are_some(self):
        pid = self.server.process.pid
        taken = self.settled_descriptors(pid)
        first_free = min(set(range(self.LIMIT)) - taken)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (first_free, self.LIMIT))
        for _ in range(5):
            with connect(self.server.port) as late:
                with contextlib.suppress(ConnectionError):
                    self.assertEqual(late.recv(1), b"")
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (self.LIMIT, self.LIMIT))

        self.expect_answers_soon()
        self.assertGreaterEqual(
            self.figures.read('farebox_connections_refused_total{reason="descriptors"}'), 5)


class Tls(HostileTest):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory(prefix="farebox-hostile-")
        make_certificates(cls.directory.name)
        cls.good = client_context(cls.directory.name)
        files = cls.directory.name
        http_port = free_port()
        cls.server = Server(SERVER_BINARY, f"--tls-cert={files}/server.pem",
                            f"--tls-key={files}/server.key", f"--tls-client-ca={files}/ca.pem",
                            f"--http-listen=127.0.0.1:{http_port}", stderr=subprocess.DEVNULL)
        cls.figures = Figures(http_port, ssl.create_default_context(cafile=f"{files}/ca.pem"))
        assert open_account(cls.server.port, cls.good) == OK

    @classmethod
    def tearDownClass(cls):
        assert cls.server.stop() == 0
        cls.directory.cleanup()

    def test_a_flood_under_tls_is_cut(self):
        with floods.GoodCaller(self.server.port, tls=self.good) as caller:
            flooding = Connection(self.server.port, tls=self.good)
            took, _ = floods.flood(flooding, floods.resets(100_000))
        self.expect_cut_soon(took)
        self.expect_served(caller)

    def test_what_is_no_good_tls_is_closed_and_counted(self):
        old = client_context(self.directory.name)
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        no_protocol = ssl.create_default_context(cafile=f"{self.directory.name}/ca.pem")
        no_protocol.load_cert_chain(f"{self.directory.name}/client.pem",
                                    f"{self.directory.name}/client.key")
        stranger = client_context(self.directory.name, certificate=None)
        series = "farebox_connections_unused_total"
        with floods.GoodCaller(self.server.port, tls=self.good) as caller:
            for name, context in (("old", old), ("no protocol", no_protocol),
                                  ("no certificate", stranger), ("no TLS", None)):
                before = self.figures.read(series)
                with self.assertRaises((ConnectionError, ssl.SSLError, Closed), msg=name):
                    Connection(self.server.port, tls=context)
                self.figures.wait_for(series, lambda value: value == before + 1, SOON)
        self.expect_served(caller)

    def test_a_silent_peer_is_closed(self):
        with connect(self.server.port) as silent:
            silent.settimeout(HANDSHAKE_SECONDS + SOON)
            self.assertEqual(silent.recv(1), b"")


if __name__ == "__main__":
    unittest.main()
