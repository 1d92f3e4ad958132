#!/usr/bin/python3
"""What no gRPC library sends: broken HTTP/2 frames, headers and message framing.

The real server answers each as the API says, or closes the connection; none changes the ledger, and
others are answered meanwhile. Usage: http2_frames_test.py SERVER_BINARY FAILING_DISK
"""

import pathlib
import socket
import sys
import time
import unittest

from hyperframe import frame as h2

sys.dont_write_bytecode = True  # the tree stays as it was checked out
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import floods  # noqa: E402
import memory_bounds  # noqa: E402
from http2_peer import (  # noqa: E402
    BALANCE, OK, PATIENCE, Closed, Connection, Server, framed, method, number, open_alice, text)
from stuck_disk import StuckDisk  # noqa: E402

SERVER_BINARY = pathlib.Path(sys.argv.pop(1))
FAILING_DISK = pathlib.Path(sys.argv.pop(1)).resolve()

UNKNOWN, INVALID_ARGUMENT, DEADLINE_EXCEEDED, NOT_FOUND = 2, 3, 4, 5
RESOURCE_EXHAUSTED, UNIMPLEMENTED = 8, 12
ENHANCE_YOUR_CALM = 11
SERVING = 1
CREDITED = 1_000_000
DEBIT = method("BillingService/Debit")
RELEASE = method("BillingService/Release")
HEALTH = "/grpc.health.v1.Health/Check"
ITEM_ADJUSTMENT = 11
# server/base/limits.h: kRequestBytesMax, kMetadataBytesMax.
REQUEST_BYTES_MAX = 64 * 1024
METADATA_BYTES_MAX = 8 * 1024
# Calls with 100 KB of metadata each, one after the other: together more than may be kept of them.
EARLY_CALLS, EARLY_BYTES_MAX = 300, 20_000_000
# What HTTP/2 adds to each header when it counts their bytes.
HEADER_EXTRA_BYTES = 32
# server/base/limits.h: kDefaultTimeout. A commit is held for longer, and for less than kStuckWrite.
DEFAULT_TIMEOUT_SECONDS, HELD_SECONDS = 2, 4


def debit(request_id, micros=1):
    return text(1, "alice") + text(2, request_id) + number(5, micros) + number(7, ITEM_ADJUSTMENT)


def padded(message, size):
    """The same with a field that nobody knows, as long as it takes to have that size."""
    filling = size - len(message) - len(text(2046, bytes(20_000))) + 20_000
    return message + text(2046, bytes(filling))


