#!/usr/bin/python3
"""Answers of one commit leave together: few segments of TCP for many answers, none held back.

Counts what the kernel received, since only it knows. Usage: answers_together_test.py SERVER_BINARY
"""

import pathlib
import socket
import struct
import sys
import time
import unittest

from hyperframe import frame as h2

sys.dont_write_bytecode = True  # the tree stays as it was checked out
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from http2_peer import (  # noqa: E402
    CREDIT_REASON_PAYMENT, OK, Connection, Server, framed, method, number, text)

SERVER_BINARY = pathlib.Path(sys.argv.pop(1))

# As many as a connection has at once.
CALLS = 128
ROUNDS = 20
ITEM_ADJUSTMENT = 11
# tcpi_data_segs_in of struct tcp_info (linux/tcp.h).
SEGMENTS_OFFSET = 152
# Together they are one for some twenty answers; each by itself, one for two.
SEGMENTS_PER_ANSWER_MAX = 0.2
# Whatever is held back and forgotten, the kernel lets go after 0.2 s.
HELD_BACK = 0.15


def segments(connection):
    info = connection.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    return struct.unpack_from("I", info, SEGMENTS_OFFSET)[0]


class Burst:
    """Debits that are sent all at once, and how their answers came."""

    def __init__(self, connection, name, calls):
        self.connection = connection
        sent = b""
        for i in range(calls):
            stream, connection.next_stream = connection.next_stream, connection.next_stream + 2
            block = connection.encoder.encode(
                connection.headers(method("BillingService/Debit")), huffman=False)
            debit = (text(1, "alice") + text(2, f"{name}-{i}") + number(5, 1) +
                     number(7, ITEM_ADJUSTMENT))
            sent += h2.HeadersFrame(stream, data=block, flags=["END_HEADERS"]).serialize()
            sent += h2.DataFrame(stream, data=framed(debit), flags=["END_STREAM"]).serialize()
        before = segments(connection)
        start = time.monotonic()
        connection.socket.sendall(sent)
        self.statuses = [self.next_status() for _ in range(calls)]
        self.seconds = time.monotonic() - start
        self.segments = segments(connection) - before

    def next_status(self):
        while True:
            frame = self.connection.read()
            if isinstance(frame, h2.HeadersFrame):
                fields = dict(self.connection.decoder.decode(frame.data))
                if "grpc-status" in fields:
                    return int(fields["grpc-status"])


class AnswersTogether(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(SERVER_BINARY)
        cls.connection = Connection(cls.server.port)
        account = text(1, "alice") + text(2, "USD")
        for name, message in (
                ("AccountService/CreateAccount", text(1, account) + text(2, "open")),
                ("BillingService/Credit", text(1, "alice") + text(2, "paid") +
                 number(3, 1_000_000) + number(4, CREDIT_REASON_PAYMENT))):
            status = cls.connection.call(method(name), framed(message))
            if status != OK:
                raise AssertionError(f"{name}: {status}")

    @classmethod
    def tearDownClass(cls):
        cls.connection.close()
        cls.server.stop()

    def test_many_answers_take_few_segments(self):
        bursts = [Burst(self.connection, f"many-{i}", CALLS) for i in range(ROUNDS)]
        for burst in bursts:
            self.assertEqual(burst.statuses, [OK] * CALLS)
        took = sum(burst.segments for burst in bursts) / (ROUNDS * CALLS)
        print(f"{took:.2f} segments an answer")
        self.assertLess(took, SEGMENTS_PER_ANSWER_MAX)

    def test_no_answer_is_held_back(self):
        quickest = min(Burst(self.connection, f"one-{i}", 1).seconds for i in range(ROUNDS))
        self.assertLess(quickest, HELD_BACK)
        quickest = min(Burst(self.connection, f"few-{i}", 5).seconds for i in range(ROUNDS))
        self.assertLess(quickest, HELD_BACK)


if __name__ == "__main__":
    unittest.main()
