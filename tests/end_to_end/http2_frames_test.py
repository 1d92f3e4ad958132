#!/usr/bin/python3
"""What no gRPC library sends: broken HTTP/2 frames, headers and message framing.

The real server answers each as the API says, or closes the connection; none changes the ledger, and
others are answered meanwhile. Usage: http2_frames_test.py SERVER_BINARY
"""

import pathlib
import socket
import struct
import subprocess
import sys
import tempfile
import time
import unittest

import hpack
from hyperframe import frame as h2

SERVER_BINARY = pathlib.Path(sys.argv.pop(1))
PATIENCE = 10

OK, INVALID_ARGUMENT, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, UNIMPLEMENTED = 0, 3, 4, 8, 12
CREDITED = 1_000_000


def varint(value):
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out + bytes([value]))


def number(field, value):
    return varint(field << 3) + varint(value)


def text(field, value):
    value = value.encode() if isinstance(value, str) else value
    return varint(field << 3 | 2) + varint(len(value)) + value


def framed(message, flag=0, size=None):
    """A message as gRPC frames it; `size` is the length it claims."""
    return struct.pack(">BI", flag, len(message) if size is None else size) + message


def debit(request_id, micros=1):
    return text(1, "alice") + text(2, request_id) + number(5, micros) + number(7, ITEM_ADJUSTMENT)


def method(name):
    return f"/farebox.v1.{name}"


DEBIT = method("BillingService/Debit")
BALANCE = method("BillingService/GetBalance")
ITEM_ADJUSTMENT = 11
CREDIT_REASON_PAYMENT = 1


class Closed(Exception):
    """The server has ended the stream, or the connection, without a status."""


class Connection:
    """One HTTP/2 connection that checks nothing of what it sends."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.encoder, self.decoder = hpack.Encoder(), hpack.Decoder()
        self.next_stream = 1
        self.goaway = None
        self.socket.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        self.send(h2.SettingsFrame(0))
        # Answers are never held back for want of room.
        self.send(h2.WindowUpdateFrame(0, window_increment=2**30))
        while not isinstance(self.read(), h2.SettingsFrame):
            pass
        self.send(h2.SettingsFrame(0, flags=["ACK"]))
        self.ping()

    def close(self):
        self.socket.close()

    def send(self, frame):
        self.socket.sendall(frame.serialize())

    def read(self):
        head = self.read_bytes(9)
        frame, length = h2.Frame.parse_frame_header(memoryview(head))
        frame.parse_body(memoryview(self.read_bytes(length)))
        if isinstance(frame, h2.GoAwayFrame):
            self.goaway = frame
        return frame

    def read_bytes(self, count):
        data = b""
        while len(data) < count:
            try:
                more = self.socket.recv(count - len(data))
            except ConnectionError as error:
                raise Closed("the connection was reset") from error
            if not more:
                raise Closed("the connection was closed")
            data += more
        return data

    def ping(self):
        """Returns when the server has seen all that was sent before."""
        self.send(h2.PingFrame(0, opaque_data=b"12345678"))
        while True:
            frame = self.read()
            if isinstance(frame, h2.PingFrame) and "ACK" in frame.flags:
                return

    def headers(self, path, **changes):
        """The headers of a call; None leaves one out. `_` stands for `-`, `p_` for `:`."""
        fields = {":method": "POST", ":scheme": "http", ":path": path, ":authority": "localhost",
                  "content-type": "application/grpc", "te": "trailers", "grpc-timeout": "5S"}
        for name, value in changes.items():
            name = ":" + name[2:] if name.startswith("p_") else name.replace("_", "-")
            fields.pop(name, None)
            if value is not None:
                fields[name] = value
        return list(fields.items())

    def start(self, headers, end=False, piece=None):
        """Sends headers, in pieces of so many bytes where it says so; returns the stream."""
        stream, self.next_stream = self.next_stream, self.next_stream + 2
        block = self.encoder.encode(headers, huffman=False)
        piece = piece or len(block)
        pieces = [block[i:i + piece] for i in range(0, len(block), piece)]
        for i, data in enumerate(pieces):
            kind = h2.HeadersFrame if i == 0 else h2.ContinuationFrame
            frame = kind(stream, data=data)
            if i == len(pieces) - 1:
                frame.flags.add("END_HEADERS")
            if i == 0 and end:
                frame.flags.add("END_STREAM")
            self.send(frame)
        return stream

    def data(self, stream, data, end=True):
        for i in range(0, max(len(data), 1), 16384):
            frame = h2.DataFrame(stream, data=data[i:i + 16384])
            if end and i + 16384 >= len(data):
                frame.flags.add("END_STREAM")
            self.send(frame)

    def status(self, stream):
        """The gRPC status that ends the stream."""
        while True:
            frame = self.read()
            if frame.stream_id != stream:
                continue
            if isinstance(frame, h2.RstStreamFrame):
                raise Closed(f"the stream was reset with {frame.error_code}")
            if isinstance(frame, h2.HeadersFrame):
                fields = dict(self.decoder.decode(frame.data))
                if "grpc-status" in fields:
                    return int(fields["grpc-status"])

    def call(self, path, body, **headers):
        stream = self.start(self.headers(path, **headers))
        self.data(stream, body)
        return self.status(stream)

    def outcome(self, path, body, **headers):
        """The status, or -1 where the stream or the connection was closed instead."""
        try:
            return self.call(path, body, **headers)
        except (Closed, ConnectionError):
            return -1


class Server:
    def __init__(self):
        self.directory = tempfile.TemporaryDirectory(prefix="farebox-frames-")
        port_file = pathlib.Path(self.directory.name) / "port"
        self.process = subprocess.Popen(
            [SERVER_BINARY, "--data", f"{self.directory.name}/ledger", "--listen", "127.0.0.1:0",
             "--port-file", port_file, "--log-level", "error"])
        give_up = time.monotonic() + PATIENCE
        while not port_file.exists() or not port_file.read_text().strip():
            if time.monotonic() > give_up:
                raise TimeoutError("the server does not start")
            time.sleep(0.02)
        self.port = int(port_file.read_text())

    def stop(self):
        self.process.terminate()
        self.process.wait(PATIENCE)
        self.directory.cleanup()

    def is_running(self):
        return self.process.poll() is None


class Frames(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        # Stays open through all tests: what one peer does must not end another's connection.
        cls.good = Connection(cls.server.port)
        account = text(1, "alice") + text(2, "USD")
        cls.must("AccountService/CreateAccount", text(1, account) + text(2, "open"))
        cls.must("BillingService/Credit", text(1, "alice") + text(2, "paid") +
                 number(3, CREDITED) + number(4, CREDIT_REASON_PAYMENT))

    @classmethod
    def tearDownClass(cls):
        cls.good.close()
        cls.server.stop()

    @classmethod
    def must(cls, name, message):
        status = cls.good.call(method(name), framed(message))
        if status != OK:
            raise AssertionError(f"{name}: {status}")

    def setUp(self):
        self.bad = Connection(self.server.port)
        self.before = self.balance()
        self.charged = 0

    def tearDown(self):
        self.bad.close()
        self.assertTrue(self.server.is_running())
        self.assertEqual(self.balance(), self.before - self.charged)

    def balance(self):
        """By the good connection, so that it is seen to live."""
        stream = self.good.start(self.good.headers(BALANCE))
        self.good.data(stream, framed(text(1, "alice")))
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
                    return self.first_varint(data[5:])

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
            self.assertNotEqual(status, OK, changes)

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

    # ---- Connections

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


if __name__ == "__main__":
    unittest.main()