class Frames(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(SERVER_BINARY)
        # Stays open through all tests: what one peer does must not end another's connection.
        cls.good = Connection(cls.server.port)
        open_alice(cls.good, CREDITED)

    @classmethod
    def tearDownClass(cls):
        cls.good.close()
        cls.server.stop()

    def setUp(self):
        self.bad = Connection(self.server.port)
        self.before = self.balance()
        self.charged = 0

    def tearDown(self):
        self.bad.close()
        self.assertTrue(self.server.is_running())
        self.assertEqual(self.balance(), self.before - self.charged)

    def balance(self):
        return self.first_varint(self.answer(BALANCE, text(1, "alice")))

    def answer(self, path, message):
        """By the good connection, so that it is seen to live."""
        stream = self.good.start(self.good.headers(path))
        self.good.data(stream, framed(message))
        data = b""
        while True:
            frame = self.good.read()
            if isinstance(frame, h2.DataFrame) and frame.stream_id == stream:
                data += frame.data
                continue
            if isinstance(frame, h2.HeadersFrame) and frame.stream_id == stream:
                fields = dict(self.good.decoder.decode(frame.data))
                if "grpc-status" in fields:
                    self.assertEqual(fields["grpc-status"], "0")
                    return data[5:]

    @staticmethod
    def first_varint(message):
        assert message[0] == 1 << 3
        value, shift = 0, 0
        for byte in message[1:]:
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value
        raise AssertionError("a cut number")

    # ---- Messages and their frames

    def test_a_good_call_is_answered(self):
        self.assertEqual(self.bad.call(DEBIT, framed(debit("good"))), OK)
        self.charged = 1

    def test_no_message_is_invalid(self):
        stream = self.bad.start(self.bad.headers(DEBIT), end=True)
        self.assertEqual(self.bad.status(stream), INVALID_ARGUMENT)

    def test_an_empty_message_is_invalid(self):
        self.assertEqual(self.bad.call(DEBIT, framed(b"")), INVALID_ARGUMENT)

    def test_a_message_flag_that_nobody_defined_charges_nothing(self):
        self.assertIn(self.bad.outcome(DEBIT, framed(debit("flag"), flag=7)),
                      (INVALID_ARGUMENT, -1))

    def test_a_compressed_flag_without_an_encoding_is_refused_or_read_as_it_is(self):
        status = self.bad.outcome(DEBIT, framed(debit("compressed"), flag=1))
        self.assertIn(status, (OK, INVALID_ARGUMENT, UNIMPLEMENTED, 13, -1))
        self.charged = 1 if status == OK else 0

    def test_two_messages_have_one_effect(self):
        two = framed(debit("first")) + framed(debit("second"))
        status = self.bad.outcome(DEBIT, two)
        self.charged = 1 if status == OK else 0
        self.assertIn(status, (OK, INVALID_ARGUMENT, UNIMPLEMENTED, 13, -1))

    def test_a_message_that_ends_early_charges_nothing(self):
        self.assertIn(self.bad.outcome(DEBIT, framed(debit("cut"), size=5_000_000)),
                      (INVALID_ARGUMENT, RESOURCE_EXHAUSTED, 13, -1))

    def test_a_message_of_five_megabytes_is_refused(self):
        self.assertIn(self.bad.outcome(DEBIT, framed(bytes(1000), size=5_000_000)),
                      (INVALID_ARGUMENT, RESOURCE_EXHAUSTED, 13, -1))

    def test_a_whole_message_of_five_megabytes_is_refused(self):
        self.assertIn(self.bad.outcome(DEBIT, framed(bytes(5_000_000))),
                      (INVALID_ARGUMENT, RESOURCE_EXHAUSTED, 13, -1))

    def test_a_request_is_as_long_as_its_bound_and_no_longer(self):
        for size, expected in ((REQUEST_BYTES_MAX, OK),
                               (REQUEST_BYTES_MAX + 1, RESOURCE_EXHAUSTED)):
            request = framed(padded(debit(f"{size}"), size))
            connection = Connection(self.server.port)
            stream = connection.start(connection.headers(DEBIT))
            # The first half makes room for the second.
            connection.data(stream, request[:size // 2], end=False)
            connection.ping()
            connection.data(stream, request[size // 2:])
            self.assertEqual(connection.status(stream), expected, size)
            connection.close()
        self.charged = 1

    # ---- Headers

    def test_a_deadline_that_cannot_be_read_is_our_own(self):
        for i, timeout in enumerate(("soon", "-5S", "5", "")):
            self.assertEqual(self.bad.call(DEBIT, framed(debit(f"timeout{i}")),
                                           grpc_timeout=timeout), OK, timeout)
            self.charged += 1

    def test_a_deadline_that_is_over_has_no_effect_or_is_answered(self):
        status = self.bad.call(DEBIT, framed(debit("late")), grpc_timeout="1n")
        self.assertIn(status, (OK, DEADLINE_EXCEEDED))
        # The same id tells what became of it.
        self.assertEqual(self.bad.call(DEBIT, framed(debit("late"))), OK)
        self.charged = 1

    def test_other_methods_and_schemes_are_refused(self):
        for changes in ({"p_method": "GET"}, {"p_scheme": "x"}, {"te": "x"}, {"te": None}):
            connection = Connection(self.server.port)
            status = connection.outcome(DEBIT, framed(debit("header")), **changes)
            connection.close()
            self.assertEqual(status, UNKNOWN, changes)

    def test_other_content_types_are_taken_or_refused(self):
        for content_type in (None, "application/json", "text/html"):
            connection = Connection(self.server.port)
            status = connection.outcome(DEBIT, framed(debit("type")), content_type=content_type)
            connection.close()
            self.assertIn(status, (OK, INVALID_ARGUMENT, -1), content_type)
            self.charged |= status == OK

    def test_unknown_methods_are_unimplemented(self):
        for path in ("/", "/farebox.v1.BillingService/Steal", "/other.Service/Debit", DEBIT + "/"):
            self.assertEqual(self.bad.call(path, framed(debit("path"))), UNIMPLEMENTED, path)

    def test_metadata_are_as_long_as_their_bound_and_no_longer(self):
        headers = self.bad.headers(DEBIT, x_large="")
        fixed = sum(len(name) + len(value) + HEADER_EXTRA_BYTES for name, value in headers)
        for size, expected in ((METADATA_BYTES_MAX, OK),
                               (METADATA_BYTES_MAX + 1, RESOURCE_EXHAUSTED)):
            self.assertEqual(self.bad.outcome(DEBIT, framed(debit("bound")),
                                              x_large="x" * (size - fixed)), expected, size)
        self.charged = 1

    def test_too_much_metadata_is_refused(self):
        self.assertIn(self.bad.outcome(DEBIT, framed(debit("metadata")), x_large="x" * 16_000),
                      (RESOURCE_EXHAUSTED, -1))

    def test_a_hundred_kilobytes_of_continued_headers_are_refused(self):
        headers = self.bad.headers(DEBIT) + [(f"x-{i}", "y" * 1000) for i in range(100)]
        try:
            stream = self.bad.start(headers, piece=10_000)
            self.bad.data(stream, framed(debit("continued")))
            self.assertEqual(self.bad.status(stream), RESOURCE_EXHAUSTED)
        except (Closed, ConnectionError):
            pass

    def test_binary_metadata_that_is_none_ends_at_most_its_own_connection(self):
        self.assertNotEqual(self.bad.outcome(DEBIT, framed(debit("base64")), x_bin="=?=*"), OK)

    def test_metadata_before_the_bounds_are_known_are_refused_or_taken(self):
        resident = floods.Usage(self.server.process.pid).resident()
        for _ in range(EARLY_CALLS):
            early = Connection(self.server.port, acknowledge=False)
            headers = early.headers(DEBIT) + [(f"x-{i}", "y" * 1000) for i in range(100)]
            try:
                stream = early.start(headers, piece=16_000)
                early.data(stream, framed(debit("early")))
                status = early.status(stream)
                self.assertIn(status, (OK, RESOURCE_EXHAUSTED))
                self.charged |= status == OK
            except (Closed, ConnectionError):
                pass
            early.close()
        grown = floods.Usage(self.server.process.pid).resident() - resident
        self.assertLess(grown, memory_bounds.at_most(EARLY_BYTES_MAX))

    # ---- Connections

    def test_more_calls_at_once_than_there_may_be_end_at_most_their_own_connection(self):
        with self.assertRaises((Closed, ConnectionError)):
            for _ in range(1100):
                self.bad.start(self.bad.headers(DEBIT))
            self.bad.ping()
            self.bad.call(BALANCE, framed(text(1, "alice")))

    def test_frames_out_of_order_end_at_most_their_own_connection(self):
        for frame in (h2.DataFrame(99, data=b"data"), h2.ContinuationFrame(1, data=b"headers"),
                      h2.WindowUpdateFrame(0, window_increment=2**31 - 1),
                      h2.RstStreamFrame(7), h2.PriorityFrame(3), h2.PushPromiseFrame(1)):
            connection = Connection(self.server.port)
            try:
                connection.send(frame)
                connection.outcome(DEBIT, framed(debit("order", micros=0)))
            except (Closed, ConnectionError):
                pass
            connection.close()

    def test_what_is_not_http2_is_closed(self):
        for noise in (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", b"\x16\x03\x01\x02\x00\x01",
                      b"INVITE sip:alice@localhost SIP/2.0\r\n\r\n", bytes(10_000)):
            with socket.create_connection(("127.0.0.1", self.server.port), PATIENCE) as peer:
                peer.sendall(noise)
                while peer.recv(4096):
                    pass

    def test_a_flood_of_pings_is_sent_away(self):
        with self.assertRaises((Closed, ConnectionError)):
            for _ in range(1000):
                self.bad.ping()
        self.assertIsNotNone(self.bad.goaway)
        self.assertEqual(self.bad.goaway.error_code, ENHANCE_YOUR_CALM)

    def test_a_thousand_calls_that_are_given_up_charge_each_once_at_most(self):
        for i in range(1000):
            stream = self.bad.start(self.bad.headers(DEBIT))
            self.bad.data(stream, framed(debit(f"given-up-{i}")))
            self.bad.send(h2.RstStreamFrame(stream, error_code=8))
        self.bad.ping()
        # Said again: each has one effect by now, whether it was made then or is made here.
        for i in range(1000):
            self.assertEqual(self.good.call(DEBIT, framed(debit(f"given-up-{i}"))), OK)
        self.charged = 1000

    # ---- Health

    def test_health_knows_the_server_and_nothing_else(self):
        self.assertEqual(self.answer(HEALTH, b""), number(1, SERVING))
        self.assertEqual(self.bad.call(HEALTH, framed(text(1, "nothing"))), NOT_FOUND)

    def test_names_that_health_is_asked_for_are_bounded(self):
        self.assertEqual(self.bad.call(HEALTH, framed(text(1, "x" * 60_000))), INVALID_ARGUMENT)
        self.assertIn(self.bad.outcome(HEALTH, framed(text(1, "x" * 1_000_000))),
                      (INVALID_ARGUMENT, RESOURCE_EXHAUSTED, -1))

    def test_who_asks_for_health_without_end_leaves_the_server_serving(self):
        for i in range(1000):
            self.assertEqual(self.bad.call(HEALTH, framed(text(1, f"nothing-{i}"))), NOT_FOUND)
        self.assertEqual(self.answer(HEALTH, b""), number(1, SERVING))


class HeldWriter(unittest.TestCase):
    """What waits in the queue while the disk is stuck."""

    def setUp(self):
        self.disk = StuckDisk(FAILING_DISK)
        self.addCleanup(self.disk.close)
        self.server = Server(SERVER_BINARY, env=self.disk.environment)
        self.addCleanup(self.server.stop)

    def connection(self):
        connection = Connection(self.server.port)
        self.addCleanup(connection.close)
        return connection

    def begin_release(self, grpc_timeout):
        """Of a hold that is not there; NOT_FOUND where it comes to be looked for."""
        connection = self.connection()
        stream = connection.start(connection.headers(RELEASE, grpc_timeout=grpc_timeout))
        release = text(1, "alice") + number(2, 999) + text(3, f"<{grpc_timeout}>")
        connection.data(stream, framed(release))
        return connection, stream

    def test_a_deadline_that_cannot_be_read_is_our_own_and_passes_in_the_queue(self):
        held = self.connection()
        open_alice(held, CREDITED)
        self.disk.hold(HELD_SECONDS)
        self.addCleanup(self.disk.let_go)
        stream = held.start(held.headers(DEBIT, grpc_timeout=None))
        held.data(stream, framed(debit("held")))
        self.disk.wait_for_commit(PATIENCE)

        start = time.monotonic()
        waiting = {timeout: self.begin_release(timeout)
                   for timeout in ("abc", "99999999999S", "-1S", "1X", "")}
        readable, its_stream = self.begin_release("300m")

        self.assertEqual(readable.status(its_stream), DEADLINE_EXCEEDED)
        self.assertLess(time.monotonic() - start, HELD_SECONDS)
        for timeout, (connection, its_stream) in waiting.items():
            self.assertEqual(connection.status(its_stream), DEADLINE_EXCEEDED, timeout)
            self.assertGreater(time.monotonic() - start, DEFAULT_TIMEOUT_SECONDS, timeout)
        self.assertEqual(held.status(stream), OK)
        self.disk.let_go()
        self.assertEqual(held.call(RELEASE, framed(text(1, "alice") + number(2, 999) +
                                                   text(3, "after"))), NOT_FOUND)


if __name__ == "__main__":
    unittest.main()
